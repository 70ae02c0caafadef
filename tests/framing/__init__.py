"""The framing library: encoding, decoding, errors, and the drop-in for botocore."""

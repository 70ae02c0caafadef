"""What a benchmark is asked to do: the target, the arrivals, credentials, and units of text."""

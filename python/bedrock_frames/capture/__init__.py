"""Capture files: HTTP exchanges and their times, in a format that survives crashes and damage.

The format is written and read in Rust (docs/capture-format.md); this package gives its records the
shape of HTTP exchanges.
"""

from bedrock_frames.capture.dump import dump
from bedrock_frames.capture.exchanges import (
    Capture,
    CaptureError,
    Chunk,
    Exchange,
    Request,
    Response,
)
from bedrock_frames.capture.verify import Report, verify

__all__ = [
    "Capture",
    "CaptureError",
    "Chunk",
    "Exchange",
    "Report",
    "Request",
    "Response",
    "dump",
    "verify",
]

"""Amazon Bedrock event streams at native speed.

The framing library: encode and decode ``application/vnd.amazon.eventstream``, strictly. It needs
nothing outside the standard library; ``bedrock_frames.botocore`` alone imports botocore.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bedrock_frames._core import (
    BUILD_PROFILE,
    ChecksumMismatch,
    Decoder,
    DuplicateHeader,
    EventStreamError,
    InvalidHeader,
    InvalidLength,
    Limits,
    Message,
    MessageChecksumMismatch,
    MessageTooLarge,
    NotEventStream,
    PreludeChecksumMismatch,
    Template,
    Truncated,
    __version__,
    decode,
    decode_all,
    encode,
    encode_all,
    scan,
)
from bedrock_frames.streams import aiter_messages, iter_messages
from bedrock_frames.values import (
    HeaderInput,
    Headers,
    HeaderValue,
    Int8,
    Int16,
    Int32,
    Int64,
    Timestamp,
)

if TYPE_CHECKING:
    from types import ModuleType

    from bedrock_frames import botocore as botocore

__all__ = [
    "BUILD_PROFILE",
    "ChecksumMismatch",
    "Decoder",
    "DuplicateHeader",
    "EventStreamError",
    "HeaderInput",
    "HeaderValue",
    "Headers",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "InvalidHeader",
    "InvalidLength",
    "Limits",
    "Message",
    "MessageChecksumMismatch",
    "MessageTooLarge",
    "NotEventStream",
    "PreludeChecksumMismatch",
    "Template",
    "Timestamp",
    "Truncated",
    "__version__",
    "aiter_messages",
    "decode",
    "decode_all",
    "encode",
    "encode_all",
    "iter_messages",
    "scan",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> ModuleType:
        """Load ``bedrock_frames.botocore`` when it is first named."""
        if name == "botocore":
            from importlib import import_module

            return import_module("bedrock_frames.botocore")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

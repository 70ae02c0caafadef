"""``bedrock-frames dump``: a stream as JSON lines, one object a frame."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, TypeAlias
from uuid import UUID

from bedrock_frames.streams import iter_messages
from bedrock_frames.values import Int8, Int16, Int32, Int64, Timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bedrock_frames._core import Message
    from bedrock_frames.values import HeaderValue

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_READ_BYTES: Final = 64 * 1024
_HEAD_BYTES: Final = 4096
"""How much of a stream's beginning is kept, to say what it is instead of a stream."""
_CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,8}(;[^\r\n]*)?\r\n")
_INTEGERS: Final[dict[type, str]] = {
    Int8: "int8",
    Int16: "int16",
    Int32: "int32",
    Int64: "int64",
    Timestamp: "timestamp",
}


def dump(source: Iterable[bytes] | BinaryIO, out: TextIO) -> None:
    """Write one JSON object a frame to ``out``, each as soon as its frame is complete.

    Raises:
        EventStreamError: the stream is not valid; the frames before the fault have been written.
    """
    offset = 0
    for message in iter_messages(source):
        length = len(message.encode())
        line = {"offset": offset, "length": length, **describe(message)}
        # ASCII: a JSON string may hold what no encoding of stdout can.
        out.write(json.dumps(line, separators=(",", ":"), allow_nan=False))
        out.write("\n")
        out.flush()
        offset += length


def recognize(head: bytes) -> str | None:
    """Say what bytes are that do not begin with a frame, and how to get the stream from them.

    Each form comes from a common way to capture a body. None for bytes of another kind.
    """
    if head.startswith(b"\xef\xbb\xbf"):
        return "it begins with a UTF-8 byte order mark: it was saved as text; save the bytes"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it begins with a UTF-16 byte order mark: it was saved as text; save the bytes"
    if head.startswith(b"HTTP/"):
        return "it begins with HTTP headers: give the body alone (curl without -i)"
    if _CHUNK_SIZE.match(head):
        return "it is an HTTP body with chunked framing: decode the chunks (curl without --raw)"
    if head.startswith(b"\x1f\x8b"):
        return "it is gzip: decompress it first"
    if b"\xef\xbf\xbd" in head:
        return (
            "it has U+FFFD, which replaces bytes that are not UTF-8: "
            "it was decoded as text, and cannot be restored; save the bytes"
        )
    return None


class Recorded:
    """Chunks of a binary file, of which the first bytes are kept in ``head``."""

    def __init__(self, source: BinaryIO) -> None:
        """Read from ``source``."""
        self._source = source
        self.head = b""

    def __iter__(self) -> Iterator[bytes]:
        """Yield what is there, as soon as it is there."""
        read = getattr(self._source, "read1", None) or self._source.read
        while chunk := read(_READ_BYTES):
            self.head += chunk[: _HEAD_BYTES - len(self.head)]
            yield chunk


def describe(message: Message) -> dict[str, Json]:
    """Return a message as JSON: ``headers`` with their types, and its payload.

    The payload stands under ``payload`` where it is JSON, else under ``payload_base64``. The
    inner JSON of a Bedrock ``chunk`` event stands under ``chunk``.
    """
    headers: list[Json] = [
        {"name": name, **_describe_value(value)} for name, value in message.headers.items()
    ]
    described: dict[str, Json] = {"headers": headers}
    try:
        payload = _parse(message.payload)
    except ValueError:
        described["payload_base64"] = b64encode(message.payload).decode("ascii")
        return described
    described["payload"] = payload
    if message.event_type == "chunk" and isinstance(payload, dict):
        inner = payload.get("bytes")
        if isinstance(inner, str):
            # The bytes of some models are not JSON; the payload shows them verbatim.
            with suppress(ValueError):
                described["chunk"] = _parse(b64decode(inner, validate=True))
    return described


def _parse(data: bytes) -> Json:
    # Decoded here, since `json.loads` would guess at UTF-16 and let lone surrogates through.
    text = data.decode("utf-8")
    try:
        parsed: Json = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return parsed


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _refuse(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} has no place in JSON")


def _describe_value(value: HeaderValue) -> dict[str, Json]:
    match value:
        case bool():
            return {"type": "bool", "value": value}
        case int():
            return {"type": _INTEGERS[type(value)], "value": int(value)}
        case str():
            return {"type": "string", "value": value}
        case bytes():
            return {"type": "bytes", "value": b64encode(value).decode("ascii")}
        case UUID():
            return {"type": "uuid", "value": str(value)}

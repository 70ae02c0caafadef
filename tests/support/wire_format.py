"""The wire format in plain ``struct`` and ``zlib``: the tests' oracle and the benches' baseline.

It knows nothing of the library under test. ``encode`` takes plain Python values; ``header``,
``frame`` and ``repair`` build frames that no encoder would, checksums included; ``parse`` is the
strict reading of one frame.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

TRUE: Final = 0
FALSE: Final = 1
INT8: Final = 2
INT16: Final = 3
INT32: Final = 4
INT64: Final = 5
BYTES: Final = 6
STRING: Final = 7
TIMESTAMP: Final = 8
UUID_: Final = 9

PlainValue: TypeAlias = bool | int | bytes | str | datetime | UUID
WireValue: TypeAlias = bool | int | bytes | str | UUID
WireHeader: TypeAlias = tuple[str, int, WireValue]
"""Name, wire type, value; a timestamp is an ``int`` of milliseconds."""

OVERHEAD: Final = 16
"""Bytes of a frame that are neither headers nor payload."""
VALUE_MAX: Final = 32_767
"""The longest string or bytes value: the grammar says 2**15 - 1."""

_INTEGERS: Final = {
    INT8: struct.Struct(">b"),
    INT16: struct.Struct(">h"),
    INT32: struct.Struct(">i"),
    INT64: struct.Struct(">q"),
    TIMESTAMP: struct.Struct(">q"),
}
_U16: Final = struct.Struct(">H")
_U32: Final = struct.Struct(">I")
_LENGTHS: Final = struct.Struct(">II")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class MalformedError(ValueError):
    """A frame that the format does not allow."""


def encode(headers: Mapping[str, PlainValue], payload: bytes = b"") -> bytes:
    """Return one frame; an ``int`` is 32 bits wide, or 64 where it does not fit."""
    return frame(b"".join(header(n, *_typed(v)) for n, v in headers.items()), payload)


def encode_typed(headers: Iterable[WireHeader], payload: bytes = b"") -> bytes:
    """Return one frame whose headers say their wire types."""
    return frame(b"".join(header(*h) for h in headers), payload)


def header(name: str | bytes, wire_type: int, value: WireValue = b"") -> bytes:
    """Return one header; a ``bytes`` value of a type other than BYTES is taken as it stands."""
    name = name.encode() if isinstance(name, str) else name
    return bytes([len(name)]) + name + bytes([wire_type]) + _value(wire_type, value)


def frame(block: bytes, payload: bytes = b"") -> bytes:
    """Return the frame around a block of encoded headers."""
    head = prelude(OVERHEAD + len(block) + len(payload), len(block))
    body = b"".join((head, block, payload))
    return body + _U32.pack(zlib.crc32(body))


def prelude(total_length: int, headers_length: int) -> bytes:
    """Return 12 bytes that claim these lengths, with the right checksum."""
    lengths = _LENGTHS.pack(total_length, headers_length)
    return lengths + _U32.pack(zlib.crc32(lengths))


def repair(broken: bytes) -> bytes:
    """Return the bytes with both checksums made right for what they now say."""
    body = broken[:8] + _U32.pack(zlib.crc32(broken[:8])) + broken[12:-4]
    return body + _U32.pack(zlib.crc32(body))


def parse(data: bytes) -> tuple[list[WireHeader], bytes]:
    """Return the headers and the payload of exactly one frame.

    Raises:
        MalformedError: the bytes are anything else.
    """
    if len(data) < OVERHEAD:
        raise MalformedError("too short")
    total, headers_length = _LENGTHS.unpack_from(data)
    if _U32.unpack_from(data, 8)[0] != zlib.crc32(data[:8]):
        raise MalformedError("prelude checksum")
    if total != len(data) or headers_length > total - OVERHEAD:
        raise MalformedError("lengths")
    if _U32.unpack_from(data, total - 4)[0] != zlib.crc32(data[:-4]):
        raise MalformedError("message checksum")
    end = 12 + headers_length
    return _parse_headers(data[12:end]), data[end:-4]


def split(stream: bytes) -> list[bytes]:
    """Return the frames of a stream, cut by their own total lengths; the last may be torn."""
    frames = []
    while stream:
        length = max(int.from_bytes(stream[:4], "big"), OVERHEAD)
        frames.append(stream[:length])
        stream = stream[length:]
    return frames


def _typed(value: PlainValue) -> tuple[int, WireValue]:
    if isinstance(value, bool):  # Before int, which a bool also is.
        return (TRUE if value else FALSE), value
    if isinstance(value, str):
        return STRING, value
    if isinstance(value, bytes):
        return BYTES, value
    if isinstance(value, int):
        return (INT32 if -(2**31) <= value < 2**31 else INT64), value
    if isinstance(value, datetime):
        return TIMESTAMP, (value - _EPOCH) // _MILLISECOND
    return UUID_, value


def _value(wire_type: int, value: WireValue) -> bytes:
    if wire_type in (TRUE, FALSE):
        return b""
    if wire_type == BYTES and isinstance(value, bytes):
        return _U16.pack(len(value)) + value
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        data = value.encode()
        return _U16.pack(len(data)) + data
    if isinstance(value, UUID):
        return value.bytes
    return _INTEGERS[wire_type].pack(value)


class _Block:
    """A headers block that is read from the front and never beyond its end."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def take(self, length: int) -> bytes:
        if length > len(self.left):
            raise MalformedError("a header leaves its block")
        taken, self.left = self.left[:length], self.left[length:]
        return taken

    def text(self, length: int) -> str:
        try:
            return self.take(length).decode()
        except UnicodeDecodeError as error:
            raise MalformedError("not UTF-8") from error


def _parse_headers(data: bytes) -> list[WireHeader]:
    block = _Block(data)
    headers: dict[str, WireHeader] = {}
    while block.left:
        name = block.text(block.take(1)[0])
        if not name or name in headers:
            raise MalformedError("name")
        wire_type = block.take(1)[0]
        headers[name] = (name, wire_type, _parse_value(block, wire_type))
    return list(headers.values())


def _parse_value(block: _Block, wire_type: int) -> WireValue:
    if wire_type in (TRUE, FALSE):
        return wire_type == TRUE
    if wire_type in _INTEGERS:
        form = _INTEGERS[wire_type]
        value: int = form.unpack(block.take(form.size))[0]
        return value
    if wire_type == UUID_:
        return UUID(bytes=block.take(16))
    if wire_type not in (BYTES, STRING):
        raise MalformedError("type")
    length: int = _U16.unpack(block.take(2))[0]
    if length > VALUE_MAX:
        raise MalformedError("value length")
    return block.take(length) if wire_type == BYTES else block.text(length)

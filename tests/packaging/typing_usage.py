"""Documented usages with the types they have; mypy reads this file, nothing runs it."""

import array
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import BinaryIO, assert_type
from uuid import UUID

import bedrock_frames as bf
from bedrock_frames.values import HeaderValue


def encoding() -> None:
    assert_type(bf.encode({":event-type": "chunk"}, b"{}"), bytes)
    assert_type(bf.encode([("a", True), ("b", 1), ("c", b"x"), ("d", UUID(int=0))]), bytes)
    assert_type(bf.encode({"t": datetime.now(UTC), "n": bf.Int8(1)}, bytearray(b"x")), bytes)
    assert_type(bf.encode({"n": bf.Int16(1), "m": bf.Int64(2), "t": bf.Timestamp(3)}), bytes)
    assert_type(bf.encode({}, memoryview(b"x")), bytes)
    assert_type(bf.encode({}, array.array("B", b"x")), bytes)
    strings: dict[str, str] = {"a": "b"}
    assert_type(bf.encode(strings), bytes)
    template = bf.Template({"a": 1})
    assert_type(template.encode(b""), bytes)
    assert_type(template.encode_all([b"", b""]), bytes)
    assert_type(template.headers, Mapping[str, HeaderValue])


def refused() -> None:
    bf.encode({"a": 1.5})  # type: ignore[dict-item]
    bf.encode({"a": None})  # type: ignore[dict-item]
    bf.encode({}, "text")  # type: ignore[arg-type]
    bf.decode("text")  # type: ignore[arg-type]
    bf.Decoder(bf.Limits.CLIENT)  # type: ignore[call-arg]
    bf.Message({}).payload = b""  # type: ignore[misc]
    bf.Message({}).headers["a"] = 1  # type: ignore[index]


def decoding(frame: bytes, file: BinaryIO) -> None:
    message = bf.decode(frame)
    assert_type(message, bf.Message)
    assert_type(message.headers["a"], HeaderValue)
    assert_type(message.payload, bytes)
    assert_type(message.message_type, str | None)
    assert_type(message.event_type, str | None)
    assert_type(message.exception_type, str | None)
    assert_type(message.encode(), bytes)
    assert_type(bf.encode(message.headers, message.payload), bytes)
    assert_type(bf.decode_all(frame, limits=bf.Limits.SERVICE), list[bf.Message])
    assert_type(bf.encode_all(bf.decode_all(frame)), bytes)
    assert_type(bf.scan(memoryview(frame)), list[tuple[int, int, str | None]])
    for each in bf.iter_messages([frame, bytearray(frame)]):
        assert_type(each, bf.Message)
    for each in bf.iter_messages(file, limits=bf.Limits(max_message_bytes=1 << 20)):
        assert_type(each, bf.Message)
    with bf.Decoder(limits=bf.Limits.CLIENT) as decoder:
        assert_type(decoder, bf.Decoder)
        assert_type(decoder.feed(frame), list[bf.Message])
        assert_type(decoder.error, bf.EventStreamError | None)
        assert_type(decoder.frames, int)


async def decoding_asynchronously(chunks: AsyncIterator[bytes]) -> None:
    async for message in bf.aiter_messages(chunks):
        assert_type(message, bf.Message)


def narrowing(value: HeaderValue) -> str:
    if isinstance(value, bf.Timestamp):
        return assert_type(value.to_datetime(), datetime).isoformat()
    if isinstance(value, str):
        return assert_type(value, str)
    return repr(value)


def errors(frame: bytes) -> None:
    try:
        bf.decode(frame)
    except bf.ChecksumMismatch as error:
        assert_type(error.stored, int | None)
    except bf.NotEventStream as error:
        assert_type(error.looks_like, str)
        assert_type(error.head, bytes)
    except bf.EventStreamError as error:
        assert_type(error.kind, str)
        assert_type(error.offset, int | None)

"""What bytes may come in: every kind of buffer, read at once and never again."""

import array
import ctypes
import gc
import mmap
import tempfile
from collections.abc import Callable
from typing import Any, Final

import pytest

import bedrock_frames as bf
from tests.support import wire_format as wire

GOOD: Final = wire.encode({":event-type": "chunk"}, b"payload")


@pytest.mark.parametrize(
    "make",
    [
        bytes,
        bytearray,
        memoryview,
        lambda data: memoryview(bytearray(data)),
        lambda data: array.array("B", data),
        lambda data: memoryview(data).cast("b"),
        lambda data: memoryview(data).cast("c"),
        lambda data: (ctypes.c_ubyte * len(data)).from_buffer_copy(data),
        lambda data: memoryview(b"--" + data + b"--")[2:-2],
    ],
    ids=[
        "bytes",
        "bytearray",
        "memoryview",
        "writable",
        "array",
        "signed",
        "characters",
        "ctypes",
        "slice",
    ],
)
def test_every_kind_of_buffer_is_read(make: Callable[[bytes], Any]) -> None:
    given = make(GOOD)

    assert bf.decode(given).encode() == GOOD
    assert bf.decode_all(given)[0].encode() == GOOD
    assert bf.scan(given) == [(0, len(GOOD), "chunk")]
    assert bf.Decoder().feed(given)[0].encode() == GOOD
    assert bf.decode(bf.encode({}, given)).payload == GOOD
    assert bf.decode(bf.Template({}).encode(given)).payload == GOOD
    assert bf.Message({}, given).payload == GOOD


def test_a_mapped_file_is_read() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(GOOD * 100)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            messages = bf.decode_all(mapped)
    assert [message.encode() for message in messages] == [GOOD] * 100


def test_a_view_with_gaps_gives_the_bytes_it_shows() -> None:
    spread = bytes(byte for pair in zip(GOOD, GOOD, strict=True) for byte in pair)

    assert bf.decode(memoryview(spread)[::2]).encode() == GOOD


def test_a_fed_bytearray_can_change_afterwards() -> None:
    chunk = bytearray(GOOD + GOOD[:20])
    decoder = bf.Decoder()
    (message,) = decoder.feed(chunk)
    chunk[:] = bytes(len(chunk))
    chunk.clear()

    assert message.encode() == GOOD
    assert message.payload == b"payload"
    assert message.headers == {":event-type": "chunk"}
    assert decoder.feed(GOOD[20:])[0].encode() == GOOD


def test_messages_outlive_their_chunk_and_their_decoder() -> None:
    decoder = bf.Decoder()
    messages = decoder.feed(bytes(bytearray(GOOD * 3)))
    del decoder
    gc.collect()

    assert [message.encode() for message in messages] == [GOOD] * 3


@pytest.mark.parametrize("given", ["text", None, 12, [GOOD], object()])
def test_anything_else_is_a_type_error(given: Any) -> None:
    for take in (
        bf.decode,
        bf.decode_all,
        bf.scan,
        bf.Decoder().feed,
        bf.Template({}).encode,
        lambda wrong: bf.encode({}, wrong),
        lambda wrong: bf.Message({}, wrong),
    ):
        with pytest.raises(TypeError):
            take(given)


def test_a_type_error_leaves_the_decoder_as_it_was() -> None:
    decoder = bf.Decoder()
    decoder.feed(GOOD[:9])
    with pytest.raises(TypeError):
        decoder.feed("text")  # type: ignore[arg-type]

    assert decoder.error is None
    assert decoder.feed(GOOD[9:])[0].encode() == GOOD

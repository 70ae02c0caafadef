"""What a decoder holds: never more than one frame, and nothing on a prelude's word alone."""

import mmap
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

import bedrock_frames as bf
from tests.support import wire_format as wire

GOOD: Final = wire.encode({":event-type": "chunk"}, b"payload")
MIB: Final = 1 << 20
STATM: Final = Path("/proc/self/statm")

needs_statm: Final = pytest.mark.skipif(not STATM.exists(), reason="needs /proc")


def mapped_bytes() -> int:
    """Return this process's virtual memory in bytes."""
    return int(STATM.read_text().split()[0]) * mmap.PAGESIZE


def test_many_frames_in_one_chunk_leave_nothing_behind() -> None:
    frames = [bf.encode({"n": index}, bytes(index % 7)) for index in range(16_384)]
    decoder = bf.Decoder()
    messages = decoder.feed(b"".join(frames))

    assert [message.encode() for message in messages] == frames
    assert (decoder.frames, decoder.buffered) == (16_384, 0)


def test_a_large_frame_in_single_bytes_is_held_once() -> None:
    frame = bf.encode({"x": True}, bytes(range(256)) * 4096)
    decoder = bf.Decoder()
    singles = [bytes([byte]) for byte in range(256)]
    for held, byte in enumerate(frame[:-1], 1):
        assert decoder.feed(singles[byte]) == []
        if held % 65_536 == 0:
            assert decoder.buffered == held
    (message,) = decoder.feed(frame[-1:])

    assert message.encode() == frame
    assert decoder.buffered == 0


@pytest.mark.parametrize("size", [1, 7, 4096, 65_536])
def test_never_more_than_one_frame_is_held(size: int) -> None:
    frames = [bf.encode({}, bytes(length)) for length in (0, 1, 300, 5000, 20_000, 3)] * 3
    stream, decoder = b"".join(frames), bf.Decoder()
    for at in range(0, len(stream), size):
        decoder.feed(stream[at : at + size])
        assert decoder.buffered < 20_016

    assert (decoder.frames, decoder.buffered) == (len(frames), 0)


def held_after_claims() -> int:
    """Feed preludes that claim 960 MiB together; return the bytes that this takes."""
    claim = wire.prelude(60 * MIB, 30 * MIB)
    decoders = [bf.Decoder() for _ in range(16)]
    before = mapped_bytes()
    for decoder in decoders:
        decoder.feed(claim)
        decoder.feed(b"x" * 100)
    taken = mapped_bytes() - before
    assert {decoder.buffered for decoder in decoders} == {112}
    return taken


def held_after_a_large_frame() -> int:
    """Decode a frame of 32 MiB and then a small one; return the bytes that are still held."""
    frame = bf.encode({}, bytes(32 * MIB))
    half = len(frame) // 2
    decoder = bf.Decoder()
    first, second = frame[:half], frame[half:]
    before = mapped_bytes()
    decoder.feed(first)
    assert len(decoder.feed(second)) == 1
    decoder.feed(GOOD)
    return mapped_bytes() - before


@needs_statm
@pytest.mark.parametrize("held", [held_after_claims, held_after_a_large_frame])
def test_a_decoder_holds_no_more_memory_than_it_has_bytes(held: Callable[[], int]) -> None:
    # In a process of its own: other tests leave threads behind that map memory when they like.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        assert process.submit(held).result() < 8 * MIB

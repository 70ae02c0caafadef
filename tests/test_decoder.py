"""The decoder's contract: what a feed returns, when it raises, what it takes, what it holds."""

import array
import ctypes
import gc
import mmap
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import bedrock_frames as bf
from tests import drive, wire

GOOD: Final = wire.encode({":event-type": "chunk"}, b"payload")
BAD: Final = b"\xff" * 16
MIB: Final = 1 << 20

STATM = Path("/proc/self/statm")


def mapped_bytes() -> int:
    """Return this process's virtual memory in bytes."""
    return int(STATM.read_text().split()[0]) * mmap.PAGESIZE


class TestFeed:
    def test_an_empty_chunk_completes_nothing(self) -> None:
        assert bf.Decoder().feed(b"") == []

    def test_a_frame_is_returned_by_the_feed_that_completes_it(self) -> None:
        decoder = bf.Decoder()

        assert decoder.feed(GOOD[:-1]) == []
        (message,) = decoder.feed(GOOD[-1:] + GOOD[:3])
        assert message.encode() == GOOD
        assert decoder.buffered == 3

    def test_good_frames_before_a_bad_one_are_returned_and_the_error_waits(self) -> None:
        decoder = bf.Decoder()

        assert [m.encode() for m in decoder.feed(GOOD + GOOD + BAD)] == [GOOD, GOOD]
        with pytest.raises(bf.PreludeChecksumMismatch) as raised:
            decoder.feed(b"")
        assert (raised.value.offset, raised.value.frame_index) == (2 * len(GOOD), 2)

    def test_an_error_that_waits_is_raised_by_finish(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD + BAD)

        with pytest.raises(bf.PreludeChecksumMismatch):
            decoder.finish()

    def test_an_error_that_waits_can_be_seen(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD + BAD)

        assert isinstance(decoder.error, bf.PreludeChecksumMismatch)
        assert decoder.error.offset == len(GOOD)

    def test_a_bad_frame_alone_is_raised_at_once(self) -> None:
        with pytest.raises(bf.PreludeChecksumMismatch):
            bf.Decoder().feed(BAD)

    def test_a_bad_prelude_is_raised_when_its_twelfth_byte_comes(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(BAD[:11])

        with pytest.raises(bf.PreludeChecksumMismatch):
            decoder.feed(BAD[11:12])

    def test_nothing_but_the_first_error_is_ever_raised_again(self) -> None:
        decoder = bf.Decoder()
        with pytest.raises(bf.EventStreamError) as first:
            decoder.feed(BAD)

        for again in (lambda: decoder.feed(GOOD), lambda: decoder.feed(b""), decoder.finish):
            with pytest.raises(bf.EventStreamError) as raised:
                again()
            assert drive.report(raised.value) == drive.report(first.value)
        assert decoder.frames == 0

    def test_a_failed_decoder_holds_and_takes_nothing_more(self) -> None:
        decoder = bf.Decoder()
        damaged = bytearray(wire.encode({}, bytes(MIB)))
        damaged[-1] ^= 1
        decoder.feed(damaged[: MIB // 2])
        with pytest.raises(bf.MessageChecksumMismatch):
            decoder.feed(damaged[MIB // 2 :])
        with pytest.raises(bf.MessageChecksumMismatch):
            decoder.feed(bytes(MIB))

        assert decoder.buffered == 0

    def test_frames_counts_the_good_ones(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD * 3 + GOOD[:7])
        assert decoder.frames == 3
        decoder.feed(GOOD[7:] + BAD)
        assert decoder.frames == 4


class TestFinish:
    def test_a_stream_without_a_frame_ends_well(self) -> None:
        bf.Decoder().finish()

    def test_a_stream_that_ends_between_frames_ends_well(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD)
        decoder.finish()

        assert decoder.error is None

    @pytest.mark.parametrize("cut", range(1, len(GOOD)))
    def test_a_stream_that_ends_inside_a_frame_is_truncated(self, cut: int) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD + GOOD[:cut])

        with pytest.raises(bf.Truncated) as raised:
            decoder.finish()
        error = raised.value
        assert (error.offset, error.frame_index) == (len(GOOD), 1)
        assert error.found == cut
        # Before the prelude is there, nothing is known but that it is needed.
        assert error.limit == (12 if cut < 12 else len(GOOD))

    def test_a_truncation_is_final(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD[:5])
        with pytest.raises(bf.Truncated):
            decoder.finish()

        with pytest.raises(bf.Truncated):
            decoder.feed(GOOD[5:])
        assert isinstance(decoder.error, bf.Truncated)

    def test_finishing_twice_is_finishing_once(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD)
        decoder.finish()
        decoder.finish()


class TestContextManager:
    def test_the_end_of_the_block_finishes_the_stream(self) -> None:
        with pytest.raises(bf.Truncated), bf.Decoder() as decoder:
            decoder.feed(GOOD[:-1])

    def test_a_whole_stream_leaves_the_block_quietly(self) -> None:
        with bf.Decoder() as decoder:
            assert len(decoder.feed(GOOD)) == 1

    def test_an_error_that_waits_is_raised_at_the_end_of_the_block(self) -> None:
        with pytest.raises(bf.PreludeChecksumMismatch), bf.Decoder() as decoder:
            decoder.feed(GOOD + BAD)

    def test_an_exception_from_the_block_is_not_hidden_by_a_truncation(self) -> None:
        with pytest.raises(KeyError), bf.Decoder() as decoder:
            decoder.feed(GOOD[:-1])
            raise KeyError


class TestBuffers:
    @pytest.mark.parametrize(
        "make",
        [
            bytes,
            bytearray,
            memoryview,
            lambda data: memoryview(bytearray(data)),
            lambda data: array.array("B", data),
            lambda data: (ctypes.c_ubyte * len(data)).from_buffer_copy(data),
            lambda data: memoryview(b"--" + data + b"--")[2:-2],
        ],
        ids=["bytes", "bytearray", "memoryview", "writable", "array", "ctypes", "slice"],
    )
    def test_every_kind_of_buffer_is_read(self, make: Callable[[bytes], Any]) -> None:
        given = make(GOOD)

        assert bf.decode(given).encode() == GOOD
        assert bf.decode_all(given)[0].encode() == GOOD
        assert bf.scan(given) == [(0, len(GOOD), "chunk")]
        assert bf.Decoder().feed(given)[0].encode() == GOOD
        assert bf.decode(bf.encode({}, given)).payload == GOOD
        assert bf.decode(bf.Template({}).encode(given)).payload == GOOD
        assert bf.Message({}, given).payload == GOOD

    def test_a_mapped_file_is_read(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(GOOD * 100)
            file.flush()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                messages = bf.decode_all(mapped)
        assert [message.encode() for message in messages] == [GOOD] * 100

    def test_a_view_with_gaps_gives_the_bytes_it_shows(self) -> None:
        spread = bytes(byte for pair in zip(GOOD, GOOD, strict=True) for byte in pair)

        assert bf.decode(memoryview(spread)[::2]).encode() == GOOD

    def test_a_fed_bytearray_can_change_afterwards(self) -> None:
        chunk = bytearray(GOOD + GOOD[:20])
        decoder = bf.Decoder()
        (message,) = decoder.feed(chunk)
        chunk[:] = bytes(len(chunk))
        chunk.clear()

        assert message.encode() == GOOD
        assert message.payload == b"payload"
        assert message.headers == {":event-type": "chunk"}
        assert decoder.feed(GOOD[20:])[0].encode() == GOOD

    def test_messages_outlive_their_chunk_and_their_decoder(self) -> None:
        decoder = bf.Decoder()
        messages = decoder.feed(bytes(bytearray(GOOD * 3)))
        del decoder
        gc.collect()

        assert [message.encode() for message in messages] == [GOOD] * 3

    @pytest.mark.parametrize("given", ["text", None, 12, [GOOD], object()])
    def test_anything_else_is_a_type_error(self, given: Any) -> None:
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

    def test_a_type_error_leaves_the_decoder_as_it_was(self) -> None:
        decoder = bf.Decoder()
        decoder.feed(GOOD[:9])
        with pytest.raises(TypeError):
            decoder.feed("text")  # type: ignore[arg-type]

        assert decoder.error is None
        assert decoder.feed(GOOD[9:])[0].encode() == GOOD


class TestCost:
    def test_many_frames_in_one_chunk_leave_nothing_behind(self) -> None:
        frames = [bf.encode({"n": index}, bytes(index % 7)) for index in range(16_384)]
        decoder = bf.Decoder()
        messages = decoder.feed(b"".join(frames))

        assert [message.encode() for message in messages] == frames
        assert (decoder.frames, decoder.buffered) == (16_384, 0)

    def test_a_large_frame_in_single_bytes_is_held_once(self) -> None:
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
    def test_never_more_than_one_frame_is_held(self, size: int) -> None:
        frames = [bf.encode({}, bytes(length)) for length in (0, 1, 300, 5000, 20_000, 3)] * 3
        stream, decoder = b"".join(frames), bf.Decoder()
        for at in range(0, len(stream), size):
            decoder.feed(stream[at : at + size])
            assert decoder.buffered < 20_016

        assert (decoder.frames, decoder.buffered) == (len(frames), 0)

    @pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
    def test_a_prelude_that_claims_a_large_frame_allocates_nothing(self) -> None:
        claim = wire.prelude(60 * MIB, 30 * MIB)
        decoders = [bf.Decoder() for _ in range(16)]
        before = mapped_bytes()
        for decoder in decoders:
            decoder.feed(claim)
            decoder.feed(b"x" * 100)

        assert mapped_bytes() - before < 8 * MIB
        assert {decoder.buffered for decoder in decoders} == {112}

    @pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
    def test_the_memory_of_a_large_frame_is_given_back(self) -> None:
        frame = bf.encode({}, bytes(32 * MIB))
        half = len(frame) // 2
        decoder = bf.Decoder()
        first, second = frame[:half], frame[half:]
        before = mapped_bytes()
        decoder.feed(first)
        assert len(decoder.feed(second)) == 1
        decoder.feed(GOOD)

        assert mapped_bytes() - before < 8 * MIB


class TestLimits:
    def test_the_service_takes_a_payload_of_exactly_24_mib(self) -> None:
        frame = wire.encode({}, bytes(24 * MIB))

        assert len(bf.decode(frame, limits=bf.Limits.SERVICE).payload) == 24 * MIB

    def test_the_client_takes_what_the_service_must_refuse(self) -> None:
        frame = wire.encode({}, bytes(24 * MIB + 1))

        assert len(bf.decode(frame, limits=bf.Limits.CLIENT).payload) == 24 * MIB + 1
        with pytest.raises(bf.MessageTooLarge) as raised:
            bf.decode(frame, limits=bf.Limits.SERVICE)
        assert (raised.value.found, raised.value.limit) == (24 * MIB + 1, 24 * MIB)

    def test_the_presets_are_what_they_say(self) -> None:
        service, client = bf.Limits.SERVICE, bf.Limits.CLIENT

        assert service.max_payload_bytes == 24 * MIB
        assert service.max_headers_bytes == 128 * 1024
        assert client.max_message_bytes == 64 * MIB
        assert client.max_payload_bytes == client.max_headers_bytes == 2**32 - 1

    def test_the_client_is_the_default(self) -> None:
        assert bf.Decoder().limits == bf.Limits.CLIENT

    @pytest.mark.parametrize(
        ("limits", "kind", "found"),
        [
            (bf.Limits(max_message_bytes=len(GOOD) - 1), "message_too_large", len(GOOD)),
            (bf.Limits(max_headers_bytes=19), "headers_too_large", 20),
            (bf.Limits(max_payload_bytes=6), "payload_too_large", 7),
            (bf.Limits(max_payload_bytes=0), "payload_too_large", 7),
        ],
    )
    def test_one_byte_above_a_limit_is_refused(
        self, limits: bf.Limits, kind: str, found: int
    ) -> None:
        for take in (bf.decode, bf.decode_all, bf.scan):
            with pytest.raises(bf.MessageTooLarge) as raised:
                take(GOOD, limits=limits)
            assert (raised.value.kind, raised.value.found) == (kind, found)
        with pytest.raises(bf.MessageTooLarge):
            bf.Decoder(limits=limits).feed(GOOD[:12])
        with pytest.raises(bf.MessageTooLarge):
            list(bf.iter_messages([GOOD], limits=limits))

    def test_a_frame_at_the_limits_is_taken(self) -> None:
        limits = bf.Limits(
            max_message_bytes=len(GOOD), max_headers_bytes=20, max_payload_bytes=7
        )

        assert bf.Decoder(limits=limits).feed(GOOD)[0].encode() == GOOD

    def test_none_is_the_bound_of_the_wire(self) -> None:
        limits = bf.Limits(max_message_bytes=None)

        assert limits.max_message_bytes == 2**32 - 1
        decoder = bf.Decoder(limits=limits)
        assert decoder.feed(wire.prelude(2**32 - 1, 0)) == []

    @pytest.mark.parametrize("wrong", [-1, 2**32, 2**64])
    def test_a_bound_that_is_no_length_is_refused(self, wrong: int) -> None:
        with pytest.raises((ValueError, OverflowError)):
            bf.Limits(max_message_bytes=wrong)

    def test_limits_compare_and_hash_by_value(self) -> None:
        same = bf.Limits(max_message_bytes=5), bf.Limits(max_message_bytes=5)

        assert same[0] == same[1]
        assert len({*same, bf.Limits(max_message_bytes=6)}) == 2
        assert same[0] != 5


def test_threads_that_share_a_decoder_are_refused_or_served_whole() -> None:
    """Whatever the schedule, a feed gets all of its frames or RuntimeError, never a mixture."""
    decoder = bf.Decoder()
    chunk = bf.encode({"x": True}, bytes(MIB)) * 4
    start = threading.Barrier(4)
    served: list[int] = []
    refused: list[str] = []

    def work() -> None:
        start.wait()
        for _ in range(10):
            try:
                served.append(len(decoder.feed(chunk)))
            except RuntimeError as error:
                refused.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(served) + len(refused) == 40
    assert set(served) == {4}
    assert decoder.frames == 4 * len(served)
    assert decoder.error is None

"""The decoder's contract: what a feed returns, when it raises, and that it stays failed."""

import threading
from typing import Final

import pytest

import bedrock_frames as bf
from tests.support import decode_outcomes
from tests.support import wire_format as wire

GOOD: Final = wire.encode({":event-type": "chunk"}, b"payload")
BAD: Final = b"\xff" * 16
MIB: Final = 1 << 20


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
            assert decode_outcomes.report(raised.value) == decode_outcomes.report(first.value)
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
        def leave(decoder: bf.Decoder) -> None:
            with decoder:
                decoder.feed(GOOD[:-1])
                raise KeyError

        with pytest.raises(KeyError):
            leave(bf.Decoder())


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

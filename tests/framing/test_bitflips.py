"""A damaged bit never passes: CRC-32 finds every one, and the checks find it at the right field."""

from collections.abc import Iterator
from typing import Final

import pytest

import bedrock_frames as bf
from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.vectors.format import Vector

LONGEST: Final = 2048

flippable = vector_cases.over(tuple(v for v in vector_cases.VALID if 0 < len(v.data) <= LONGEST))


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield every copy of the data with one bit flipped, and the byte it is in."""
    damaged = bytearray(data)
    for at in range(len(data)):
        for bit in range(8):
            damaged[at] ^= 1 << bit
            yield at, bytes(damaged)
            damaged[at] ^= 1 << bit


def fields(data: bytes) -> list[tuple[int, int, bool]]:
    """Return for each byte its frame's offset, the frame's index, whether it is in the prelude."""
    where, offset = [], 0
    for index, frame in enumerate(wire.split(data)):
        where += [(offset, index, at < 12) for at in range(len(frame))]
        offset += len(frame)
    return where


@flippable
def test_every_single_bit_flip_is_an_error_at_its_frame(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]
    where = fields(vector.data)

    for at, damaged in flips(vector.data):
        outcome = decode_outcomes.feed([damaged], limits)
        assert outcome.error is not None
        offset, index, in_prelude = where[at]
        # With one bit more, a length can begin like text: the first frame is then called that.
        kinds = {"prelude_checksum", "not_event_stream"} if in_prelude else {"message_checksum"}
        assert outcome.error.kind in kinds
        assert (outcome.error.offset, outcome.error.frame_index) == (offset, index)
        assert len(outcome.messages) == index


@flippable
def test_decode_all_and_scan_see_every_flip_alike(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]

    for _, damaged in flips(vector.data):
        with pytest.raises(bf.EventStreamError) as decoding:
            bf.decode_all(damaged, limits=limits)
        with pytest.raises(bf.EventStreamError) as scanning:
            bf.scan(damaged, limits=limits)
        assert decode_outcomes.report(decoding.value) == decode_outcomes.report(scanning.value)


def test_a_flip_in_headers_that_were_seen_before_is_an_error() -> None:
    """Headers blocks may be remembered by their bytes; nearly equal bytes are not equal."""
    (frame,) = [v.data for v in vector_cases.OWN if v.name == "payloads/bedrock_chunk"]

    for _, damaged in flips(frame):
        outcome = decode_outcomes.feed([frame, frame, damaged])
        assert outcome.error is not None
        assert (outcome.error.offset, outcome.error.frame_index) == (2 * len(frame), 2)


def test_repaired_checksums_do_not_hide_a_flip_in_headers_that_were_seen_before() -> None:
    (frame,) = [v.data for v in vector_cases.OWN if v.name == "payloads/bedrock_chunk"]
    headers_end = 12 + int.from_bytes(frame[4:8], "big")

    for at, damaged in flips(frame):
        if not 12 <= at < headers_end:
            continue
        changed = wire.repair(damaged)
        try:
            expected = wire.parse(changed)
        except wire.MalformedError:
            expected = None
        outcome = decode_outcomes.feed([frame, frame, changed])
        if expected is None:
            assert outcome.error is not None
        else:
            assert outcome.error is None
            assert decode_outcomes.content(outcome.messages[2]).headers == tuple(expected[0])

"""Where a stream is cut changes nothing: not the messages, not the error, not its place."""

import random
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.vectors.format import Vector

EVERY_PAIR: Final = 220
"""Up to this length every pair of cuts is tried; beyond it, pairs of a frame's field boundaries."""
EVERY_CUT: Final = 4096
BYTEWISE: Final = 128 * 1024


def boundaries(data: bytes) -> list[int]:
    """Return where the fields of the first and last frames begin, and the places beside."""
    edges, start = set[int](), 0
    for frame in wire.split(data):
        headers_end = 12 + int.from_bytes(frame[4:8], "big")
        edges |= {start + at for at in (0, 4, 8, 12, 13, headers_end, len(frame) - 4, len(frame))}
        start += len(frame)
    near = {edge + step for edge in edges for step in (-1, 0, 1)}
    inside = sorted(at for at in near if 0 < at < len(data))
    return inside if len(inside) <= 40 else inside[:20] + inside[-20:]


def one_cuts(data: bytes) -> Iterator[list[bytes]]:
    cuts = range(len(data) + 1) if len(data) <= EVERY_CUT else boundaries(data)
    return ([data[:cut], data[cut:]] for cut in cuts)


def two_cuts(data: bytes) -> Iterator[list[bytes]]:
    cuts = range(len(data) + 1) if len(data) <= EVERY_PAIR else boundaries(data)
    return ([data[:a], data[a:b], data[b:]] for a, b in combinations(cuts, 2))


def random_chunks(data: bytes, rng: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int(2 ** rng.uniform(0, 12))
        yield data[at : at + size]
        at += size


@vector_cases.over(vector_cases.VECTORS)
def test_one_cut_anywhere_changes_nothing(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]
    whole = decode_outcomes.feed([vector.data], limits)

    for chunks in one_cuts(vector.data):
        assert decode_outcomes.feed(chunks, limits) == whole


@vector_cases.over(vector_cases.VECTORS)
def test_two_cuts_anywhere_change_nothing(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]
    whole = decode_outcomes.feed([vector.data], limits)

    for chunks in two_cuts(vector.data):
        assert decode_outcomes.feed(chunks, limits) == whole


@vector_cases.over(tuple(vector for vector in vector_cases.VECTORS if len(vector.data) <= BYTEWISE))
def test_single_bytes_with_empty_chunks_between_change_nothing(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]
    whole = decode_outcomes.feed([vector.data], limits)
    single = [vector.data[at : at + 1] for at in range(len(vector.data))]

    assert decode_outcomes.feed(single, limits) == whole
    assert (
        decode_outcomes.feed((chunk for byte in single for chunk in (b"", byte, b"")), limits)
        == whole
    )


@vector_cases.over(vector_cases.VECTORS)
def test_random_chunks_change_nothing(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]
    whole = decode_outcomes.feed([vector.data], limits)
    rng = random.Random(vector.name)  # noqa: S311 - chunk sizes, not secrets

    for _ in range(20):
        assert decode_outcomes.feed(random_chunks(vector.data, rng), limits) == whole


def test_chunks_that_span_frames_of_all_vectors_change_nothing() -> None:
    stream = b"".join(
        v.data for v in vector_cases.VALID if v.limits == "client" and len(v.data) < 4096
    )
    whole = decode_outcomes.feed([stream])
    rng = random.Random(2026)  # noqa: S311 - chunk sizes, not secrets

    assert whole.error is None
    assert [message.encode() for message in whole.messages] == wire.split(stream)
    for _ in range(200):
        assert decode_outcomes.feed(random_chunks(stream, rng)) == whole


def test_an_error_after_many_frames_is_placed_alike_for_any_chunks() -> None:
    stream = b"".join(
        v.data for v in vector_cases.VALID if v.limits == "client" and len(v.data) < 512
    )
    frames = len(wire.split(stream))
    rng = random.Random(2027)  # noqa: S311 - chunk sizes, not secrets

    for vector in vector_cases.FAULTY:
        if vector.limits == "service" or vector.messages or vector.name.startswith("foreign/"):
            continue
        data = stream + vector.data
        whole = decode_outcomes.feed([data])
        assert whole.error is not None
        # A body of text is told from a frame only at the beginning of a stream.
        assert whole.error.kind == (vector.fault.kind if vector.fault else None)
        assert (whole.error.offset, whole.error.frame_index) == (len(stream), frames)
        for _ in range(5):
            assert decode_outcomes.feed(random_chunks(data, rng)) == whole

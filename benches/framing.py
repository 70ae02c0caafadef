"""The framing library against botocore and against plain Python.

python -m benches.framing [--quick] [--output FILE]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from typing import TYPE_CHECKING, Any, Final, cast

import botocore
from botocore.eventstream import EventStreamBuffer
from tests.support import wire_format as wire

import bedrock_frames as bf
from benches import harness
from benches.harness import Contender, Effort
from benches.outcome import Comparison, Outcome, alone, faster

if TYPE_CHECKING:
    from collections.abc import Sequence

Encode = Callable[[Mapping[str, wire.PlainValue], bytes], bytes]
PEER: Final = "struct + zlib"
DELTA_HEADERS: Final = {
    ":event-type": "contentBlockDelta",
    ":content-type": "application/json",
    ":message-type": "event",
}
RECORDED: Final = [
    ("contentBlockStop", 130),
    *[("contentBlockDelta", size) for size in (159, 159, 206, 206, 206, 206, 279, 279)],
    ("metadata", 312),
]
"""Event types and frame lengths as Bedrock sends them, as often as they come."""
LIMITS: Final = """\
That a cache of repeated strings costs new ones nothing is held by comparing builds, not here. \
Neighbours of this machine move these figures by 15 % from minute to minute, and the ratios to \
Python code by more than that."""
BAR: Final = 193
"""Bytes of the frame that a text delta of one token takes, with its padding."""
BATCH: Final = 60
"""Frames of a chunk, and payloads of one call of ``encode_all``."""


def frames_of(shapes: Sequence[tuple[str, int]]) -> list[bytes]:
    """Return events of the given types and lengths, each with some JSON."""
    frames = []
    for event_type, size in shapes:
        headers = DELTA_HEADERS | {":event-type": event_type}
        room = size - len(wire.encode(headers)) - len('{"p":""}')
        frames.append(wire.encode(headers, b'{"p":"' + b"x" * room + b'"}'))
    assert [len(frame) for frame in frames] == [size for _, size in shapes]
    return frames


def deltas(count: int, size: int) -> list[bytes]:
    return frames_of([("contentBlockDelta", size)]) * count


def chunks_of(frames: Sequence[bytes], size: int | None) -> list[bytes]:
    """Return a stream cut into chunks of ``size`` bytes; ``None`` is one frame a chunk."""
    if size is None:
        return list(frames)
    stream = b"".join(frames)
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def read_ours(chunks: Sequence[bytes]) -> Callable[[], None]:
    def run() -> None:
        feed = bf.Decoder().feed
        for chunk in chunks:
            for message in feed(chunk):
                message.event_type  # noqa: B018  (reading is what is timed)
                message.payload  # noqa: B018

    return run


def read_ours_with_headers(chunks: Sequence[bytes]) -> Callable[[], None]:
    def run() -> None:
        feed = bf.Decoder().feed
        for chunk in chunks:
            for message in feed(chunk):
                headers = message.headers
                headers[":event-type"]
                headers[":content-type"]
                headers[":message-type"]
                message.payload  # noqa: B018

    return run


def read_botocore(chunks: Sequence[bytes]) -> Callable[[], None]:
    def run() -> None:
        buffer: Any = EventStreamBuffer()
        for chunk in chunks:
            buffer.add_data(chunk)
            for message in buffer:
                headers = message.headers
                headers[":event-type"]
                headers[":content-type"]
                headers[":message-type"]
                message.payload  # noqa: B018

    return run


def assert_same(chunks: Sequence[bytes]) -> None:
    """Check that both read the same messages, before either is timed."""
    decoder, buffer = bf.Decoder(), cast("Any", EventStreamBuffer())
    for chunk in chunks:
        buffer.add_data(chunk)
        ours = [(dict(message.headers), message.payload) for message in decoder.feed(chunk)]
        assert ours == [(message.headers, message.payload) for message in buffer]
    decoder.finish()


def decoding(rounds: int) -> list[Comparison]:
    # 1,000 and 377 have no common factor, so this is a permutation.
    mixed = [(RECORDED * 100)[place * 377 % 1_000] for place in range(1_000)]
    bar = deltas(1_200, BAR)
    recorded = frames_of(mixed)
    large = deltas(4, 1 << 20)
    # The last two: the least that is asked of both ways to read; 1 MiB is a matter of copies alone.
    sets: list[tuple[str, list[bytes], int | None, float, float | None]] = [
        (f"{BAR} B frames, {BATCH} a chunk", bar, BATCH * BAR, 90, 38),
        (f"{BAR} B frames, a frame a chunk", bar, None, 55, 38),
        ("recorded sizes, 1,000 B chunks", recorded, 1_000, 70, 44),
        ("recorded sizes, 16 KiB chunks", recorded, 16 * 1024, 85, 50),
        ("1 MiB frames, 64 KiB chunks", large, 64 * 1024, 3, None),
        ("1 MiB frames, a frame a chunk", large, None, 3, None),
    ]
    found = []
    for name, frames, chunk_size, target, with_headers in sets:
        chunks = chunks_of(frames, chunk_size)
        assert_same(chunks)
        contenders = [
            Contender(name="feed", run=read_ours(chunks), units=len(frames)),
            Contender(name="headers", run=read_ours_with_headers(chunks), units=len(frames)),
            Contender(name="botocore", run=read_botocore(chunks), units=len(frames)),
        ]
        samples = harness.measure(contenders, rounds=rounds)
        found.append(_line(f"feed: {name}", samples, "feed", "botocore", target))
        if with_headers is not None:
            title = f"with headers: {name}"
            found.append(_line(title, samples, "headers", "botocore", with_headers))
    return found


def encoding(rounds: int) -> list[Comparison]:
    payload = b'{"contentBlockIndex":0,"delta":{"text":" and more"},"p":"abcdefghijklmnopqrstuv"}'
    count = 960
    batch = [payload] * BATCH
    template = bf.Template(DELTA_HEADERS)
    one = wire.encode(DELTA_HEADERS, payload)
    assert bf.encode(DELTA_HEADERS, payload) == template.encode(payload) == one
    assert template.encode_all(batch) == one * len(batch)
    assert _literal(bf.encode, payload) == one
    assert [_new_string(bf.encode, payload, n) for n in range(3)] == [
        _new_string(wire.encode, payload, n) for n in range(3)
    ]

    def each(name: str, encode: Callable[[int], object], frames: int = 1) -> Contender:
        def run() -> None:
            for number in range(count // frames):
                encode(number)

        return Contender(name=name, run=run, units=count)

    contenders = [
        each("one dict", lambda _: bf.encode(DELTA_HEADERS, payload)),
        each("one dict, Python", lambda _: wire.encode(DELTA_HEADERS, payload)),
        each("literal", lambda _: _literal(bf.encode, payload)),
        each("literal, Python", lambda _: _literal(wire.encode, payload)),
        each("new string", lambda number: _new_string(bf.encode, payload, number)),
        each("new string, Python", lambda number: _new_string(wire.encode, payload, number)),
        each("template", lambda _: template.encode(payload)),
        each("encode_all", lambda _: template.encode_all(batch), len(batch)),
    ]
    samples = harness.measure(contenders, rounds=rounds)

    def line(name: str, ours: str, peer: str, target: float | None) -> Comparison:
        peers = samples[f"{peer}, Python"]
        return faster(name, samples[ours], PEER, peers, unit="ns/frame", target=target)

    return [
        line("encode, the same dict of headers", "one dict", "one dict", 28),
        line("encode, a dict literal", "literal", "literal", 13),
        line("encode, a new header string each call", "new string", "new string", None),
        line("Template.encode", "template", "one dict", 15),
        line(f"Template.encode_all, {BATCH} payloads", "encode_all", "one dict", 85),
    ]


def _literal(encode: Encode, payload: bytes) -> bytes:
    return encode(
        {
            ":event-type": "contentBlockDelta",
            ":content-type": "application/json",
            ":message-type": "event",
        },
        payload,
    )


def _new_string(encode: Encode, payload: bytes, number: int) -> bytes:
    return encode({":event-type": f"event-{number}", ":message-type": "event"}, payload)


def scaling(rounds: int) -> tuple[Comparison, dict[str, float]]:
    """Measure what a frame costs as the chunks grow: it should not depend on them."""
    frames = deltas(10_000, BAR)
    sizes = [16 * BAR, 16 * 1024, 64 * 1024, 256 * 1024, 2_000_000]
    contenders = []
    for size in sizes:
        chunks = chunks_of(frames, size)
        name = f"{size:,} B chunks"
        contenders.append(Contender(name=name, run=read_ours(chunks), units=len(frames)))
    samples = harness.measure(contenders, rounds=rounds)
    costs = {name: median(values) for name, values in samples.items()}
    worst = max(costs.values()) / min(costs.values())
    name = "dearest over cheapest chunk size, 16 frames to 2 MB"
    return alone(name, [worst], unit="×", bound="at_most", target=1.3), costs


def _line(
    name: str, samples: dict[str, list[float]], ours: str, peer: str, target: float
) -> Comparison:
    return faster(name, samples[ours], peer, samples[peer], unit="ns/frame", target=target)


def measure(effort: Effort) -> Outcome:
    # Neighbours of a machine come and go in seconds: half a minute says more than their luck.
    rounds = effort.pick(200, 1)
    worst, costs = scaling(effort.pick(40, 1))
    return Outcome(
        comparisons=[*decoding(rounds), *encoding(rounds), worst],
        samples={"ns_per_frame_by_chunk_size": costs},
        peers={"botocore": botocore.__version__},
        limits=LIMITS,
    )


if __name__ == "__main__":
    harness.main(measure, name="framing", description=__doc__)

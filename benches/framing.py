"""The framing library against botocore and against plain Python.

python -m benches.framing [--quick] [--output FILE]
"""

from __future__ import annotations

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
    from collections.abc import Callable, Sequence

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
What a frame that is a chunk of its own takes: a call that brings nothing is about 50 ns, \
Python's loop and its two reads 20, checksum and a copy in Rust 24; the rest is making and \
freeing a message and its payload. Chunks of some frames share the call. Why the largest cost \
more again was not profiled. Neighbours of this machine move these figures by 15 % from minute to \
minute."""


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
    sets: list[tuple[str, list[bytes], int | None]] = [
        ("200 B frames, a frame a chunk", deltas(1_000, 200), None),
        ("200 B frames, 16 KiB chunks", deltas(1_000, 200), 16 * 1024),
        ("recorded sizes, a frame a chunk", frames_of(mixed), None),
        ("recorded sizes, 1,000 B chunks", frames_of(mixed), 1_000),
        ("1 MiB frames, 64 KiB chunks", deltas(4, 1 << 20), 64 * 1024),
        ("1 MiB frames, a frame a chunk", deltas(4, 1 << 20), None),
    ]
    found = []
    for name, frames, chunk_size in sets:
        chunks = chunks_of(frames, chunk_size)
        assert_same(chunks)
        contenders = [
            Contender(name="feed", run=read_ours(chunks), units=len(frames)),
            Contender(name="headers", run=read_ours_with_headers(chunks), units=len(frames)),
            Contender(name="botocore", run=read_botocore(chunks), units=len(frames)),
        ]
        samples = harness.measure(contenders, rounds=rounds)
        big = len(frames) == 4
        found.append(_line(f"feed: {name}", samples, "feed", "botocore", 3 if big else 60))
        if not big:
            found.append(_line(f"with headers: {name}", samples, "headers", "botocore", 30))
    return found


def encoding(rounds: int) -> list[Comparison]:
    payload = b'{"contentBlockIndex":0,"delta":{"text":" and more"},"p":"abcdefghijklmnopqrstuv"}'
    count = 1_024
    batch = [payload] * 64
    template = bf.Template(DELTA_HEADERS)
    one = wire.encode(DELTA_HEADERS, payload)
    assert bf.encode(DELTA_HEADERS, payload) == template.encode(payload) == one
    assert template.encode_all(batch) == one * len(batch)

    def each(name: str, encode: Callable[[], object], frames: int = 1) -> Contender:
        def run() -> None:
            for _ in range(count // frames):
                encode()

        return Contender(name=name, run=run, units=count)

    contenders = [
        each("encode", lambda: bf.encode(DELTA_HEADERS, payload)),
        each("template", lambda: template.encode(payload)),
        each("encode_all", lambda: template.encode_all(batch), len(batch)),
        each("struct + zlib", lambda: wire.encode(DELTA_HEADERS, payload)),
    ]
    samples = harness.measure(contenders, rounds=rounds)
    return [
        _line("encode", samples, "encode", "struct + zlib", 15),
        _line("Template.encode", samples, "template", "struct + zlib", 15),
        _line("Template.encode_all, 64 payloads", samples, "encode_all", "struct + zlib", 50),
    ]


def scaling(rounds: int) -> tuple[Comparison, dict[str, float]]:
    """Measure what a frame costs as the chunks grow: it should not depend on them."""
    frames = deltas(10_000, 200)
    sizes: list[int | None] = [None, 1_600, 16 * 1024, 64 * 1024, 256 * 1024, 2_000_000]
    contenders = []
    for size in sizes:
        chunks = chunks_of(frames, size)
        name = "a frame a chunk" if size is None else f"{size:,} B chunks"
        contenders.append(Contender(name=name, run=read_ours(chunks), units=len(frames)))
    samples = harness.measure(contenders, rounds=rounds)
    costs = {name: median(values) for name, values in samples.items()}
    worst = max(costs.values()) / min(costs.values())
    name = "dearest over cheapest chunk size, a frame to 2 MB"
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

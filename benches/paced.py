"""A frame every 20 ms in each stream: what arrives, and when, from one core.

python -m benches.paced [--quick] [--output FILE]
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from benches import harness, serving
from benches.outcome import Comparison, Outcome, alone, costs, more
from benches.serving import AIMOCK, ALL, ASGI, FLOOR, NATIVE, Load, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.harness import Effort

GAP_MS: Final = 20.0
STREAMS: Final = (100, 1_000, 3_000, 10_000)
ASGI_STREAMS: Final = 1_000
UNSATURATED: Final = 0.95
"""The part of its frames that a floor in time delivers."""
EVEN_MS: Final = 25.0
LIMITS: Final = """\
Every server has one core, so at 10,000 streams (500,000 frames/s asked for) all are past what \
they can; only frames/s means anything there. A closed loop asks a slow server less often. A frame \
costs a system call: a profile of the native tier at 3,000 streams has 91 % of its time in the \
kernel. Its core is nearly full there, and a frame that falls due while others are sent waits; the \
floor, which decides nothing and counts nothing, has a little more room. Where the floor itself \
does less than five times what aimock does, nobody can do more."""


def measure(effort: Effort) -> Outcome:
    streams = effort.pick(STREAMS, (20,))
    load = Load(
        connections=streams,
        gap_ms=GAP_MS,
        rounds=effort.pick(3, 1),
        seconds=effort.pick(4.0, 2.0),
    )
    runs = serving.measure(ALL, load)
    return Outcome(
        comparisons=[
            *throughput(runs),
            *evenness(runs, streams),
            *portable(runs, ASGI_STREAMS if ASGI_STREAMS in streams else streams[-1]),
            *memory(runs, streams[-1]),
        ],
        samples={"medians": runs.table(), "runs": runs.samples()},
        peers=serving.peers(ALL),
        limits=LIMITS,
    )


def throughput(runs: Runs) -> list[Comparison]:
    most = {name: runs.best(name, serving.frames_per_s) for name in ALL}
    name, unit = "most frames delivered, native", "frames/s"
    return [
        more(name, most[NATIVE], FLOOR, most[FLOOR], unit=unit, target=0.8),
        more(name, most[NATIVE], AIMOCK, most[AIMOCK], unit=unit, target=5),
        more("most frames delivered, asgi", most[ASGI], AIMOCK, most[AIMOCK], unit=unit),
    ]


def evenness(runs: Runs, streams: Sequence[int]) -> list[Comparison]:
    """Compare errors of gaps; they are held to the floor's only where the floor keeps its pace."""
    found = []
    for count in streams:
        floor = runs.figures(FLOOR, count, serving.gap_error)
        native = runs.figures(NATIVE, count, serving.gap_error)
        in_time = median(runs.figures(FLOOR, count, serving.offered)) >= UNSATURATED
        name = f"gap error p99, native, {count:,} streams"
        found.append(costs(name, native, FLOOR, floor, unit="ms", target=1.5 if in_time else None))
    return found


def portable(runs: Runs, count: int) -> list[Comparison]:
    delivered = [100 * part for part in runs.figures(ASGI, count, serving.offered)]
    gaps = runs.figures(ASGI, count, serving.gap_p99)
    even = median(runs.figures(FLOOR, count, serving.gap_p99)) <= EVEN_MS
    at = f"asgi, {count:,} streams"
    return [
        alone(f"{at}: delivered of due", delivered, unit="%", bound="at_least", target=97),
        alone(
            f"{at}: gap p99",
            gaps,
            unit="ms",
            bound="at_most",
            # Held to it only where the machine lets the floor keep it.
            target=EVEN_MS if even else None,
        ),
    ]


def memory(runs: Runs, count: int) -> list[Comparison]:
    of = {name: runs.figures(name, count, serving.memory) for name in ALL}
    name = f"memory a stream, {count:,} streams"
    return [
        alone(f"{name}, native", of[NATIVE], unit="KiB", bound="at_most", target=4),
        alone(f"{name}, asgi", of[ASGI], unit="KiB"),
        alone(f"{name}, aimock", of[AIMOCK], unit="KiB"),
        alone(f"{name}, C floor", of[FLOOR], unit="KiB"),
    ]


if __name__ == "__main__":
    harness.main(measure, name="paced", description=__doc__)

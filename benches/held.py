"""How many paced streams each server holds on one core.

    python -m benches.held [--quick] [--output FILE]

A stream has a frame every 20 ms. Held means that at least 95 % of all frames that were due came, at
most 1 % of them together with the one before, and that 99 % of the gaps were at most 30 ms long.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Final

from benches import harness, serving
from benches.outcome import Comparison, Outcome, alone
from benches.serving import AIMOCK, ALL, ASGI, FLOOR, NATIVE, Load, Runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.harness import Effort

GAP_MS: Final = 20.0
GROUPS: Final[dict[tuple[str, ...], Sequence[int]]] = {
    (FLOOR, NATIVE): (2_500, 3_000, 3_500, 4_000),
    (ASGI,): (1_000, 1_500, 2_000),
    (AIMOCK,): (50, 100, 200),
}
"""Where each is near its end; those of one group take turns."""
TARGETS: Final = {NATIVE: 3_000}
DELIVERED: Final = 0.95
COALESCED: Final = 0.01
GAP_P99_MS: Final = 30.0


def measure(effort: Effort) -> Outcome:
    comparisons: list[Comparison] = []
    medians: list[dict[str, object]] = []
    samples: list[serving.Run] = []
    for servers, streams in GROUPS.items():
        load = Load(
            connections=effort.pick(streams, (20,)),
            gap_ms=GAP_MS,
            rounds=effort.pick(3, 1),
            seconds=effort.pick(4.0, 2.0),
        )
        runs = serving.measure(servers, load)
        comparisons += [judge(server, runs, load.connections) for server in servers]
        medians += runs.table()
        samples += runs.samples()
    return Outcome(
        comparisons=comparisons,
        samples={"medians": medians, "runs": samples},
        peers=serving.peers(ALL),
        limits="Counts are of the loads that were tried; 0 means that the lowest was not held.",
    )


def judge(server: str, runs: Runs, streams: Sequence[int]) -> Comparison:
    """Find the highest load up to which all were held, by the medians over the rounds."""
    count = 0
    for each in streams:
        if not held(server, runs, each):
            break
        count = each
    target = TARGETS.get(server)
    name = f"streams held, {server}"
    return alone(name, [count], unit="streams", bound="at_least", target=target)


def held(server: str, runs: Runs, count: int) -> bool:
    return (
        median(runs.figures(server, count, serving.offered)) >= DELIVERED
        and median(runs.figures(server, count, serving.coalesced)) <= COALESCED
        and median(runs.figures(server, count, serving.gap_p99)) <= GAP_P99_MS
    )


if __name__ == "__main__":
    harness.main(measure, name="held", description=__doc__)

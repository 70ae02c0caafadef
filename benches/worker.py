"""What the workers save: HTTP/1.1 answered by a worker, and by hyper alone, in the same server.

    python -m benches.worker [--quick] [--output FILE]

CPU a frame and memory a stream, on one core, un-paced and paced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benches import harness, serving
from benches.outcome import Comparison, Outcome, alone, faster
from benches.serving import HYPER, NATIVE, Load

if TYPE_CHECKING:
    from benches.harness import Effort

SERVERS: Final = (NATIVE, HYPER)
UNPACED: Final = 64
GAP_MS: Final = 20.0
PACED: Final = 1_000
LIMITS: Final = """\
A frame of an un-paced answer costs little of its own: both ways hand the kernel many at a time. \
Memory is that of the process, over what it holds when it is idle."""


def measure(effort: Effort) -> Outcome:
    rounds, seconds = effort.pick(5, 1), effort.pick(4.0, 2.0)
    loads = {
        "un-paced": Load(connections=[UNPACED], rounds=rounds, seconds=seconds),
        "paced": Load(
            connections=[effort.pick(PACED, 20)], gap_ms=GAP_MS, rounds=rounds, seconds=seconds
        ),
    }
    comparisons: list[Comparison] = []
    medians: list[dict[str, object]] = []
    samples: list[serving.Run] = []
    for name, load in loads.items():
        runs = serving.measure(SERVERS, load)
        (count,) = load.connections
        cpu = {each: runs.figures(each, count, serving.cpu_per_frame) for each in SERVERS}
        title = f"CPU a frame, {name}"
        comparisons.append(faster(title, cpu[NATIVE], HYPER, cpu[HYPER], unit="µs", target=1))
        comparisons += [
            alone(
                f"memory a stream, {name}, {each}",
                runs.figures(each, count, serving.memory),
                unit="KiB",
            )
            for each in SERVERS
        ]
        medians += runs.table()
        samples += runs.samples()
    return Outcome(
        comparisons=comparisons,
        samples={"medians": medians, "runs": samples},
        peers=serving.peers(SERVERS),
        limits=LIMITS,
    )


if __name__ == "__main__":
    harness.main(measure, name="worker", description=__doc__)

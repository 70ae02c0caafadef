"""What a second thread of the native tier is worth, where two cores must also carry the client.

    python -m benches.threads [--quick] [--output FILE]

With two cores there is no throughput of two free threads to see. What can be seen is what a frame
costs: the server's CPU time, while two threads run on both cores, against one thread on its own,
each thread with the same number of streams. If a frame costs the same, two cores carry twice the
frames; if it costs more, so many fewer; and if one thread works more than the other, the busier is
the end of both. So the speed-up is reckoned as

    2 × (CPU a frame, one thread) / (CPU a frame, two threads) / (busier thread / mean of both).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benches import harness, stream
from benches.kit import CLIENT_CPU, SERVER_CPU, Kit, drive, kit, running, serve_command
from benches.outcome import Comparison, Outcome, alone, costs, more

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benches.harness import Effort

GAP_MS: Final = 20.0
STREAMS: Final = 1_000
"""Streams a thread: about a third of what one holds."""
CONNECTIONS: Final = 64
BOTH: Final = f"{SERVER_CPU},{CLIENT_CPU}"
WORKER: Final = "bedrock-work"
TARGET: Final = 1.8
LIMITS: Final = """\
Unpaced, the client leaves no core to a second thread: those figures have no target. Paced, it is \
a reckoning from CPU time, not a throughput: the client ran beside the second thread. It shows \
what a second thread costs in wake-ups, cache misses and shared state at this load, and how evenly \
streams are dealt. What only shows where both are saturated (memory bandwidth, a lock that is \
fought for) is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One run. ``cpu_us`` is the server's CPU time a frame, or a stream where it is not paced."""

    threads: int
    connections: int
    cpu_us: float
    imbalance: float
    """The busier thread's CPU time over the mean of the workers."""
    frames_per_s: float
    streams_per_s: float
    server_cpu: float
    client_cpu: float


def measure(effort: Effort) -> Outcome:
    streams, seconds = effort.pick(STREAMS, 20), effort.pick(5.0, 0.5)
    paced: list[dict[str, Sample]] = []
    unpaced: list[dict[str, Sample]] = []
    with kit() as built:
        slow = stream.write(built.folder / "paced", stream.fixture(GAP_MS))
        fast = stream.write(built.folder / "unpaced", stream.fixture(0))
        for _ in range(effort.pick(4, 1)):
            paced.append(
                {
                    "one": sample(built, slow, 1, streams, seconds, server=SERVER_CPU),
                    "one, all": sample(built, slow, 1, 2 * streams, seconds, server=SERVER_CPU),
                    "two": sample(built, slow, 2, 2 * streams, seconds, server=BOTH),
                }
            )
            unpaced.append(
                {
                    "one": sample(built, fast, 1, CONNECTIONS, seconds, server=BOTH, client=BOTH),
                    "two": sample(built, fast, 2, CONNECTIONS, seconds, server=BOTH, client=BOTH),
                }
            )
    return Outcome(
        comparisons=[*judge_paced(paced, streams), *judge_unpaced(unpaced)],
        samples={"paced": _rows(paced), "unpaced": _rows(unpaced)},
        limits=LIMITS,
    )


def judge_paced(rounds: Sequence[Mapping[str, Sample]], streams: int) -> list[Comparison]:
    def cpu(who: str) -> list[float]:
        return [found[who].cpu_us for found in rounds]

    speed_ups = [speed_up(found["one"], found["two"]) for found in rounds]
    unit = "µs CPU/frame"
    return [
        alone(
            f"paced: reckoned speed-up of two threads, {streams:,} streams a thread",
            speed_ups,
            unit="×",
            bound="at_least",
            target=TARGET,
        ),
        costs(
            "paced: two threads, the same streams a thread",
            cpu("two"),
            "one thread",
            cpu("one"),
            unit=unit,
        ),
        costs(
            "paced: two threads, the same streams in all",
            cpu("two"),
            "one thread",
            cpu("one, all"),
            unit=unit,
        ),
        alone(
            "paced: busier thread over the mean",
            [found["two"].imbalance for found in rounds],
            unit="×",
        ),
    ]


def judge_unpaced(rounds: Sequence[Mapping[str, Sample]]) -> list[Comparison]:
    def rate(who: str) -> list[float]:
        return [found[who].streams_per_s for found in rounds]

    speed_ups = [speed_up(found["one"], found["two"]) for found in rounds]
    name = "unpaced: reckoned speed-up of two threads, both cores shared with the client"
    seen = "unpaced: two threads, as seen by a client that needs a core itself"
    return [
        alone(name, speed_ups, unit="×"),
        more(seen, rate("two"), "one thread", rate("one"), unit="streams/s"),
    ]


def speed_up(one: Sample, two: Sample) -> float:
    return 2 * one.cpu_us / two.cpu_us / two.imbalance


def sample(
    built: Kit,
    fixtures: Path,
    threads: int,
    connections: int,
    seconds: float,
    *,
    server: str,
    client: str = CLIENT_CPU,
) -> Sample:
    gap = GAP_MS if fixtures.name == "paced" else 0
    command = serve_command(fixtures, "--threads", str(threads))
    options = ["--connections", connections, "--seconds", seconds, "--gap-ms", f"{gap:g}"]
    options += ["--ramp-seconds", max(1.3, connections / 2000) if gap else 0.2]
    with running(command, cpus=server) as served:
        report, (before, after) = drive(
            built, served, *options, look=lambda: cpu_of(served.pid), cpus=client
        )
    lengths = {"min": stream.FRAMES, "max": stream.FRAMES}
    assert report["frames_per_stream"] in (lengths, None), report["frames_per_stream"]
    spent = {thread: after[thread] - before.get(thread, 0.0) for thread in after}
    workers = [took for (name, _), took in spent.items() if name.startswith(WORKER)]
    assert len(workers) == threads
    total = sum(spent.values())
    units = report["frames_per_s" if gap else "streams_per_s"] * seconds
    return Sample(
        threads=threads,
        connections=connections,
        cpu_us=total * 1e6 / units,
        imbalance=max(workers) * threads / sum(workers),
        frames_per_s=report["frames_per_s"],
        streams_per_s=report["streams_per_s"],
        server_cpu=total / seconds,
        client_cpu=report["client_cpu"],
    )


def cpu_of(pid: int) -> dict[tuple[str, str], float]:
    """Return the CPU seconds of each thread of a process, by its name and number."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        found[name, task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def _rows(rounds: Sequence[Mapping[str, Sample]]) -> list[dict[str, Any]]:
    return [{who: asdict(found) for who, found in each.items()} for each in rounds]


if __name__ == "__main__":
    harness.main(measure, name="threads", description=__doc__)

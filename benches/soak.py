"""The native plane for a long time at half of its capacity: flat memory, flat lateness.

    python -m benches.soak --minutes 10 --output benches/results/soak.json
    python -m benches.soak --minutes 0.15 --streams 20     # the short form, which a test runs

Paced streams, each on a connection of its own, that begin anew where they end. The server has a
process of its own, and one core where there are others for the generator. Meanwhile its memory, its
open files and its metrics are sampled. Exit code 1 where something grew, or a stream was not right.

*Flat* compares the median of the last third of the samples with that of the first third, after the
warm-up: memory within 10 % and 8 MiB; the p99 of lateness not doubled, where it is above 1 ms at
all; files within 16.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

from bedrock_frames import BUILD_PROFILE
from bedrock_frames.bench import BenchOptions, Closed, run_bench
from benches.harness import environment
from benches.outcome import Outcome, Result, alone, costs, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bedrock_frames.bench import Progress, Report
    from benches.outcome import Comparison

FRAMES: Final = 64
WORDS: Final = FRAMES - 4
"""A stream has messageStart, contentBlockStop, messageStop and metadata, too."""
PREFIX: Final = "bedrock_frames_"
LATENESS: Final = f"{PREFIX}write_lateness_seconds"
SAMPLES: Final = 60
"""How many are taken of a run, but no more than one a second."""
WARM_UP: Final = 0.1
"""The share of a run that is not judged; streams begin one by one in it."""

MEMORY_RATIO: Final = 1.10
MEMORY_BYTES: Final = 8 << 20
LATENESS_RATIO: Final = 2.0
LATENESS_FLOOR_MS: Final = 1.0
MORE_FILES: Final = 16

WHOLE_MINUTES: Final = 10
"""What is shorter means nothing."""
LIMITS: Final = (
    "{minutes:g} minutes, {streams:,} streams, a frame every {gap_ms:g} ms in each; "
    "threads of the server: {threads}."
)

Buckets = dict[float, float]
"""How many durations were at most so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What was seen of the server at a moment, and since the sample before."""

    second: float
    resident_bytes: int
    open_files: int
    in_flight: int
    streams: int
    writes: int
    """Paced ones, since the sample before."""
    lateness_p99_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether each of them was flat, and all streams were right."""

    memory: bool
    lateness: bool
    files: bool
    answers: bool

    @property
    def flat(self) -> bool:
        return self.memory and self.lateness and self.files and self.answers


class Watch:
    """Takes samples of a server's process while a run goes on."""

    def __init__(self, url: str, pid: int, every_s: float) -> None:
        self.samples: list[Sample] = []
        self._url, self._proc, self._every_s = url, Path("/proc") / str(pid), every_s
        self._begun = self._last = time.monotonic()
        self._buckets = buckets_of(self._metrics())

    def on_progress(self, _: Progress) -> None:
        """Take a sample where it is time for one."""
        now = time.monotonic()
        if now - self._last < self._every_s:
            return
        self._last = now
        metrics = self._metrics()
        buckets = buckets_of(metrics)
        since = {bound: count - self._buckets[bound] for bound, count in buckets.items()}
        self._buckets = buckets
        self.samples.append(
            Sample(
                second=round(now - self._begun, 3),
                resident_bytes=int((self._proc / "statm").read_text().split()[1]) * mmap.PAGESIZE,
                open_files=len(list((self._proc / "fd").iterdir())),
                in_flight=int(metrics[f"{PREFIX}requests_in_flight"]),
                streams=int(metrics[f"{PREFIX}streams_active"]),
                writes=int(max(since.values())),
                lateness_p99_ms=1000 * quantile(since, 0.99),
            )
        )

    def _metrics(self) -> dict[str, float]:
        """Return samples by name; of buckets, with their bounds."""
        with urllib.request.urlopen(f"{self._url}/metrics") as reply:  # noqa: S310  (our own server)
            families = list(text_string_to_metric_families(reply.read().decode()))
        samples = (sample for family in families for sample in family.samples)
        return {s.name + s.labels.get("le", ""): s.value for s in samples}


def buckets_of(metrics: Mapping[str, float]) -> Buckets:
    """Return the histogram of lateness."""
    name = f"{LATENESS}_bucket"
    return {float(key.removeprefix(name)): v for key, v in metrics.items() if key.startswith(name)}


def quantile(buckets: Buckets, share: float) -> float:
    """Return what a share of durations does not exceed; 0 where there are none.

    Within a bucket they are taken to lie evenly; above the last bound, on it.
    """
    wanted = share * max(buckets.values(), default=0)
    below, counted = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= wanted and count > counted:
            if bound == float("inf"):
                return below
            return below + (bound - below) * (wanted - counted) / (count - counted)
        below, counted = bound, count
    return 0.0


def thirds(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """Return the median of a figure in the first and in the last third, after the warm-up.

    Raises:
        ValueError: there are fewer than three samples after the warm-up.
    """
    kept = samples[int(len(samples) * WARM_UP) :]
    third = len(kept) // 3
    if not third:
        raise ValueError(f"{len(kept)} samples say nothing: let it run for longer")
    early, late = (median(getattr(each, name) for each in part) for part in _ends(kept, third))
    return early, late


def _ends(samples: Sequence[Sample], count: int) -> tuple[Sequence[Sample], Sequence[Sample]]:
    return samples[:count], samples[-count:]


def judge(samples: Sequence[Sample], *, errors: int) -> Verdict:
    """Compare the end with the beginning.

    Raises:
        ValueError: there are fewer than three samples after the warm-up.
    """
    memory = thirds(samples, "resident_bytes")
    lateness = thirds(samples, "lateness_p99_ms")
    files = thirds(samples, "open_files")
    return Verdict(
        memory=memory[1] <= memory[0] * MEMORY_RATIO + MEMORY_BYTES,
        lateness=lateness[1] <= LATENESS_RATIO * max(lateness[0], LATENESS_FLOOR_MS),
        files=files[1] <= files[0] + MORE_FILES,
        answers=errors == 0,
    )


def comparisons(samples: Sequence[Sample], report: Report) -> list[Comparison]:
    """Return what a page shows of it."""

    def grown(name: str, field: str, unit: str, scale: float, target: float | None) -> Comparison:
        first, last = ([each * scale] for each in thirds(samples, field))
        named = f"{name}, last third"
        return costs(named, last, "first third", first, unit=unit, target=target)

    late = thirds(samples, "lateness_p99_ms")[1] > LATENESS_FLOOR_MS
    return [
        grown("resident memory", "resident_bytes", "MiB", 1 / (1 << 20), MEMORY_RATIO),
        grown("lateness p99", "lateness_p99_ms", "ms", 1, LATENESS_RATIO if late else None),
        grown("open files", "open_files", "", 1, None),
        alone("frames a second", [report.rates.frames_per_s], unit="frames/s"),
        alone(
            "answers that were not right",
            [sum(report.errors.values())],
            unit="",
            bound="at_most",
            target=0,
        ),
    ]


@contextmanager
def serving(gap_ms: float, threads: int, cpus: set[int]) -> Iterator[tuple[str, int]]:
    """Serve one paced fixture; yield the URL and the process.

    Raises:
        subprocess.CalledProcessError: the server did not end as it should.
    """
    fixture = {
        "match": {"userMessage": "hello"},
        "response": {"content": "word " * WORDS},
        "chunkSize": len("word "),
        "timing": {"ttft_ms": gap_ms, "gap_ms": gap_ms},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fixtures.json"
        path.write_text(json.dumps({"fixtures": [fixture]}))
        options = ["--port", "0", "--threads", str(threads), "--log-level", "warning"]
        command = [sys.executable, "-m", "bedrock_frames", "serve", str(path), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            os.sched_setaffinity(process.pid, cpus)
            assert process.stdout is not None
            try:
                yield process.stdout.readline().split()[-1], process.pid
            finally:
                process.send_signal(signal.SIGTERM)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)


def soak(
    *, minutes: float, streams: int, gap_ms: float, threads: int
) -> tuple[list[Sample], Report]:
    """Keep so many streams going, and watch."""
    seconds = minutes * 60
    cpus = sorted(os.sched_getaffinity(0))
    apart = len(cpus) > threads
    mine, theirs = (set(cpus[threads:]), set(cpus[:threads])) if apart else (set(cpus), set(cpus))
    with serving(gap_ms, threads, theirs) as (url, pid):
        os.sched_setaffinity(0, mine)
        try:
            watch = Watch(url, pid, every_s=max(seconds / SAMPLES, 1.0))
            report = run_bench(
                BenchOptions(
                    url=url,
                    arrivals=Closed(concurrency=streams),
                    ramp=seconds * WARM_UP,
                    warmup=seconds * WARM_UP,
                    duration=seconds * (1 - WARM_UP),
                ),
                on_progress=watch.on_progress,
            )
        finally:
            os.sched_setaffinity(0, set(cpus))
    return watch.samples, report


def main() -> int:
    """Soak, judge, print, and write the samples where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--streams", type=int, default=1700, help="half of what a core holds")
    parser.add_argument("--gap-ms", type=float, default=20)
    parser.add_argument("--threads", type=int, default=1, help="of the server")
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    if BUILD_PROFILE != "release":
        sys.exit(f"refusing to measure a {BUILD_PROFILE} build; run `make build`")
    samples, report = soak(
        minutes=asked.minutes, streams=asked.streams, gap_ms=asked.gap_ms, threads=asked.threads
    )
    verdict = judge(samples, errors=sum(report.errors.values()))
    shown = [asdict(sample) for sample in samples]
    found = {
        "options": {name: value for name, value in vars(asked).items() if name != "output"},
        "verdict": asdict(verdict),
        "errors": report.errors,
        "frames_per_s": report.rates.frames_per_s,
        "gap_ms": report.metrics.gap_ms.model_dump(),
    }
    print(json.dumps({**found, "first": shown[0], "last": shown[-1]}, indent=1))
    if asked.output:
        outcome = Outcome(
            comparisons=comparisons(samples, report),
            samples={**found, "taken": shown},
            limits=LIMITS.format(**vars(asked)),
        )
        quick = asked.minutes < WHOLE_MINUTES
        result = Result(benchmark="soak", quick=quick, environment=environment(), outcome=outcome)
        write(asked.output, result)
    return 0 if verdict.flat else 1


if __name__ == "__main__":
    sys.exit(main())

"""How the benchmarks here measure: contenders in turn, medians, ratios within one run.

Every contender's answer is asserted before it is timed. Contenders take turns in each round, so
that a machine that slows down slows all of them; a ratio is the median of the rounds' ratios.
Times are CPU seconds of this process: what other processes do to the clock is left out.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

import bedrock_frames as bf
from bedrock_frames.bench.running.environment import cpu_model
from benches.outcome import Result, write
from benches.words import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benches.outcome import Outcome

ROOT: Final = Path(__file__).resolve().parent.parent

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much time a benchmark may take: its full form, or one that only shows that it works."""

    quick: bool = False

    def pick(self, full: Choice, quick: Choice) -> Choice:
        """Return the one that fits."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Something to time: ``run`` does ``units`` units of work."""

    name: str
    run: Callable[[], object]
    units: int


def measure(contenders: Sequence[Contender], *, rounds: int) -> dict[str, list[float]]:
    """Time the contenders in turn.

    Returns:
        For each contender, the nanoseconds a unit of each round.
    """
    samples: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.run()
    for _ in range(rounds):
        for contender in contenders:
            gc.collect()
            start = time.process_time_ns()
            contender.run()
            elapsed = time.process_time_ns() - start
            samples[contender.name].append(elapsed / contender.units)
    return samples


def environment() -> dict[str, object]:
    """Say on what the figures were measured."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _commit(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "bedrock_frames": bf.__version__,
        "build_profile": bf.BUILD_PROFILE,
    }


def main(
    measure: Callable[[Effort], Outcome],
    *,
    name: str,
    description: str | None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Run a script: measure, print what was found, write it where it is wanted.

    Needs Linux. Ends the program where the native core is not a release build.
    """
    options = parser(description).parse_args(arguments)
    if bf.BUILD_PROFILE != "release":
        sys.exit(f"refusing to measure a {bf.BUILD_PROFILE} build; run `make build`")
    before = _Spent.now()
    outcome = measure(Effort(quick=options.quick))
    others = _Spent.now().others_since(before)
    for comparison in outcome.comparisons:
        print(judged(comparison))
    if options.output:
        where = environment() | {"other_cpu": others}
        result = Result(benchmark=name, quick=options.quick, environment=where, outcome=outcome)
        write(options.output, result)


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every script has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--quick", action="store_true", help="only show that it works")
    made.add_argument("--output", type=Path, metavar="FILE", help="write the result as JSON")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    """CPU seconds so far: of this process with all that it started, and of the whole machine."""

    at: float
    own: float
    machine: float

    @classmethod
    def now(cls) -> Self:
        spent = os.times()
        user, nice, system, _, _, irq, softirq = map(int, _cpu_ticks()[:7])
        ticks = user + nice + system + irq + softirq
        return cls(
            at=time.monotonic(),
            own=spent.user + spent.system + spent.children_user + spent.children_system,
            machine=ticks / os.sysconf("SC_CLK_TCK"),
        )

    def others_since(self, before: Self) -> float:
        """Return how many processors all others used, on average."""
        spent = (self.machine - before.machine) - (self.own - before.own)
        return round(max(0.0, spent / (self.at - before.at)), 3)


def _cpu_ticks() -> list[str]:
    return Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]


def _commit() -> str | None:
    """Return the commit that is measured, with a mark where the sources differ from it."""

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        )

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        changed = git("diff", "--quiet", "HEAD", "--", "rust", "python", "Cargo.lock").returncode
    except OSError:
        return None
    return None if head.returncode else head.stdout.strip() + (" and changes" if changed else "")

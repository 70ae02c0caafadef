"""How the benchmarks here measure: contenders in turn, medians, ratios within one run.

Every contender's answer is asserted before it is timed. Contenders take turns in each round, so
that a machine that slows down slows all of them; a ratio is the median of the rounds' ratios.
Times are CPU seconds of this process: what other processes do to the clock is left out.
"""

from __future__ import annotations

import gc
import json
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import bedrock_frames as bf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """Something to time: ``run`` does ``units`` units of work."""

    name: str
    run: Callable[[], object]
    units: int


def refuse_debug_build() -> None:
    """End the program where the native core is not a release build."""
    if bf.BUILD_PROFILE != "release":
        sys.exit(f"refusing to measure a {bf.BUILD_PROFILE} build; run `make build`")


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


def ratio(samples: Mapping[str, Sequence[float]], slow: str, fast: str) -> float:
    """Return how many times faster one contender is: the median over the rounds."""
    return median(a / b for a, b in zip(samples[slow], samples[fast], strict=True))


def environment() -> dict[str, object]:
    """Say on what the figures were measured."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "bedrock_frames": bf.__version__,
        "build_profile": bf.BUILD_PROFILE,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def write(path: Path, benchmark: str, results: object) -> None:
    """Write raw results as JSON."""
    document = {
        "schema": SCHEMA,
        "benchmark": benchmark,
        "environment": environment(),
        "results": results,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())

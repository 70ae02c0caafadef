"""A sweep: the rate is doubled until the endpoint saturates, then the bound is narrowed down.

An endpoint is saturated when it completes less than it is asked for, fails, or misses a threshold.
A step whose figures cannot be trusted ends the sweep, too: the generator is the one that saturates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.options.arrivals import Rate
from bedrock_frames.bench.options.units import MOST_PER_S
from bedrock_frames.bench.report.summary import SweepStep
from bedrock_frames.bench.running.run import run_bench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bedrock_frames.bench.options.bench_options import BenchOptions
    from bedrock_frames.bench.report.results import Progress
    from bedrock_frames.bench.report.summary import Report
    from bedrock_frames.bench.report.thresholds import Threshold

KEPT_SHARE: Final = 0.95
"""The share of the requested rate that must complete."""
FEW_ERRORS: Final = 0.01
NARROWINGS: Final = 3
"""Steps between the last good rate and the first that was too much."""


class Runner(Protocol):
    """Runs one step."""

    def __call__(
        self,
        options: BenchOptions,
        /,
        *,
        thresholds: Sequence[Threshold],
        on_progress: Callable[[Progress], None] | None,
        on_stop: Callable[[str], None] | None,
    ) -> Report:
        """Run a benchmark and return its report."""


@dataclass(slots=True)
class _Bounds:
    """The known bounds of the highest rate that an endpoint sustains."""

    kept: float
    missed: float | None = None
    narrowed: int = 0

    def next(self, most: float) -> float | None:
        """Return the rate to try next, None if there is no need."""
        if self.missed is None:
            return min(self.kept * 2, most) if self.kept < most else None
        if self.kept == 0 or self.narrowed == NARROWINGS:
            return None
        self.narrowed += 1
        return (self.kept + self.missed) / 2


def run_sweep(
    options: BenchOptions,
    *,
    first: float,
    most: float = MOST_PER_S,
    thresholds: Sequence[Threshold] = (),
    on_progress: Callable[[Progress], None] | None = None,
    on_stop: Callable[[str], None] | None = None,
    run: Runner = run_bench,
) -> Report:
    """Find the rate that an endpoint keeps; return the report of that step, with all of them in it.

    ``first`` and ``most`` are in requests a second, or in sessions. The warm-up of a step should be
    as long as an answer, or a session, so that as many end as begin. Where not even the first rate
    is kept, its report is returned.

    Raises:
        OptionError: an option makes no sense.
    """
    if options.requests_out is not None:
        raise OptionError("sweep", "its steps would overwrite each other's requests-out")
    if not 0 < first <= most:
        raise OptionError("sweep", f"must begin above 0 and end at no less, not {first:g}:{most:g}")
    spread = options.arrivals if isinstance(options.arrivals, Rate) else Rate(rate=first)
    bounds, steps = _Bounds(kept=0.0), list[SweepStep]()

    def measure(rate: float) -> Report:
        step = options.but(arrivals=spread.but(rate=rate))
        report = run(step, thresholds=thresholds, on_progress=on_progress, on_stop=on_stop)
        fault = saturation(report)
        steps.append(_step(rate, report, fault))
        if fault is None:
            bounds.kept = rate
        else:
            bounds.missed = rate
        return report

    best = last = measure(first)
    while last.trustworthy and not last.interrupted and (rate := bounds.next(most)) is not None:
        last = measure(rate)
        if bounds.kept == rate:
            best = last
    notes = [*best.notes, _outcome(bounds, "sessions" if options.sessions else "requests")]
    update = {"sweep": steps, "notes": notes, "interrupted": last.interrupted}
    return best.model_copy(update=update)


def saturation(report: Report) -> str | None:
    """Return why a rate is too much; None if it is not."""
    if not report.trustworthy:
        return f"not trustworthy: {report.reasons[0]}"
    missed = [verdict.threshold for verdict in report.thresholds if not verdict.passed]
    if missed:
        return f"missed {missed[0]}"
    if report.requests.error_rate > FEW_ERRORS:
        return f"{report.requests.error_rate:.1%} errors"
    asked = report.rates.asked()
    if asked and asked.kept < KEPT_SHARE * asked.rate:
        return f"completed {asked.kept:.1f} of {asked.rate:.1f} {asked.of}/s"
    return None


def _step(rate: float, report: Report, fault: str | None) -> SweepStep:
    return SweepStep(
        rate=rate,
        requests_per_s=report.rates.requests_per_s,
        frames_per_s=report.rates.frames_per_s,
        error_rate=report.requests.error_rate,
        ttft_ms=report.metrics.ttft_ms,
        e2e_ms=report.metrics.e2e_ms,
        saturated=fault,
    )


def _outcome(bounds: _Bounds, of: str) -> str:
    if bounds.missed is None:
        return f"not saturated at {bounds.kept:g} {of}/s"
    if not bounds.kept:
        return f"does not keep even {bounds.missed:g} {of}/s"
    return f"keeps {bounds.kept:g} {of}/s, and not {bounds.missed:g}"

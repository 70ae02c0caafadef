"""Compares two reports: the change of each figure, with its confidence interval.

Intervals are bootstrapped from the histograms. To resample n values and take their q-quantile is
to take the original's quantile at a share that is Beta-distributed (the order statistics of a
uniform sample), so a resample costs two draws and one search instead of n draws. Gaps of one
stream are not independent of each other, so their intervals are narrower than they should be.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, TextIO

from rich.table import Table
from rich.text import Text

from bedrock_frames.bench.report import histograms, terminal
from bedrock_frames.bench.report.formatting import milliseconds, percent, rate
from bedrock_frames.bench.report.summary import EXIT_FINE, EXIT_NOT_TRUSTWORTHY
from bedrock_frames.bench.report.tables import LABELS

if TYPE_CHECKING:
    from bedrock_frames.bench.report.histograms import Distribution
    from bedrock_frames.bench.report.results import MetricName, Requests
    from bedrock_frames.bench.report.summary import Report

EXIT_WORSE: Final = 1

RESAMPLES: Final = 2000
DEVIATIONS: Final = 1.96
"""Standard deviations of a normal distribution for the same confidence."""
CONFIDENCE: Final = 0.95
LATENCIES: Final[tuple[MetricName, ...]] = ("ttfb_ms", "ttft_ms", "gap_ms", "tpot_ms", "e2e_ms")
SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
RATES: Final = ("requests_per_s", "frames_per_s", "output_tokens_per_s", "goodput_per_s")
LEAST_SAMPLES: Final = {"p50": 10, "p90": 50, "p99": 500}
"""With fewer samples a change of this figure is not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure of two reports. Latencies are in milliseconds."""

    figure: str
    before: float
    after: float
    change: float | None
    """after / before - 1; None where there is nothing to divide by."""
    low: float | None = None
    high: float | None = None
    """The confidence interval of the change, if there is a distribution to derive it from."""
    worse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All figures of two reports."""

    regress: float
    changes: tuple[Change, ...]
    not_trustworthy: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """The exit code of a command; figures that cannot be trusted are not judged."""
        if self.not_trustworthy:
            return EXIT_NOT_TRUSTWORTHY
        return EXIT_WORSE if any(change.worse for change in self.changes) else EXIT_FINE

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps({**asdict(self), "exit_code": self.exit_code}, indent=2)


def compare(before: Report, after: Report, *, regress: float = 0.1, seed: int = 0) -> Comparison:
    """Compare a report with an earlier one.

    A latency is worse when its whole interval lies beyond ``regress``; the share of errors when it
    does and chance does not explain it; a rate when it does: a run has each only once.
    """
    chance = random.Random(seed)  # noqa: S311
    changes = [
        change
        for name in LATENCIES
        for change in _latency_changes(name, before, after, regress, chance)
    ]
    changes += [
        _rate_change(name, getattr(before.rates, name), getattr(after.rates, name), regress)
        for name in RATES
        if (getattr(before.rates, name) or getattr(after.rates, name))
        # Without goals every request is a good one.
        and (name != "goodput_per_s" or before.options.get("goodput"))
    ]
    changes.append(_error_change(before.requests, after.requests, regress))
    doubted = [
        f"{label}: {reason}"
        for label, report in (("before", before), ("after", after))
        for reason in report.reasons
    ]
    return Comparison(
        regress=regress,
        changes=tuple(changes),
        not_trustworthy=tuple(doubted),
        notes=tuple(_differences(before, after)),
    )


def quantile_interval(
    distribution: Distribution, share: float, chance: random.Random, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """Return the confidence interval of a quantile, by bootstrap."""
    drawn = sorted(_resampled(distribution, share, chance) for _ in range(resamples))
    return _ends(drawn)


def _latency_changes(
    name: MetricName, before: Report, after: Report, regress: float, chance: random.Random
) -> list[Change]:
    held = [report.histograms.get(name) for report in (before, after)]
    if held[0] is None or held[1] is None:
        return []
    old, new = (histograms.distribution(encoded) for encoded in held if encoded is not None)
    if not (old.count and new.count):
        return []
    return [
        _quantile_change(f"{name.removesuffix('_ms')}.{label}", share, old, new, regress, chance)
        for label, share in SHARES.items()
        if min(old.count, new.count) >= LEAST_SAMPLES[label]
    ]


def _quantile_change(
    figure: str,
    share: float,
    old: Distribution,
    new: Distribution,
    regress: float,
    chance: random.Random,
) -> Change:
    before, after = old.quantile(share), new.quantile(share)
    drawn = sorted(
        _resampled(new, share, chance) / _resampled(old, share, chance) - 1
        for _ in range(RESAMPLES)
        if before
    )
    low, high = _ends(drawn) if drawn else (None, None)
    return Change(
        figure=figure,
        before=before,
        after=after,
        change=after / before - 1 if before else None,
        low=low,
        high=high,
        worse=low is not None and low > regress,
    )


def _resampled(distribution: Distribution, share: float, chance: random.Random) -> float:
    rank = max(1, math.ceil(share * distribution.count))
    drawn = chance.betavariate(rank, distribution.count - rank + 1)
    # A resample may be of the lowest bucket, whose bound can be 0.
    return max(distribution.quantile(drawn), 1e-3)


def _ends(drawn: list[float]) -> tuple[float, float]:
    beyond = (1 - CONFIDENCE) / 2
    last = len(drawn) - 1
    return drawn[round(beyond * last)], drawn[round((1 - beyond) * last)]


def _rate_change(figure: str, before: float, after: float, regress: float) -> Change:
    change = after / before - 1 if before else None
    worse = change is not None and change < -regress
    return Change(figure=figure, before=before, after=after, change=change, worse=worse)


def _error_change(before: Requests, after: Requests, regress: float) -> Change:
    old, new = before.error_rate, after.error_rate
    variance = sum(
        _certain_rate(of) * (1 - _certain_rate(of)) / max(of.completed + of.failed, 1)
        for of in (before, after)
    )
    worse = new > old * (1 + regress) and new - old > DEVIATIONS * math.sqrt(variance)
    change = new / old - 1 if old else None
    return Change(figure="error_rate", before=old, after=new, change=change, worse=worse)


def _certain_rate(requests: Requests) -> float:
    """The error rate with one more of each outcome: 0 errors in 10 do not prove a rate of 0."""
    return (requests.failed + 1) / (requests.completed + requests.failed + 2)


def _differences(before: Report, after: Report) -> list[str]:
    """Name the options that differ: figures of different runs are not directly comparable."""
    names = ("operation", "model", "arrivals", "http", "ramp_s", "warmup_s", "sessions", "threads")
    notes = [
        f"{name} differs: {before.options.get(name)} and {after.options.get(name)}"
        for name in names
        if before.options.get(name) != after.options.get(name)
    ]
    places = ("cpu", "cpus", "kernel", "bedrock_frames")
    return notes + [
        f"{name} differs: {before.environment.get(name)} and {after.environment.get(name)}"
        for name in places
        if before.environment.get(name) != after.environment.get(name)
    ]


def show_comparison(comparison: Comparison, stream: TextIO) -> None:
    """Print a comparison as a table."""
    console = terminal.console(stream)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for head in ("before", "after", "change", f"{CONFIDENCE:.0%} interval", ""):
        table.add_column(head, justify="right")
    for change in comparison.changes:
        table.add_row(*_row(change))
    console.print(table)
    for note in comparison.notes:
        console.print(Text(f"note: {note}", style="dim"))
    for reason in comparison.not_trustworthy:
        console.print(Text(f"not trustworthy: {reason}", style="bold red"))


def _row(change: Change) -> tuple[str | Text, ...]:
    name, _, figure = change.figure.partition(".")
    label = f"{LABELS[f'{name}_ms']} {figure}" if figure else name.replace("_", " ")
    write = milliseconds if figure else percent if name == "error_rate" else rate
    interval = ""
    if change.low is not None and change.high is not None:
        interval = f"{change.low:+.1%} … {change.high:+.1%}"
    moved = "—" if change.change is None else f"{change.change:+.1%}"
    mark = Text("worse", style="bold red") if change.worse else Text("")
    return label, write(change.before), write(change.after), moved, interval, mark

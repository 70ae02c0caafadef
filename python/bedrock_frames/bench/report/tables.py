"""A report as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bedrock_frames.bench.report import terminal
from bedrock_frames.bench.report.formatting import count, milliseconds, percent, rate
from bedrock_frames.bench.report.results import METRIC_NAMES
from bedrock_frames.bench.report.terminal import Flow
from bedrock_frames.bench.report.thresholds import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from bedrock_frames.bench.report.results import Asked, Figures
    from bedrock_frames.bench.report.summary import Report, SweepStep

LABELS: Final = {
    "ttfb_ms": "first byte",
    "ttft_ms": "first token",
    "gap_ms": "gap",
    "tpot_ms": "per token",
    "e2e_ms": "whole answer",
    "session_ms": "whole session",
    "schedule_delay_ms": "schedule delay",
}
NEEDED: Final = {"p50": 2, "p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""With fewer samples a percentile is the maximum by another name, and is not shown."""
LEFT_OUT: Final = ("p999", "p95", "mean", "p90", "n", "max")
"""What a terminal that is too narrow for all figures does without, in this order."""


def show(report: Report, stream: TextIO) -> None:
    """Print a report."""
    console = terminal.console(stream)
    if report.title:
        console.print(Text(report.title, style="bold"))
    console.print(fitting(report, console))
    console.print(rates(report))
    if report.errors:
        console.print(errors(report))
    if report.sweep:
        console.print(sweep(report))
    for verdict in report.thresholds:
        subject = verdict.threshold
        found = written(subject, verdict.value)
        mark, style = ("✓", "green") if verdict.passed else ("✗", "bold red")
        console.print(Text(f"{mark} {subject}  ({found})", style=style))
    for note in report.notes:
        console.print(Text(f"note: {note}", style="dim"))
    if report.interrupted:
        console.print(Text("interrupted: the figures are of what ran until then", style="yellow"))
    if report.trustworthy:
        console.print(Text("trustworthy", style="green"))
    else:
        console.print(Text("NOT TRUSTWORTHY", style="bold red"))
        for reason in report.reasons:
            console.print(Text(f"  {reason}", style="red"))


def fitting(report: Report, console: Console) -> Table:
    """Return the table of distributions with as many of its columns as there is room for."""
    for count_of in range(len(LEFT_OUT)):
        table = latencies(report, without=LEFT_OUT[:count_of])
        wide = console.options.update(max_width=terminal.UNWRAPPED)
        if console.measure(table, options=wide).maximum <= console.width:
            return table
    return latencies(report, without=LEFT_OUT)


def latencies(report: Report, *, without: Sequence[str] = ()) -> Table:
    """Return the table of distributions."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    names = ("n", "mean", *NEEDED, "max")
    for name in names:
        if name not in without:
            table.add_column(name, justify="right", no_wrap=True)
    for metric in METRIC_NAMES:
        figures = report.metrics.named(metric)
        if figures.count:
            row = zip(names, cells(figures), strict=True)
            table.add_row(LABELS[metric], *(cell for name, cell in row if name not in without))
    return table


def cells(figures: Figures) -> list[str]:
    """Return a distribution's cells, without the percentiles that it is too small for."""
    quantiles = [
        milliseconds(getattr(figures, name)) if figures.count >= least else "—"
        for name, least in NEEDED.items()
    ]
    ends = milliseconds(figures.mean), milliseconds(figures.max)
    return [count(figures.count), ends[0], *quantiles, ends[1]]


def rates(report: Report) -> Group:
    """Return counts and rates, of which none is split over two lines."""
    requests, of = report.requests, report.rates
    failed = f"{count(requests.failed)} failed ({percent(requests.error_rate)})"
    asked = of.asked()
    sessions = of.sessions_per_s
    counted = (
        f"{count(requests.sent)} sent",
        f"{count(requests.completed)} completed",
        Text(failed, style="bold red" if requests.failed else ""),
        f"{count(requests.interrupted)} interrupted" if requests.interrupted else "",
    )
    ended = "" if sessions is None else f"{rate(sessions)} sessions/s" + _of(asked)
    rated = (
        f"{rate(of.requests_per_s)} requests/s" + (_of(asked) if sessions is None else ""),
        f"{rate(of.frames_per_s)} frames/s",
        f"{rate(of.output_tokens_per_s)} tokens/s",
        f"{rate(of.goodput_per_s)} good/s ({percent(requests.good_ratio)} of all)"
        if report.options.get("goodput")
        else "",
    )
    return Group(*(Flow(cells) for cells in (counted, (ended,), rated) if any(cells)))


def _of(asked: Asked | None) -> str:
    return f" of {rate(asked.rate)}" if asked else ""


def errors(report: Report) -> Table:
    """Return the table of errors, the most frequent first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("error", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("of sent", justify="right", no_wrap=True)
    table.add_column("the first said")
    for kind, times in sorted(report.errors.items(), key=lambda error: -error[1]):
        share = percent(times / max(report.requests.sent, 1))
        sample = Text(report.error_samples.get(kind, ""))
        table.add_row(Text(kind, style="red"), count(times), share, sample)
    return table


def sweep(report: Report) -> Table:
    """Return the table of a sweep's steps, by their rate."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("rate", "requests/s", "ttft p50", "ttft p99", "errors"):
        table.add_column(name, justify="right")
    table.add_column("")
    for step in sorted(report.sweep, key=lambda step: step.rate):
        style = "red" if step.saturated else ""
        table.add_row(*step_cells(step), Text(step.saturated or "kept", style=style))
    return table


def step_cells(step: SweepStep) -> list[str]:
    """Return what a step measured."""
    first = step.ttft_ms if step.ttft_ms.count else step.e2e_ms
    latencies = milliseconds(first.p50), milliseconds(first.p99)
    return [rate(step.rate), rate(step.requests_per_s), *latencies, percent(step.error_rate)]

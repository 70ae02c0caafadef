"""A report as tables on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bedrock_frames.bench.figures import METRIC_NAMES
from bedrock_frames.bench.thresholds import written
from bedrock_frames.bench.words import count, milliseconds, percent, rate

if TYPE_CHECKING:
    from bedrock_frames.bench.figures import Asked, Figures
    from bedrock_frames.bench.report import Report, SweepStep

LABELS: Final = {
    "ttfb_ms": "first byte",
    "ttft_ms": "first token",
    "gap_ms": "gap",
    "tpot_ms": "per token",
    "e2e_ms": "whole answer",
    "schedule_delay_ms": "schedule delay",
}
NEEDED: Final = {"p50": 2, "p90": 10, "p95": 20, "p99": 100, "p999": 1000}
"""With fewer samples a percentile is the maximum by another name, and is not shown."""
WIDTH_OF_FILES: Final = 100


def show(report: Report, stream: TextIO) -> None:
    """Print a report."""
    width = None if stream.isatty() else WIDTH_OF_FILES
    console = Console(file=stream, width=width, highlight=False)
    console.print(latencies(report))
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


def latencies(report: Report) -> Table:
    """Return the table of distributions."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", no_wrap=True)
    for name in ("n", "mean", *NEEDED, "max"):
        table.add_column(name, justify="right")
    for name in METRIC_NAMES:
        figures = report.metrics.named(name)
        if figures.count:
            table.add_row(LABELS[name], *cells(figures))
    return table


def cells(figures: Figures) -> list[str]:
    """Return a distribution's cells, without the percentiles that it is too small for."""
    quantiles = [
        milliseconds(getattr(figures, name)) if figures.count >= least else "—"
        for name, least in NEEDED.items()
    ]
    ends = milliseconds(figures.mean), milliseconds(figures.max)
    return [count(figures.count), ends[0], *quantiles, ends[1]]


def rates(report: Report) -> Table:
    """Return the table of counts and rates."""
    table = Table.grid(padding=(0, 3))
    requests, of = report.requests, report.rates
    failed = f"{count(requests.failed)} failed ({percent(requests.error_rate)})"
    table.add_row(
        f"{count(requests.sent)} sent",
        f"{count(requests.completed)} completed",
        Text(failed, style="bold red" if requests.failed else ""),
        f"{count(requests.interrupted)} interrupted" if requests.interrupted else "",
    )
    asked = of.asked()
    sessions = of.sessions_per_s
    if sessions is not None:
        table.add_row(f"{rate(sessions)} sessions/s" + _of(asked))
    table.add_row(
        f"{rate(of.requests_per_s)} requests/s" + (_of(asked) if sessions is None else ""),
        f"{rate(of.frames_per_s)} frames/s",
        f"{rate(of.output_tokens_per_s)} tokens/s",
        f"{rate(of.goodput_per_s)} good/s" if report.options.get("goodput") else "",
    )
    return table


def _of(asked: Asked | None) -> str:
    return f" of {rate(asked.rate)}" if asked else ""


def errors(report: Report) -> Table:
    """Return the table of errors, the most frequent first."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("error")
    table.add_column("n", justify="right")
    table.add_column("of sent", justify="right")
    for kind, times in sorted(report.errors.items(), key=lambda error: -error[1]):
        share = percent(times / max(report.requests.sent, 1))
        table.add_row(Text(kind, style="red"), count(times), share)
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

"""The page around the charts: results first, then their explanation, then the environment."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.report.formatting import count, milliseconds, percent, rate, seconds
from bedrock_frames.bench.report.html.charts import charts
from bedrock_frames.bench.report.html.marks import DARK
from bedrock_frames.bench.report.results import METRIC_NAMES
from bedrock_frames.bench.report.tables import LABELS, cells, step_cells
from bedrock_frames.bench.report.thresholds import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bedrock_frames.bench.report.summary import Report

_ENDS_SCRIPT: Final = re.compile(r"<(/script|!--)", re.IGNORECASE)

TITLES: Final = {
    "sweep": ("First token by rate, of the sweep's steps", "wide"),
    "percentiles": ("Latency by percentile", "wide"),
    "throughput": ("Requests", ""),
    "errors": ("Errors, by the second", ""),
    "ttft-series": ("First token, by the second", ""),
    "e2e-series": ("Whole answer, by the second", ""),
    "stream-series": ("Frames and tokens", ""),
    "ttft": ("First token, distribution", ""),
    "gap": ("Gaps between events, distribution", ""),
    "schedule": ("Schedule delay of the generator", ""),
}


def to_html(report: Report) -> str:
    """Return a report as a page that works without a network."""
    assets = files("bedrock_frames.bench.report.html")
    drawn = charts(report)
    return Template(assets.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=escape(
            report.title or f"{report.options.get('operation')} {report.options.get('url')}"
        ),
        heading=f"<h1>{escape(report.title)}</h1>" if report.title else "",
        level="h1" if not report.title else "h2",
        style=assets.joinpath("page.css").read_text(encoding="utf-8"),
        operation=escape(str(report.options.get("operation"))),
        url=escape(str(report.options.get("url"))),
        when=escape(_when(report)),
        verdict=_verdict(report),
        tiles="".join(_tile(*tile) for tile in _tiles(report)),
        charts=_figures(list(drawn)) or _empty("There is nothing to draw."),
        latencies=_latencies(report),
        errors=_errors(report),
        sweep=_sweep(report),
        thresholds=_thresholds(report),
        options=_rows(_flat(report.options)),
        environment=_rows(_flat(report.environment)),
        audit=_rows(_flat(_audit(report))),
        formulas=_rows(report.formulas),
        version=escape(report.version),
        library=_in_script(_library()),
        specs=_in_script(json.dumps(drawn, separators=(",", ":"))),
        dark=json.dumps(DARK, separators=(",", ":")),
    )


def _audit(report: Report) -> dict[str, object]:
    """Return the generator's audit of itself, rounded."""
    stated = report.audit.model_dump(exclude={"loop_delay_ms", "schedule_delay_ms"})
    late = report.audit.loop_delay_ms
    stated["cpu_of_threads_s"] = [round(cpu, 3) for cpu in report.audit.cpu_of_threads_s]
    stated |= {name: round(stated[name], 3) for name in ("elapsed_s", "cpu_s")}
    return {**stated, "loop_delay p99": milliseconds(late.p99)}


@cache
def _library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script."""
    from vl_convert import javascript_bundle

    # Without a snippet it is the whole library; the stub does not know.
    return javascript_bundle()  # type: ignore[call-arg]


def _in_script(text: str) -> str:
    """Keep a script from ending early."""
    # In strings and patterns the added backslash means nothing; elsewhere neither stands.
    return _ENDS_SCRIPT.sub(r"<\\\1", text)


def _when(report: Report) -> str:
    started = datetime.fromtimestamp(report.started_at, UTC)
    lasted = seconds(report.window.ended_s)
    return f"{started:%Y-%m-%d %H:%M:%S} UTC · {lasted} · seed {report.options.get('seed')}"


def _verdict(report: Report) -> str:
    mark = ("good", "Trustworthy") if report.trustworthy else ("bad", "Not trustworthy")
    badges = [f'<span class="badge {mark[0]}">{mark[1]}</span>']
    missed = sum(not verdict.passed for verdict in report.thresholds)
    if report.thresholds:
        badges.append(
            f'<span class="badge bad">{missed} of {len(report.thresholds)} thresholds missed</span>'
            if missed
            else '<span class="badge good">All thresholds kept</span>'
        )
    if report.interrupted:
        badges.append('<span class="badge warn">Interrupted</span>')
    reasons = "".join(f'<li class="bad">{escape(reason)}</li>' for reason in report.reasons)
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    listed = f'<ul class="notes">{reasons}{notes}</ul>' if reasons or notes else ""
    return f'<p class="badges">{"".join(badges)}</p>{listed}'


def _tiles(report: Report) -> Iterable[tuple[str, str, str]]:
    requests, rates, metrics = report.requests, report.rates, report.metrics
    asked = rates.asked()
    if asked is None:
        yield "Requests / s", rate(rates.requests_per_s), "closed loop"
    else:
        yield f"{asked.of.capitalize()} / s", rate(asked.kept), f"of {rate(asked.rate)} asked"
    first = metrics.ttft_ms if metrics.ttft_ms.count else metrics.ttfb_ms
    name = "First token" if metrics.ttft_ms.count else "First byte"
    yield f"{name}, p50", milliseconds(first.p50), f"p99 {milliseconds(first.p99)}"
    if metrics.gap_ms.count:
        gap = metrics.gap_ms
        yield "Gap, p50", milliseconds(gap.p50), f"p99 {milliseconds(gap.p99)}"
    whole = metrics.e2e_ms
    yield "Answer, p50", milliseconds(whole.p50), f"p99 {milliseconds(whole.p99)}"
    if rates.frames_per_s:
        tokens = f"{rate(rates.output_tokens_per_s)} tokens / s"
        yield "Frames / s", rate(rates.frames_per_s), tokens
    if report.options.get("goodput"):
        yield "Good / s", rate(rates.goodput_per_s), f"{percent(requests.good_ratio)} of all"
    failed = f"{count(requests.failed)} of {count(requests.sent)}"
    yield "Errors", percent(requests.error_rate), failed


def _tile(name: str, value: str, below: str) -> str:
    return (
        f'<div class="tile"><span>{escape(name)}</span><b>{escape(value)}</b>'
        f"<small>{escape(below)}</small></div>"
    )


def _figures(names: Sequence[str]) -> str:
    """Return the charts, two beside each other; one that is left over is wide."""
    narrow = [name for name in names if TITLES[name][1] != "wide"]
    alone = narrow[-1:] if len(narrow) % 2 else []
    return "".join(_figure(name, wide=name in alone) for name in names)


def _figure(name: str, *, wide: bool) -> str:
    title, kind = TITLES[name]
    kind = "wide" if wide else kind
    return (
        f'<figure class="{kind}"><figcaption>{escape(title)}</figcaption>'
        f'<div class="chart" data-chart="{name}"></div></figure>'
    )


def _latencies(report: Report) -> str:
    heads = ("", "n", "mean", "p50", "p90", "p95", "p99", "p99.9", "max")
    rows = [
        [LABELS[name], *cells(report.metrics.named(name))]
        for name in METRIC_NAMES
        if report.metrics.named(name).count
    ]
    if not rows:
        return _empty("No request completed, so there is no latency to report.")
    return _table(heads, rows)


def _empty(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _errors(report: Report) -> str:
    if not report.errors:
        return '<p class="quiet">None.</p>'
    ordered = sorted(report.errors.items(), key=lambda error: -error[1])
    sent = max(report.requests.sent, 1)
    rows = [
        [kind, count(times), percent(times / sent), report.error_samples.get(kind, "")]
        for kind, times in ordered
    ]
    return _table(("kind", "n", "of sent", "the first said"), rows)


def _sweep(report: Report) -> str:
    if not report.sweep:
        return ""
    heads = ("rate", "requests/s", "first token p50", "p99", "errors", "")
    steps = sorted(report.sweep, key=lambda step: step.rate)
    rows = [[*step_cells(step), step.saturated or "kept"] for step in steps]
    table = _table(heads, rows, bad=[step.saturated is not None for step in steps])
    return f'<section class="sweep"><h2>Sweep</h2>{table}</section>'


def _thresholds(report: Report) -> str:
    if not report.thresholds:
        return '<p class="quiet">None were set.</p>'
    rows = [
        [
            verdict.threshold,
            written(verdict.threshold, verdict.value),
            "kept" if verdict.passed else "missed",
        ]
        for verdict in report.thresholds
    ]
    bad = [not verdict.passed for verdict in report.thresholds]
    return _table(("threshold", "measured", ""), rows, bad=bad)


def _table(heads: Iterable[str], rows: Sequence[Iterable[str]], *, bad: Sequence[bool] = ()) -> str:
    """Return a table; ``bad`` says of each row whether something is wrong with it."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    marks = [' class="bad"' if wrong else "" for wrong in bad] or [""] * len(rows)
    body = "".join(
        f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for mark, row in zip(marks, rows, strict=True)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _rows(held: Mapping[str, object]) -> str:
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_stated(value))}</dd>" for name, value in held.items()
    )
    return f"<dl>{rows}</dl>"


def _flat(held: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return nested values under dotted names, without those that hold nothing."""
    flat: dict[str, object] = {}
    for name, value in held.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", []):
            flat[f"{prefix}{name}"] = value
    return flat


def _stated(value: object) -> str:
    """Format a value for reading."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        # Pairs, as stages are, are written as on the command line.
        parts = (
            ":".join(map(_stated, v)) if isinstance(v, list | tuple) else _stated(v) for v in value
        )
        return ", ".join(parts)
    return str(value)

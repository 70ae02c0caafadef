"""The charts of a report, as Vega-Lite specifications: data, without any drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.report.formatting import milliseconds
from bedrock_frames.bench.report.html.distributions import distribution, held_by
from bedrock_frames.bench.report.html.marks import (
    AMBER,
    BLUE,
    DURATION,
    GREY,
    RED,
    TEAL,
    VIOLET,
    Rows,
    Spec,
    lines,
    number,
    tip,
)
from bedrock_frames.bench.report.tables import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bedrock_frames.bench.report.results import MetricName, Second
    from bedrock_frames.bench.report.summary import Report

LONGEST_SERIES: Final = 900
"""More points than this are joined: no screen shows them."""
ROUND_MS: Final = [figure * 10.0**power for power in range(-3, 7) for figure in (1, 2, 5)]
PERCENTILES: Final = (50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999)

_LATENCIES: Final[dict[MetricName, str]] = {
    "ttft_ms": BLUE,
    "e2e_ms": TEAL,
    "session_ms": GREY,
    "tpot_ms": AMBER,
    "gap_ms": VIOLET,
}
_FEWEST_STEPS: Final = 2
_WHOLE_S: Final = 0.98
_KINDS: Final = (RED, AMBER, VIOLET, BLUE, TEAL, GREY)
_QUANTILES: Final = {"p50": BLUE, "p90": AMBER, "p99": RED}


def charts(report: Report) -> dict[str, Spec]:
    """Return the charts that a report has data for, by their names in the page."""
    found: dict[str, Spec | None] = {
        "sweep": sweep_curve(report),
        "percentiles": percentiles(report),
        "throughput": throughput(report),
        "errors": errors_series(report),
        "ttft-series": latency_series(report, "ttft_ms"),
        "e2e-series": latency_series(report, "e2e_ms"),
        "stream-series": stream_series(report),
        "ttft": distribution(report, "ttft_ms", BLUE),
        "gap": distribution(report, "gap_ms", VIOLET),
        "schedule": distribution(report, "schedule_delay_ms", GREY),
    }
    return {name: spec for name, spec in found.items() if spec is not None}


def sweep_curve(report: Report) -> Spec | None:
    """Latency by rate, of a sweep of several steps. What saturated is drawn, too."""
    rows: Rows = []
    for step in sorted(report.sweep, key=lambda step: step.rate):
        first = step.ttft_ms if step.ttft_ms.count else step.e2e_ms
        for quantile in ("p50", "p99"):
            value = getattr(first, quantile)
            if value is not None:
                rows.append(
                    {
                        "series": quantile,
                        "rate": step.rate,
                        "ms": value,
                        "value": milliseconds(value),
                        "step": step.saturated or "kept",
                    }
                )
    if len({row["rate"] for row in rows}) < _FEWEST_STEPS:
        return None
    axis = {"title": "asked for in a second", "tickCount": 8}
    spec = lines(
        rows,
        named={name: _QUANTILES[name] for name in ("p50", "p99")},
        x={"field": "rate", "type": "quantitative", "axis": axis, "scale": {"zero": False}},
        y=_duration_axis("ms"),
        tooltip=[
            tip("series", "percentile"),
            number("rate", "rate"),
            tip("value", "at most"),
            tip("step", "step"),
        ],
    )
    marks: Spec = {
        "mark": {"type": "point", "filled": False, "size": 60, "tooltip": False},
        "encoding": {
            "x": {"field": "rate", "type": "quantitative"},
            "y": {"field": "ms", "type": "quantitative"},
            "color": {
                "condition": {"test": "datum.step == 'kept'", "value": TEAL},
                "value": RED,
            },
        },
    }
    layers = spec["layer"]
    return {**spec, "layer": [marks, *layers] if isinstance(layers, list) else layers}


def errors_series(report: Report) -> Spec | None:
    """Errors by the second, by their kind; the rarer kinds are one."""
    most = sorted(report.errors, key=lambda kind: -report.errors[kind])
    kinds = most[: len(_KINDS) - 1]
    seen = {kind: 0 for row in report.series for kind in row.errors}
    if not seen:
        return None
    rows: Rows = []
    named = dict(zip(kinds, _KINDS, strict=False))
    if any(kind not in named for kind in seen):
        named["other"] = GREY
    for second, span, joined in _whole(report):
        counts = dict.fromkeys(named, 0)
        for row in joined:
            for kind, times in row.errors.items():
                counts[kind if kind in counts else "other"] += times
        rows += [
            {"series": kind, "second": second, "n": times / span, "said": _said(report, kind)}
            for kind, times in counts.items()
        ]
    return lines(
        rows,
        named=named,
        behind=_warm_up(report),
        x=_second_axis(),
        y={"field": "n", "type": "quantitative", "axis": {"title": "errors a second"}},
        tooltip=[tip("series", "error"), tip("second"), number("n", "n"), tip("said", "the first")],
    )


def _said(report: Report, kind: str) -> str:
    return report.error_samples.get(kind, "—")[:120]


def percentiles(report: Report) -> Spec | None:
    """Latency by percentile. The rarer, the wider: each nine takes as much room as the last."""
    rows: Rows = []
    named: dict[str, str] = {}
    for name, colour in _LATENCIES.items():
        held = held_by(report, name)
        if held is None:
            continue
        named[LABELS[name]] = colour
        rows += [
            {
                "series": LABELS[name],
                "rarity": 100 / (100 - percent),
                "percentile": f"p{percent:g}",
                "ms": max(held.quantile(percent / 100), 0.001),
                "value": milliseconds(held.quantile(percent / 100)),
            }
            for percent in PERCENTILES
            # Beyond the last sample every percentile is the maximum.
            if held.count * (100 - percent) >= 100
        ]
    if not rows:
        return None
    label = "format(100 - 100 / datum.value, '~r') + '%'"
    ticks = [2, 10, 100, 1000, 10_000, 100_000]
    axis = {"values": ticks, "labelExpr": label, "title": "share of requests or gaps"}
    return lines(
        rows,
        named=named,
        x={
            "field": "rarity",
            "type": "quantitative",
            "scale": {"type": "log", "nice": False},
            "axis": axis,
        },
        y=_duration_axis("ms", values=ROUND_MS, scale={"type": "log"}),
        tooltip=[tip("series", "latency"), tip("percentile"), tip("value", "at most")],
    )


def throughput(report: Report) -> Spec | None:
    """Requests by the second: started, completed, failed, and how many were running."""
    named = {"started": GREY, "completed": TEAL, "failed": RED, "in flight": AMBER}
    rows: Rows = []
    for second, span, joined in _whole(report):
        counts = {
            "started": sum(row.sent for row in joined) / span,
            "completed": sum(row.completed for row in joined) / span,
            "failed": sum(row.failed for row in joined) / span,
            "in flight": max(row.in_flight for row in joined),
        }
        rows += [{"series": key, "second": second, "n": n} for key, n in counts.items()]
    if not rows:
        return None
    if not report.requests.failed:
        del named["failed"]
        rows = [row for row in rows if row["series"] != "failed"]
    return lines(
        rows,
        named=named,
        behind=_warm_up(report),
        x=_second_axis(),
        y={"field": "n", "type": "quantitative", "axis": {"title": "a second, or at once"}},
        tooltip=[tip("series", " "), tip("second"), number("n", "n")],
    )


def latency_series(report: Report, metric: str) -> Spec | None:
    """Return percentiles by the second."""
    rows: Rows = []
    for second, _, joined in _joined(report.series):
        for quantile in _QUANTILES:
            values = [getattr(getattr(row, metric), quantile) for row in joined]
            known = [value for value in values if value is not None]
            if known:
                worst = max(known)
                value = milliseconds(worst)
                rows.append({"series": quantile, "second": second, "ms": worst, "value": value})
    if not rows:
        return None
    return lines(
        rows,
        named=dict(_QUANTILES),
        behind=_warm_up(report),
        x=_second_axis(),
        y=_duration_axis("ms"),
        tooltip=[tip("series", "percentile"), tip("second"), tip("value", "at most")],
    )


def stream_series(report: Report) -> Spec | None:
    """Frames and output tokens by the second."""
    named = {"frames": VIOLET, "output tokens": BLUE}
    rows: Rows = []
    for second, span, joined in _whole(report):
        counts = {
            "frames": sum(row.frames for row in joined) / span,
            "output tokens": sum(row.output_tokens for row in joined) / span,
        }
        rows += [{"series": key, "second": second, "n": n} for key, n in counts.items()]
    if not any(row["n"] for row in rows):
        return None
    return lines(
        rows,
        named=named,
        behind=_warm_up(report),
        x=_second_axis(),
        y={
            "field": "n",
            "type": "quantitative",
            "axis": {"title": "a second", "labelExpr": "format(datum.value, '~s')"},
        },
        tooltip=[tip("series", " "), tip("second"), number("n", "n")],
        area=True,
    )


def _whole(report: Report) -> Iterator[tuple[int, int, Sequence[Second]]]:
    """Yield seconds as `_joined`, without the last where it is but a part: it looks like a fall."""
    series, ended = report.series, report.window.ended_s
    last = int(ended)
    partial = len(series) > 1 and series[-1].second == last and ended - last < _WHOLE_S
    yield from _joined(series[:-1] if partial else series)


def _joined(series: Sequence[Second]) -> Iterator[tuple[int, int, Sequence[Second]]]:
    """Yield a second, how many seconds are joined in it, and those."""
    span = -(-len(series) // LONGEST_SERIES) or 1
    for first in range(0, len(series), span):
        joined = series[first : first + span]
        yield first, len(joined), joined


def _warm_up(report: Report) -> list[Spec]:
    """Shade the time that is not measured."""
    end = report.window.start_s
    if not end:
        return []
    x: Spec = {"field": "from", "type": "quantitative"}
    shade: Spec = {
        "data": {"values": [{"from": 0, "to": end}]},
        "mark": {"type": "rect", "color": GREY, "opacity": 0.16},
        "encoding": {"x": x, "x2": {"field": "to"}},
    }
    label: Spec = {
        "data": shade["data"],
        "mark": {"type": "text", "text": "warm-up", "align": "left", "dx": 4, "color": GREY},
        "encoding": {"x": x, "y": {"value": 7}},
    }
    return [shade, label]


def _second_axis() -> Spec:
    axis = {"title": "seconds since the start", "tickMinStep": 1}
    return {"field": "second", "type": "quantitative", "axis": axis, "scale": {"nice": False}}


def _duration_axis(field: str, *, values: Sequence[float] = (), **rest: object) -> Spec:
    axis: Spec = {"title": None, "labelExpr": DURATION, "tickCount": 6}
    if values:
        axis["values"] = list(values)
    return {"field": field, "type": "quantitative", "axis": axis, **rest}

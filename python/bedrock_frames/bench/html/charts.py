"""The charts of a report, as Vega-Lite specifications: data, without any drawing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bedrock_frames.bench import histograms
from bedrock_frames.bench.html.marks import (
    AMBER,
    BLUE,
    DURATION,
    GREY,
    INK,
    RED,
    TEAL,
    VIOLET,
    Rows,
    Spec,
    chart,
    lines,
)
from bedrock_frames.bench.tables import LABELS
from bedrock_frames.bench.words import milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bedrock_frames.bench.figures import MetricName, Second
    from bedrock_frames.bench.histograms import Distribution
    from bedrock_frames.bench.report import Report

LONGEST_SERIES: Final = 900
"""More points than this are joined: no screen shows them."""
BINS: Final = 60
ROOM: Final = 0.15
NARROW: Final = 0.2
ROUND_MS: Final = [figure * 10.0**power for power in range(-3, 7) for figure in (1, 2, 5)]
PERCENTILES: Final = (50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999)

_LATENCIES: Final[dict[MetricName, str]] = {
    "ttft_ms": BLUE,
    "e2e_ms": TEAL,
    "tpot_ms": AMBER,
    "gap_ms": VIOLET,
}
_QUANTILES: Final = {"p50": BLUE, "p90": AMBER, "p99": RED}


def charts(report: Report) -> dict[str, Spec]:
    """Return the charts that a report has data for, by their names in the page."""
    found: dict[str, Spec | None] = {
        "percentiles": percentiles(report),
        "throughput": throughput(report),
        "ttft-series": latency_series(report, "ttft_ms"),
        "e2e-series": latency_series(report, "e2e_ms"),
        "stream-series": stream_series(report),
        "ttft": distribution(report, "ttft_ms", BLUE),
        "gap": distribution(report, "gap_ms", VIOLET),
        "schedule": distribution(report, "schedule_delay_ms", GREY),
    }
    return {name: spec for name, spec in found.items() if spec is not None}


def percentiles(report: Report) -> Spec | None:
    """Latency by percentile. The rarer, the wider: each nine takes as much room as the last."""
    rows: Rows = []
    named: dict[str, str] = {}
    for name, colour in _LATENCIES.items():
        held = _held(report, name)
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
        tooltip=[_tip("series", "latency"), _tip("percentile"), _tip("value", "at most")],
    )


def throughput(report: Report) -> Spec | None:
    """Requests by the second: started, completed, failed, and how many were running."""
    named = {"started": GREY, "completed": TEAL, "failed": RED, "in flight": AMBER}
    rows: Rows = []
    for second, span, joined in _joined(report.series):
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
        x=_second_axis(),
        y={"field": "n", "type": "quantitative", "axis": {"title": "a second, or at once"}},
        tooltip=[_tip("series", " "), _tip("second"), _number("n", "n")],
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
        x=_second_axis(),
        y=_duration_axis("ms"),
        tooltip=[_tip("series", "percentile"), _tip("second"), _tip("value", "at most")],
    )


def stream_series(report: Report) -> Spec | None:
    """Frames and output tokens by the second."""
    named = {"frames": VIOLET, "output tokens": BLUE}
    rows: Rows = []
    for second, span, joined in _joined(report.series):
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
        x=_second_axis(),
        y={"field": "n", "type": "quantitative", "axis": {"title": "a second", "format": "~s"}},
        tooltip=[_tip("series", " "), _tip("second"), _number("n", "n")],
        area=True,
    )


def distribution(report: Report, name: MetricName, colour: str) -> Spec | None:
    """How often each duration came; the first and the last bar have all that is beyond."""
    held = _held(report, name)
    if held is None:
        return None
    bins = list(_bins(held))
    rows: Rows = [
        {
            "from": low,
            "to": high,
            "share": times / held.count,
            "range": f"{milliseconds(low)} to {milliseconds(high)}",
        }
        for low, high, times in bins
    ]
    marked: Rows = [
        {"ms": held.quantile(share), "label": f"{label} {milliseconds(held.quantile(share))}"}
        for label, share in (("p50", 0.5), ("p99", 0.99))
    ]
    x = {
        "type": "quantitative",
        "scale": {"domain": [rows[0]["from"], rows[-1]["to"]], "nice": False},
        "axis": {"title": LABELS[name], "labelExpr": DURATION, "tickCount": 8},
    }
    columns: Spec = {
        "mark": {"type": "bar", "color": colour, "opacity": 0.85, "binSpacing": 0.5},
        "encoding": {
            "x": {"field": "from", "bin": {"binned": True}, **x},
            "x2": {"field": "to"},
            "y": {
                "field": "share",
                "type": "quantitative",
                "axis": {"title": "share", "format": ".0%"},
            },
            "tooltip": [_tip("range", "duration"), _number("share", "share", ".2%")],
        },
    }
    span = bins[-1][1] - bins[0][0]
    # The first has its label on its left, so that none overlap, unless there is no room.
    near = held.quantile(0.5) - bins[0][0] < NARROW * span
    far = bins[-1][1] - held.quantile(0.99) < NARROW * span
    sides = ("left" if near else "right", "right" if far else "left")
    return chart(rows, layer=[columns, *_rules(marked, sides)])


def _rules(marked: Rows, sides: tuple[str, str]) -> list[Spec]:
    """Mark values on the x axis; a side is the end of its label that touches the mark."""
    at: Spec = {"field": "ms", "type": "quantitative"}
    dashes: Spec = {
        "data": {"values": marked},
        "mark": {"type": "rule", "strokeDash": [4, 3], "color": INK},
        "encoding": {"x": at},
    }
    labels: list[Spec] = [
        {
            "data": {"values": [row]},
            "mark": {
                "type": "text",
                "align": side,
                "dx": 5 if side == "left" else -5,
                "fontSize": 11,
                "color": INK,
            },
            "encoding": {"x": at, "y": {"value": 6}, "text": {"field": "label"}},
        }
        for row, side in zip(marked, sides, strict=True)
    ]
    return [dashes, *labels]


def _held(report: Report, name: MetricName) -> Distribution | None:
    encoded = report.histograms.get(name)
    held = histograms.distribution(encoded) if encoded else None
    return held if held is not None and held.count else None


def _bins(held: Distribution) -> Iterator[tuple[float, float, int]]:
    """Yield even bins: lower and upper bound, and how many. Labels have room on both sides."""
    low, high = held.quantile(0.001), max(held.quantile(0.999), 0.01)
    room = max(high - low, high / 20) * ROOM
    first = 0.0 if low < high / 3 else max(low - room, 0.0)
    width = _round_up((high + room - first) / BINS)
    # Bounds that are multiples of the width are even numbers, too.
    start = math.floor(first / width)
    counts = [0] * BINS
    for bound, times in zip(held.bounds_ms, held.counts, strict=True):
        counts[min(max(int(bound / width) - start, 0), BINS - 1)] += times
    for index, times in enumerate(counts):
        yield (start + index) * width, (start + index + 1) * width, times


def _round_up(value: float) -> float:
    """Return the next value of two digits."""
    step: float = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step) * step


def _joined(series: Sequence[Second]) -> Iterator[tuple[int, int, Sequence[Second]]]:
    """Yield a second, how many seconds are joined in it, and those."""
    span = -(-len(series) // LONGEST_SERIES) or 1
    for first in range(0, len(series), span):
        joined = series[first : first + span]
        yield first, len(joined), joined


def _second_axis() -> Spec:
    axis = {"title": "seconds since the start", "tickMinStep": 1}
    return {"field": "second", "type": "quantitative", "axis": axis, "scale": {"nice": False}}


def _duration_axis(field: str, *, values: Sequence[float] = (), **rest: object) -> Spec:
    axis: Spec = {"title": None, "labelExpr": DURATION, "tickCount": 6}
    if values:
        axis["values"] = list(values)
    return {"field": field, "type": "quantitative", "axis": axis, **rest}


def _tip(field: str, title: str | None = None) -> Spec:
    return {"field": field, "type": "nominal", "title": title or field}


def _number(field: str, title: str, form: str = ",.1~f") -> Spec:
    return {"field": field, "type": "quantitative", "title": title, "format": form}

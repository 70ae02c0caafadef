"""The distribution of durations as a chart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.report import histograms
from bedrock_frames.bench.report.formatting import milliseconds
from bedrock_frames.bench.report.html.marks import DURATION, INK, Rows, Spec, chart, number, tip
from bedrock_frames.bench.report.tables import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bedrock_frames.bench.report.histograms import Distribution
    from bedrock_frames.bench.report.results import MetricName
    from bedrock_frames.bench.report.summary import Report

BINS: Final = 60
ROOM: Final = 0.15
LINE: Final = 14
"""The height of a label, in pixels."""


def distribution(report: Report, name: MetricName, colour: str) -> Spec | None:
    """How often each duration came; the first and the last bar have all that is beyond."""
    held = held_by(report, name)
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
            "tooltip": [tip("range", "duration"), number("share", "share", ".2%")],
        },
    }
    middle = (bins[0][0] + bins[-1][1]) / 2
    # A label extends to where there is room; one beyond the last bar has its mark there.
    sides = tuple("left" if held.quantile(share) < middle else "right" for share in (0.5, 0.99))
    for row, share in zip(marked, (0.5, 0.99), strict=True):
        row["ms"] = min(max(held.quantile(share), bins[0][0]), bins[-1][1])
    return chart(rows, layer=[columns, *_rules(marked, sides)])


def _rules(marked: Rows, sides: Sequence[str]) -> list[Spec]:
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
            # Each on a line above the bars, so that none overprints another.
            "encoding": {"x": at, "y": {"value": -LINE * (line + 0.5)}, "text": {"field": "label"}},
        }
        for line, (row, side) in enumerate(zip(marked, sides, strict=True))
    ]
    return [dashes, *labels]


def held_by(report: Report, name: MetricName) -> Distribution | None:
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

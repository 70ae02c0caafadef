"""The style of charts: one palette, quiet axes, labels beside the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Spec: TypeAlias = dict[str, object]
Rows: TypeAlias = list[dict[str, object]]

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"

BLUE: Final = "#2f6fde"
TEAL: Final = "#12a594"
AMBER: Final = "#e5930a"
RED: Final = "#d6373a"
VIOLET: Final = "#8358d6"
GREY: Final = "#8b95a5"
INK: Final = "#333c4a"
QUIET: Final = "#5b6575"
GRID: Final = "#e8ebf0"
AXIS: Final = "#c9cfd8"

DARK: Final = {INK: "#d5dbe5", QUIET: "#9aa5b5", GRID: "#2b3442", AXIS: "#465164"}
"""What the page draws in place of these where dark colours are preferred."""

HEIGHT: Final = 230

CONFIG: Final[Spec] = {
    "background": None,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "labelColor": QUIET,
        "titleColor": QUIET,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "labelPadding": 6,
        "gridColor": GRID,
    },
    "axisX": {"grid": False, "domain": True, "domainColor": AXIS},
    "legend": {
        "orient": "top",
        "title": None,
        "labelColor": INK,
        "labelFontSize": 12,
        "symbolType": "stroke",
        "symbolStrokeWidth": 3,
        "symbolOpacity": 1,
        "offset": 4,
        # So many fit into a page of 400 pixels. A number that depends on the width changes after
        # the first layout, which leaves no place for rows that are added then: they were cut off.
        "columns": 2,
    },
    "line": {"strokeWidth": 2},
}

# A duration for reading: 250 µs, 12 ms, 1.5 s.
DURATION: Final = (
    "datum.value == 0 ? '0' : datum.value < 1 ? format(datum.value * 1000, '~r') + ' µs' : "
    "datum.value < 1000 ? format(datum.value, '~r') + ' ms' : "
    "format(datum.value / 1000, '~r') + ' s'"
)


def chart(rows: Rows, **rest: object) -> Spec:
    """Return a chart of rows, as wide as its place in the page."""
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": HEIGHT,
        "autosize": {"type": "fit", "contains": "padding"},
        "data": {"values": rows},
        "config": CONFIG,
        **rest,
    }


def colours(named: dict[str, str]) -> Spec:
    """Return a colour for each series, in the order of the legend."""
    scale = {"domain": list(named), "range": list(named.values())}
    return {"field": "series", "type": "nominal", "scale": scale}


def lines(
    rows: Rows,
    *,
    named: dict[str, str],
    x: Spec,
    y: Spec,
    tooltip: list[Spec],
    area: bool = False,
    behind: Sequence[Spec] = (),
) -> Spec:
    """Return series as lines; the nearest points show themselves and their values.

    ``behind`` is drawn before them.
    """
    encoding: Spec = {"x": x, "y": y, "color": colours(named)}
    # Straight from one measurement to the next: a spline shows values that were never measured.
    line: Spec = {"mark": {"type": "line", "interpolate": "linear"}, "encoding": encoding}
    filled: Spec = {
        "mark": {"type": "area", "opacity": 0.1, "interpolate": "linear"},
        "encoding": {**encoding, "y": {**y, "stack": None}},
    }
    points: Spec = {
        "mark": {"type": "point", "filled": True, "size": 55},
        "encoding": {
            **encoding,
            "opacity": {"condition": {"param": "near", "empty": False, "value": 1}, "value": 0},
            "tooltip": tooltip,
        },
        "params": [
            {
                "name": "near",
                "select": {
                    "type": "point",
                    "on": "pointerover",
                    "nearest": True,
                    "clear": "pointerout",
                },
            }
        ],
    }
    return chart(rows, layer=[*behind, *([filled] if area else []), line, points])


def tip(field: str, title: str | None = None) -> Spec:
    """Return a line of a tooltip."""
    return {"field": field, "type": "nominal", "title": title or field}


def number(field: str, title: str, form: str = ",.1~f") -> Spec:
    """Return a line of a tooltip that is a number."""
    return {"field": field, "type": "quantitative", "title": title, "format": form}

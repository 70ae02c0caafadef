"""The plots, as Vega-Lite specifications, drawn to SVG.

A drawing carries the digest of its specification: so whether it shows what was measured can be told
without drawing it again, which other versions of the library do a little differently.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from bedrock_frames.bench.report.html.marks import AMBER, BLUE, CONFIG, GREY, RED, TEAL, Rows, Spec
from benches.harness import ROOT
from benches.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benches.outcome import Result

PLOTS: Final = ROOT / "benches" / "plots"
SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS: Final = {"C floor": GREY, "native": BLUE, "asgi": TEAL, "aimock": AMBER}
DUE: Final = "due"
WIDTH: Final = 560
HEIGHT: Final = 260


def specs(measured: Mapping[str, Result]) -> dict[Path, Spec]:
    """Return the plots that there are figures for, by their files."""
    found = {ROOT / "docs" / "plots" / "schedule.svg": schedule()}
    if "paced" in measured:
        medians = measured["paced"].samples["medians"]
        found |= {
            PLOTS / "frames.svg": frames(medians),
            PLOTS / "gaps.svg": gaps(medians),
            PLOTS / "memory.svg": memory(medians),
        }
    if "framing" in measured:
        found[PLOTS / "framing.svg"] = framing(measured["framing"])
    return {path: styled(spec) for path, spec in found.items()}


def styled(spec: Spec) -> Spec:
    """Return a plot in the look that all have."""
    # Documents are read on dark pages, too.
    look = {**CONFIG, "background": "white", "padding": 12}
    return {"$schema": SCHEMA, "width": WIDTH, "height": HEIGHT, "config": look, **spec}


def digest(spec: Spec) -> str:
    """Return what tells a plot from every other."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def draw(spec: Spec, path: Path) -> None:
    """Draw a plot to a file."""
    from vl_convert import vegalite_to_svg

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{vegalite_to_svg(spec)}\n<!-- {digest(spec)} -->\n")


def _coloured(names: Mapping[str, str]) -> Spec:
    scale = {"domain": list(names), "range": list(names.values())}
    return {"field": "series", "type": "nominal", "scale": scale}


def _streams() -> Spec:
    return {
        "field": "streams",
        "type": "quantitative",
        "scale": {"type": "log"},
        "title": "streams, a frame every 20 ms in each",
        "axis": {"values": [100, 300, 1000, 3000, 10_000], "format": ",d"},
    }


def frames(medians: list[dict[str, Any]]) -> Spec:
    """Frames a second that arrive, beside those that are due."""
    rows: Rows = [
        {"series": row["server"], "streams": row["connections"], "frames": row["frames_per_s"]}
        for row in medians
    ]
    loads = sorted({row["connections"] for row in medians})
    most = max(row["frames_per_s"] for row in medians)
    # What is due leaves the picture where nobody follows.
    ends = [n for n in loads if n * 50 <= most] + [most * 1.15 / 50]
    due: Rows = [{"series": DUE, "streams": n, "frames": n * 50} for n in ends]
    y: Spec = {
        "field": "frames",
        "type": "quantitative",
        "title": "frames/s that arrive, one core",
        "axis": {"format": "~s"},
    }
    encoding = {"x": _streams(), "y": y, "color": _coloured(COLOURS)}
    return {
        "layer": [
            {
                "data": {"values": due},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": RED, "strokeWidth": 1},
                "encoding": {"x": _streams(), "y": y},
            },
            {
                "data": {"values": due[-1:]},
                "mark": {"type": "text", "align": "left", "dx": 6, "color": RED},
                "encoding": {"x": _streams(), "y": y, "text": {"value": "all that is due"}},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "line", "point": True},
                "encoding": encoding,
            },
        ]
    }


def gaps(medians: list[dict[str, Any]]) -> Spec:
    """The gap that one in a hundred exceeds, beside the one that is due."""
    rows: Rows = [
        {"series": row["server"], "streams": row["connections"], "gap": row["gap_p99_ms"]}
        for row in medians
    ]
    y: Spec = {
        "field": "gap",
        "type": "quantitative",
        "title": "gap between frames, p99 (ms)",
        "scale": {"type": "log", "domainMin": 10},
        "axis": {"values": [10, 20, 30, 50, 100, 200, 500, 1000]},
    }
    encoding = {"x": _streams(), "y": y, "color": _coloured(COLOURS)}
    return {
        "layer": [
            {
                "data": {"values": [{"gap": 20}]},
                "mark": {"type": "rule", "strokeDash": [4, 4], "color": RED},
                "encoding": {"y": y},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "line", "point": True},
                "encoding": encoding,
            },
        ]
    }


def memory(medians: list[dict[str, Any]]) -> Spec:
    """Memory a stream, where there are most of them."""
    most = max(row["connections"] for row in medians)
    rows: Rows = [
        {"series": row["server"], "kib": round(row["kib_per_stream"], 1)}
        for row in medians
        if row["connections"] == most
    ]
    y: Spec = {"field": "series", "type": "nominal", "sort": list(COLOURS), "title": None}
    x: Spec = {"field": "kib", "type": "quantitative", "title": f"KiB a stream, {most:,} streams"}
    return _bars(rows, x=x, y=y, color={**_coloured(COLOURS), "legend": None}, height=120)


def framing(found: Result) -> Spec:
    """How many times faster than its peer each call is."""
    rows: Rows = [
        {"call": each.name, "ratio": round(each.value, 1), "series": each.peer}
        for each in found.outcome.comparisons
        if each.peer
    ]
    y: Spec = {
        "field": "call",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelLimit": 320},
    }
    x: Spec = {"field": "ratio", "type": "quantitative", "title": "times faster"}
    color = _coloured({"botocore": BLUE, "struct + zlib": TEAL})
    color["legend"] = {"symbolType": "square", "symbolStrokeWidth": 0}
    return _bars(rows, x=x, y=y, color=color, height=300)


def _bars(rows: Rows, *, x: Spec, y: Spec, color: Spec, height: int) -> Spec:
    said = {"field": x["field"], "type": "quantitative", "format": "~r"}
    text = {
        "mark": {"type": "text", "align": "left", "dx": 4},
        "encoding": {"x": x, "y": y, "text": said},
    }
    bars = {
        "mark": {"type": "bar", "height": {"band": 0.7}},
        "encoding": {"x": x, "y": y, "color": color},
    }
    return {"data": {"values": rows}, "height": height, "layer": [bars, text]}

"""The picture in docs/timing.md: when each frame of an answer is due, from its own plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import bedrock_frames as bf
from bedrock_frames import fixtures
from bedrock_frames.bench.report.html.marks import BLUE, GREY, INK
from benches.stream import MODEL

if TYPE_CHECKING:
    from bedrock_frames.bench.report.html.marks import Rows, Spec

TTFT_MS: Final = 600
GAP_MS: Final = 48
TEXT: Final = "It is 18 °C and raining."
CONTENT: Final = "content event"
STRUCTURE: Final = "goes with one"
ROW: Final = 24


def schedule() -> Spec:
    """Return a timeline of a text answer with a ttft and a gap."""
    rows = due()
    contents = [row["frame"] for row in rows if row["series"] == CONTENT]
    spans: Rows = [
        {"frame": contents[0], "due": 0, "until": TTFT_MS, "said": "ttft_ms →"},
        {"frame": contents[1], "due": TTFT_MS, "until": TTFT_MS + GAP_MS, "said": "gap_ms →"},
    ]
    y: Spec = {"field": "frame", "type": "ordinal", "title": None}
    y["sort"] = [row["frame"] for row in rows]
    y["axis"] = {"labelLimit": 260}
    x: Spec = {"field": "due", "type": "quantitative", "title": "ms since the request was read"}
    color: Spec = {
        "field": "series",
        "type": "nominal",
        "scale": {"domain": [CONTENT, STRUCTURE], "range": [BLUE, GREY]},
        "legend": {"symbolType": "circle", "symbolStrokeWidth": 0},
    }
    where: Spec = {"x": x, "y": y}
    return {
        "height": ROW * len(rows),
        "layer": [
            _layer(spans, {"type": "rule", "color": INK}, {**where, "x2": {"field": "until"}}),
            _layer(
                spans,
                {"type": "text", "align": "right", "dx": -8, "dy": -7, "color": INK},
                {**where, "x": {**x, "field": "until"}, "text": {"field": "said"}},
            ),
            _layer(rows, {"type": "circle", "size": 90, "opacity": 1}, {**where, "color": color}),
            _layer(
                rows,
                {"type": "text", "align": "left", "dx": 9},
                {**where, "text": {"field": "due"}},
            ),
        ],
    }


def due() -> Rows:
    """Return the frames of the answer with the ms at which they are due."""
    timing = {"ttft_ms": TTFT_MS, "gap_ms": GAP_MS}
    fixture = {"match": {}, "response": {"content": TEXT}, "timing": timing}
    compiled = fixtures.parse([fixture])
    plan = compiled.compiler(seed=0, padding=False)(
        0, 0, "converse-stream", MODEL, "converse", None
    )
    rows: Rows = []
    for number, (frame, step) in enumerate(zip(plan.frames, plan.steps, strict=True), 1):
        message = bf.decode(frame)
        text = json.loads(message.payload).get("delta", {}).get("text")
        said = f"{message.event_type} {text!r}" if text else message.event_type
        series = CONTENT if text else STRUCTURE
        when = TTFT_MS + step * GAP_MS
        rows.append({"frame": f"{number}  {said}", "due": when, "series": series})
    return rows


def _layer(rows: Rows, mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": rows}, "mark": mark, "encoding": encoding}

"""Options as people write them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bedrock_frames.server import Server, create_app, parse_duration, parse_timing
from tests.support.http_client import CONVERSE, ask, asking
from tests.support.native_server import until


@pytest.mark.parametrize(
    ("text", "timing"),
    [
        ("ttft=600ms,gap=48ms", {"ttft_ms": 600, "gap_ms": 48}),
        ("gap=0.5s, ttft=1s", {"ttft_ms": 1000, "gap_ms": 500}),
        ("ttft=2", {"ttft_ms": 2000, "gap_ms": 0}),
        ("gap=0ms", {"ttft_ms": 0, "gap_ms": 0}),
    ],
)
def test_timings(text: str, timing: dict[str, float]) -> None:
    assert parse_timing(text) == pytest.approx(timing)


@pytest.mark.parametrize(
    "text",
    ["", "ttft", "ttft=", "ttft=x", "ttft=-1ms", "speed=1s", "gap=1s,gap=2s", "gap=1h", "gap=nan"],
)
def test_invalid_timings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_timing(text)


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("1.5s", 1.5), ("30", 30)])
def test_durations(text: str, seconds: float) -> None:
    assert math.isclose(parse_duration(text), seconds)


@pytest.mark.parametrize("text", ["", "ms", "1 s", "1e3s", "-1s", "9" * 400, "\u0661s"])
def test_invalid_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)


@pytest.mark.parametrize("wrong", [True, 5, [Path("a"), 5]])
def test_what_cannot_be_watched_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="watch is a file or folder, or several, not"):
        create_app(watch=wrong)


def test_a_single_path_can_be_watched(tmp_path: Path) -> None:
    path = tmp_path / "fixtures.json"

    def says(text: str) -> str:
        fixture = {"match": {}, "response": {"content": text}}
        path.write_text(json.dumps({"fixtures": [fixture]}))
        return text

    before = says("before")
    with Server(path, watch=str(path)) as server:
        reply = ask(server.url, "POST", CONVERSE, asking("x"))
        assert before in reply.body.decode()

        def is_loaded() -> bool:
            # The first change may go unseen: it does not watch at once.
            after = says("after")
            return after in ask(server.url, "POST", CONVERSE, asking("x")).body.decode()

        until(is_loaded)

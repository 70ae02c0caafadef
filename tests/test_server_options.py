"""Options as people write them."""

import math

import pytest

from bedrock_frames.server import parse_duration, parse_timing


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
def test_what_is_no_timing(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_timing(text)


@pytest.mark.parametrize(("text", "seconds"), [("250ms", 0.25), ("1.5s", 1.5), ("30", 30)])
def test_durations(text: str, seconds: float) -> None:
    assert math.isclose(parse_duration(text), seconds)


@pytest.mark.parametrize("text", ["", "ms", "1 s", "1e3s", "-1s", "9" * 400, "\u0661s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_duration(text)

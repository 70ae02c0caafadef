"""Quantities on a command line: what is read, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from bedrock_frames.bench.options import units
from bedrock_frames.bench.report.formatting import milliseconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60s", 60), ("500ms", 0.5), ("250us", 0.00025), ("2m", 120), ("1h", 3600), ("0", 0)],
)
def test_a_duration_is_read_in_its_unit(text: str, seconds: float) -> None:
    assert units.duration(text) == pytest.approx(seconds)


def test_stages_are_rates_with_their_times() -> None:
    assert units.stages("1:10s,100:60s") == ((1.0, 10.0), (100.0, 60.0))


def test_goals_are_in_milliseconds() -> None:
    assert units.goals("ttft:500ms tpot:50ms") == {"ttft_ms": 500.0, "tpot_ms": 50.0}


@pytest.mark.parametrize(("text", "share"), [("10%", 0.1), ("0.1%", 0.001), ("0.25", 0.25)])
def test_a_share_may_be_a_percentage(text: str, share: float) -> None:
    assert units.ratio(text) == pytest.approx(share)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (units.duration, "soon"),
        (units.duration, "-1s"),
        (units.duration, "5 parsecs"),
        (units.duration, "500"),
        (units.duration, "1.5"),
        (units.goals, "ttft:500"),
        (units.stages, "1:10"),
        (units.stages, "100"),
        (units.stages, "1:10s,"),
        (units.stages, "x:10s"),
        (units.goals, ""),
        (units.goals, "speed:5ms"),
        (units.goals, "ttft:5ms ttft:6ms"),
        (units.ratio, "much"),
        (units.ratio, "nan"),
        (units.share, "2/2"),
        (units.share, "half"),
    ],
)
def test_an_invalid_quantity_is_refused_with_what_is_allowed(
    read: Callable[[str], Any], text: str
) -> None:
    with pytest.raises(ValueError, match=r"such as|is a|are|needed|twice"):
        read(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.0, "0 ms"),
        (0.055, "55 µs"),
        (7.994, "7.99 ms"),
        (61.14, "61.1 ms"),
        (276.6, "277 ms"),
        (1530.0, "1.53 s"),
        (14660.0, "14.7 s"),
    ],
)
def test_a_latency_is_written_with_three_digits(value: float | None, text: str) -> None:
    assert milliseconds(value) == text

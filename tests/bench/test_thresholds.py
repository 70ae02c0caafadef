"""Thresholds: every figure can be bounded, and what is none is refused by name."""

import pytest

from bedrock_frames.bench.report.results import ERROR_KINDS
from bedrock_frames.bench.report.thresholds import measured, parse
from tests.support.bench_results import result
from tests.support.wrong_answers import FAULTS

FOUND = result(
    {"ttft_ms": [1000 * n for n in range(1, 1001)], "e2e_ms": [2_000_000] * 1000},
    errors={"http:ThrottlingException": 8, "crc": 2},
)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("ttft.p99<991ms", True),
        ("ttft.p99<990ms", False),
        ("ttft.p99<=0.99s", True),
        ("ttft_ms.p50 < 501ms", True),
        ("ttft.max==1s", True),
        ("ttft.mean>500ms", True),
        ("ttft.count>=1000", True),
        ("e2e.p999<1s", False),
        ("error_rate<1%", True),
        ("error_rate<0.5%", False),
        ("errors.crc<3", True),
        ("errors.http:ThrottlingException<=7", False),
        ("errors.timeout==0", True),
        ("requests_per_s>=100", True),
        ("failed<10", False),
        ("completed>=1000", True),
    ],
)
def test_a_threshold_is_kept_or_missed(text: str, kept: bool) -> None:
    assert parse(text).judge(FOUND).passed is kept


def test_any_percentile_can_be_bounded() -> None:
    value = measured("ttft.p75", FOUND)
    assert value is not None
    assert 750 <= value <= 750.75


@pytest.mark.parametrize("text", ["gap.p50<1s", "tpot.p77<1s", "requested_requests_per_s>0"])
def test_a_figure_that_was_not_measured_is_missed(text: str) -> None:
    verdict = parse(text).judge(FOUND)
    assert verdict.value is None
    assert not verdict.passed


def test_the_error_rate_of_nothing_is_missed() -> None:
    assert not parse("error_rate<1%").judge(result()).passed


@pytest.mark.parametrize(
    "kind", sorted({*ERROR_KINDS, *(wrong.called for wrong in FAULTS.values())})
)
def test_every_kind_of_error_can_be_bounded(kind: str) -> None:
    assert parse(f"errors.{kind}==0").judge(result({"e2e_ms": [1]})).passed


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ttft.p99", "a threshold is"),
        ("ttft<800ms", "'ttft' is no figure"),
        ("speed.p99<1s", "'speed' is no metric"),
        ("ttft.p0<1s", "'p0' is no figure"),
        ("ttft.p99<fast", "a duration is"),
        ("ttft.p99<800", "a number with its unit, such as 800ms or 800s"),
        ("ttft.p99=1s", "a threshold is"),
        ("error_rate<few", "a share is"),
        ("requests_per_s>many", "'many' is no number"),
        ("errors.time_out==0", "'time_out' is no kind of error; there are connect, "),
        ("errors.==0", "'' is no kind of error"),
    ],
)
def test_an_invalid_threshold_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse(text)

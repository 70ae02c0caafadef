"""Comparing: changes beyond chance are found, changes within it are not."""

import json
import random
from typing import Any

import pytest

from bedrock_frames.bench import Comparison, Report, compare
from bedrock_frames.bench.comparing.compare import quantile_interval
from bedrock_frames.bench.report import histograms
from tests.support.bench_results import exact_quantile, report, result


def latencies(seed: int, *, factor: float = 1.0, count: int = 3000) -> list[int]:
    chance = random.Random(seed)  # noqa: S311
    return [round(factor * chance.lognormvariate(11, 0.3)) for _ in range(count)]


def of(samples: list[int], **parts: Any) -> Report:
    return report(result({"ttft_ms": samples}, **parts))


def change(comparison: Comparison, figure: str) -> Any:
    return next(change for change in comparison.changes if change.figure == figure)


def test_another_sample_of_the_same_is_not_a_regression() -> None:
    comparison = compare(of(latencies(1)), of(latencies(2)), regress=0.1)
    assert comparison.exit_code == 0
    found = change(comparison, "ttft.p50")
    assert found.low < 0 < found.high


def test_a_latency_that_is_a_quarter_slower_is_a_regression() -> None:
    comparison = compare(of(latencies(1)), of(latencies(2, factor=1.25)), regress=0.1)
    assert comparison.exit_code == 1
    found = change(comparison, "ttft.p50")
    assert found.worse
    assert found.low < 0.25 < found.high


def test_a_latency_that_is_a_quarter_faster_is_not_a_regression() -> None:
    assert compare(of(latencies(1, factor=1.25)), of(latencies(2)), regress=0.1).exit_code == 0


def test_a_change_that_chance_explains_is_not_judged() -> None:
    # Twenty samples of a wide distribution: the medians differ, and say nothing.
    few = [of(latencies(seed, count=20)) for seed in (9, 5)]
    comparison = compare(*few, regress=0.01)
    found = change(comparison, "ttft.p50")
    assert found.change > 0.01
    assert not found.worse
    assert not any(each.figure == "ttft.p99" for each in comparison.changes)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_the_interval_is_that_of_a_bootstrap_drawn_one_by_one(share: float) -> None:
    values = latencies(4, count=1000)
    chance = random.Random(8)  # noqa: S311
    drawn = sorted(
        exact_quantile(chance.choices(values, k=len(values)), share) / 1000 for _ in range(400)
    )
    held = histograms.distribution(histograms.of_microseconds(values))
    other = random.Random(9)  # noqa: S311
    low, high = quantile_interval(held, share, other, resamples=4000)
    assert low == pytest.approx(drawn[10], rel=0.02)
    assert high == pytest.approx(drawn[389], rel=0.02)


@pytest.mark.parametrize(
    ("before", "after", "worse"), [(0, 1, False), (0, 60, True), (60, 0, False)]
)
def test_more_errors_are_a_regression_unless_chance_explains_them(
    before: int, after: int, worse: bool
) -> None:
    same = latencies(1)
    comparison = compare(of(same, errors={"crc": before}), of(same, errors={"crc": after}))
    assert change(comparison, "error_rate").worse is worse


def test_a_rate_that_falls_is_a_regression() -> None:
    same = latencies(1)
    slower = of(same, rates={"requests_per_s": 200})
    assert compare(of(same), slower, regress=0.2).exit_code == 1
    assert compare(of(same), slower, regress=0.5).exit_code == 0


def test_what_cannot_be_trusted_is_not_judged() -> None:
    doubted = of(latencies(1), audit={"out_of_ports": 1})
    assert compare(of(latencies(1)), doubted).exit_code == 98


def test_other_circumstances_are_noted() -> None:
    samples = result({"ttft_ms": latencies(1)})
    comparison = compare(report(samples), report(samples, operation="converse"))
    assert comparison.notes == ("operation differs: converse-stream and converse",)


def test_the_same_seed_gives_the_same_intervals() -> None:
    pair = of(latencies(1)), of(latencies(2))
    assert compare(*pair).to_json() == compare(*pair).to_json()
    assert json.loads(compare(*pair).to_json())["exit_code"] == 0

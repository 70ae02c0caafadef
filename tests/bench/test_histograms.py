"""Percentiles and merging: exact against the samples themselves."""

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_frames.bench.errors import InputError
from bedrock_frames.bench.report import histograms, sketches
from bedrock_frames.bench.report.merge import merge_results
from bedrock_frames.bench.report.results import METRIC_NAMES
from tests.support.bench_results import exact_quantile, result

SHARES = (0.0, 0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


def latencies(seed: int, count: int = 2000) -> list[int]:
    chance = random.Random(seed)  # noqa: S311
    return [max(1, round(chance.lognormvariate(11, 0.6))) for _ in range(count)]


@given(st.lists(st.integers(1, 2047), min_size=1, max_size=300), st.sampled_from(SHARES))
def test_percentiles_of_values_with_buckets_of_their_own_are_exact(
    values: list[int], share: float
) -> None:
    held = histograms.distribution(histograms.of_microseconds(values))
    assert held.quantile(share) == exact_quantile(values, share) / 1000


@given(
    st.lists(st.integers(1, 4 * 3600 * 1_000_000), min_size=1, max_size=300),
    st.sampled_from(SHARES),
)
def test_every_percentile_is_right_within_a_thousandth(values: list[int], share: float) -> None:
    held = histograms.distribution(histograms.of_microseconds(values))
    exact = exact_quantile(values, share) / 1000
    assert exact <= held.quantile(share) <= exact * 1.001 + 1e-9


def test_a_share_that_is_a_hair_too_much_does_not_take_the_next_value() -> None:
    # 0.999 * 1000 is 999.0000000000001 in some orders of arithmetic.
    held = histograms.distribution(histograms.of_microseconds(range(1, 1001)))
    assert held.quantile(0.999) == 0.999


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="empty"):
        histograms.distribution(histograms.empty()).quantile(0.5)


@pytest.mark.parametrize("text", ["", "no histogram", "HISTFAAAAKV4nC2L"])
def test_an_invalid_histogram_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="histogram"):
        histograms.distribution(text)


def test_histograms_of_three_add_up_to_the_one_of_all() -> None:
    parts = [latencies(seed) for seed in range(3)]
    added = histograms.add(map(histograms.of_microseconds, parts))
    whole = histograms.of_microseconds(value for part in parts for value in part)
    assert added == whole


def test_a_merge_of_three_results_is_the_result_of_all() -> None:
    parts = [{name: latencies(7 * seed) for name in METRIC_NAMES} for seed in range(1, 4)]
    together = {name: [v for part in parts for v in part[name]] for name in METRIC_NAMES}
    merged = merge_results([result(part, errors={"crc": 2}) for part in parts])
    whole = result(together, errors={"crc": 6})

    assert merged.requests == whole.requests
    assert merged.errors == whole.errors
    assert merged.rates.requests_per_s == pytest.approx(whole.rates.requests_per_s)
    for name in METRIC_NAMES:
        own, all_ = merged.metrics.named(name), whole.metrics.named(name)
        assert histograms.distribution(merged.histograms[name]) == histograms.distribution(
            whole.histograms[name]
        )
        assert (own.count, own.min, own.max) == (all_.count, all_.min, all_.max)
        assert own.mean == pytest.approx(all_.mean)
        for quantile in ("p50", "p90", "p95", "p99", "p999"):
            exact = getattr(all_, quantile)
            assert exact <= getattr(own, quantile) <= exact * 1.001


def test_a_merge_of_one_is_that_one() -> None:
    alone = result({"e2e_ms": latencies(1)})
    assert merge_results([alone]) == alone


def test_a_merge_keeps_metrics_that_only_some_have() -> None:
    merged = merge_results([result({"e2e_ms": [1000], "ttft_ms": [500]}), result()])
    assert merged.metrics.ttft_ms.p50 == 0.5
    assert merged.metrics.gap_ms.count == 0


def test_seconds_of_runs_that_began_apart_are_aligned() -> None:
    rows = [{"second": n, "sent": 10, "ttft_counts": f"{5 + n}:3"} for n in range(2)]
    merged = merge_results(
        [
            result(started_at=100.0, series=rows),
            result(started_at=101.1, series=[{**row, "ttft_counts": "1:1"} for row in rows]),
        ]
    )
    assert merged.started_apart_s == pytest.approx(1.1)
    assert [row.sent for row in merged.series] == [10, 20, 10]
    assert [row.ttft_counts for row in merged.series] == ["5:3", "1:1 6:3", "1:1"]
    assert [row.ttft_ms.p50 for row in merged.series] == [0.005, 0.006, 0.001]


@given(st.lists(st.integers(0, 4 * 3600 * 1_000_000), min_size=1, max_size=300))
def test_a_second_s_percentiles_are_right_within_a_sixtieth(values: list[int]) -> None:
    third = len(values) // 3
    parts = [sketch_of(values[:third]), sketch_of(values[third:])]
    added = sketches.add(parts)
    assert added == sketch_of(values)
    for share in (0.5, 0.9, 0.99):
        exact = exact_quantile(values, share) / 1000
        assert sketches.quantile_ms(added, share) == pytest.approx(exact, rel=1 / 64, abs=0.001)


def sketch_of(values: list[int]) -> str:
    """Return the buckets of microseconds: 64 for each doubling, one each below."""
    doublings = [max(value.bit_length() - 7, 0) for value in values]
    counts = Counter(64 * d + (value >> d) for d, value in zip(doublings, values, strict=True))
    return " ".join(f"{bucket}:{count}" for bucket, count in sorted(counts.items()))


def test_quantiles_do_not_fall() -> None:
    held = histograms.distribution(histograms.of_microseconds(latencies(3)))
    drawn = [held.quantile(step / 500) for step in range(501)]
    assert all(low <= high for low, high in pairwise(drawn))

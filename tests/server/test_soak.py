"""The soak: a short one runs to its end, and a long one would see what grows."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from benches.outcome import read
from benches.soak import Sample, Verdict, buckets_of, judge, quantile

from tests.support.serve_process import needs_proc
from tests.support.vector_cases import ROOT

pytestmark = pytest.mark.realtime

MIB: Final = 1 << 20
STREAMS: Final = 20
FLAT: Final = Sample(
    second=1.0,
    resident_bytes=60 * MIB,
    open_files=100,
    in_flight=50,
    streams=50,
    writes=1000,
    lateness_p99_ms=3.0,
)


def growing(**steps: float) -> list[Sample]:
    """Return samples of which some fields grow by so much from each to the next."""
    return [
        replace(FLAT, **{name: getattr(FLAT, name) + at * by for name, by in steps.items()})
        for at in range(60)
    ]


@needs_proc
def test_a_short_soak_runs_to_its_end(tmp_path: Path) -> None:
    output = tmp_path / "soak.json"
    options = ["--minutes", "0.15", "--streams", str(STREAMS), "--output", str(output)]
    command = [sys.executable, "-m", "benches.soak", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    result = read(output)
    found: dict[str, Any] = result.samples
    samples = found["taken"]

    assert result.quick
    assert result.comparison("answers that were not right").met
    # Whether times are flat says nothing on a machine that others use.
    assert done.returncode == (0 if all(found["verdict"].values()) else 1), done.stderr
    assert {**found["verdict"], "lateness": True} == dict.fromkeys(found["verdict"], True)
    assert found["errors"] == {}
    assert found["frames_per_s"] > 0
    assert len(samples) >= 5
    assert [s["second"] for s in samples] == sorted(s["second"] for s in samples)
    assert max(s["streams"] for s in samples) == max(s["in_flight"] for s in samples) <= STREAMS
    assert max(s["in_flight"] for s in samples) > STREAMS / 2
    assert all(s["writes"] > 0 and s["lateness_p99_ms"] >= 0 for s in samples[1:-1])
    assert all(s["resident_bytes"] > 10 * MIB and s["open_files"] > 10 for s in samples)


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ({}, {}),
        ({"resident_bytes": MIB // 10, "open_files": 0.1, "lateness_p99_ms": 0.02}, {}),
        ({"resident_bytes": MIB}, {"memory": False}),
        ({"lateness_p99_ms": 0.3}, {"lateness": False}),
        ({"open_files": 1}, {"files": False}),
    ],
)
def test_what_grows_is_not_flat(steps: dict[str, float], kept: dict[str, bool]) -> None:
    fine = {"memory": True, "lateness": True, "files": True, "answers": True}
    verdict = judge(growing(**steps), errors=0)

    assert verdict == Verdict(**{**fine, **kept})
    assert verdict.flat is (not kept)


def test_a_wrong_answer_is_not_fine() -> None:
    assert not judge(growing(), errors=1).flat


def test_negligible_lateness_may_double() -> None:
    late = [replace(s, lateness_p99_ms=0.1 + at / 100) for at, s in enumerate(growing())]

    assert judge(late, errors=0).lateness


def test_too_few_samples_give_no_verdict() -> None:
    with pytest.raises(ValueError, match="for longer"):
        judge(growing()[:2], errors=0)


def test_quantiles_lie_in_their_buckets() -> None:
    name = "bedrock_frames_write_lateness_seconds_bucket"
    buckets = buckets_of({f"{name}0.001": 50, f"{name}0.01": 90, f"{name}+Inf": 100, "other": 1})

    assert quantile(buckets, 0.25) == pytest.approx(0.0005)
    assert quantile(buckets, 0.7) == pytest.approx(0.0055)
    assert quantile(buckets, 0.99) == 0.01
    assert quantile({0.001: 0, float("inf"): 0}, 0.99) == 0.0

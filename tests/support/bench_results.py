"""Results of benchmarks that never ran: figures worked out of samples, one by one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bedrock_frames.bench.report import histograms
from bedrock_frames.bench.report.results import METRIC_NAMES, Result
from bedrock_frames.bench.report.summary import Report, make_report
from bedrock_frames.bench.report.thresholds import Threshold

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
OPTIONS: Final = {"url": "http://127.0.0.1:1", "operation": "converse-stream", "model": "m"}


def exact_quantile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that at least this share does not exceed."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(round(share * len(ordered), 6))) - 1]


def figures(microseconds: Sequence[int]) -> dict[str, float | None]:
    """Return what a report says of a metric."""
    if not microseconds:
        return {"count": 0}
    ms = [value / 1000 for value in microseconds]
    quantiles = {name: exact_quantile(ms, share) for name, share in SHARES.items()}
    ends = {"mean": sum(ms) / len(ms), "min": min(ms), "max": max(ms)}
    return {"count": len(ms), **ends, **quantiles}


def result(
    metrics: Mapping[Any, Sequence[int]] | None = None,
    *,
    errors: Mapping[str, int] | None = None,
    completed: int | None = None,
    **parts: Any,
) -> Result:
    """Return a result of samples in microseconds, by metric."""
    held = {name: (metrics or {}).get(name, ()) for name in METRIC_NAMES}
    done = max(map(len, held.values())) if completed is None else completed
    failed = sum((errors or {}).values())
    stated = {
        "started_at": 1_700_000_000.0,
        "window": {"start_s": 0, "length_s": 10, "ended_s": 10},
        "requests": {"sent": done + failed, "completed": done, "failed": failed},
        "errors": dict(errors or {}),
        "metrics": {name: figures(values) for name, values in held.items()},
        "rates": {"requests_per_s": done / 10},
        "histograms": {name: histograms.of_microseconds(v) for name, v in held.items()},
        "audit": {"elapsed_s": 10, "cpu_s": 1, "cpu_of_threads_s": [1]},
    }
    return Result.model_validate(stated | parts)


def report(
    found: Result,
    *,
    thresholds: Sequence[Threshold] = (),
    interrupted: bool = False,
    **options: object,
) -> Report:
    """Return the report of a result."""
    return make_report(
        found,
        options=OPTIONS | options,
        environment={"cpus": 2},
        thresholds=thresholds,
        interrupted=interrupted,
    )

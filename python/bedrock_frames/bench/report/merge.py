"""Results of several processes or machines as one.

Counters, rates and histograms add exactly, and percentiles are taken from the added histograms.
So do the sketches that each second keeps of its latencies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from bedrock_frames.bench.report import histograms, sketches
from bedrock_frames.bench.report.results import (
    METRIC_NAMES,
    Audit,
    Figures,
    Metrics,
    Quantiles,
    Rates,
    Requests,
    Result,
    Second,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def merge_results(results: Sequence[Result]) -> Result:
    """Return several results as one. One alone is returned as it is.

    Raises:
        ValueError: there are none.
    """
    if not results:
        raise ValueError("at least one result is needed")
    if len(results) == 1:
        return results[0]
    added = {
        name: histograms.add(r.histograms.get(name) or histograms.empty() for r in results)
        for name in METRIC_NAMES
    }
    return Result(
        started_at=min(r.started_at for r in results),
        started_apart_s=_apart(results),
        window=_window([r.window for r in results]),
        requests=Requests.model_validate(_sum(r.requests.model_dump() for r in results)),
        errors=_sum(r.errors for r in results),
        warmup_errors=_sum(r.warmup_errors for r in results),
        error_samples=_first(r.error_samples for r in results),
        unknown_events=_sum(r.unknown_events for r in results),
        stop_reasons=_sum(r.stop_reasons for r in results),
        metrics=Metrics.model_validate(
            {
                name: _figures(added[name], [r.metrics.named(name) for r in results])
                for name in METRIC_NAMES
            }
        ),
        rates=_rates([r.rates for r in results]),
        totals=_sum(r.totals for r in results),
        series=_series(results),
        histograms=added,
        audit=_audit([r.audit for r in results]),
    )


def _apart(results: Sequence[Result]) -> float:
    begun = [result.started_at for result in results]
    within = [result.started_apart_s for result in results]
    return max(max(begun) - min(begun), *within)


def _window(windows: Sequence[Window]) -> Window:
    return Window(
        start_s=min(window.start_s for window in windows),
        length_s=max(window.length_s for window in windows),
        ended_s=max(window.ended_s for window in windows),
    )


def _figures(added: str, parts: Sequence[Figures]) -> Figures:
    parts = [part for part in parts if part.count]
    if not parts:
        return Figures()
    count = sum(part.count for part in parts)
    low = min(part.min or 0.0 for part in parts)
    high = max(part.max or 0.0 for part in parts)
    whole = histograms.distribution(added)
    # The ends are exact, and a bucket reaches a little beyond them.
    shares = {name: min(max(whole.quantile(share), low), high) for name, share in QUANTILES.items()}
    mean = sum((part.mean or 0.0) * part.count for part in parts) / count
    return Figures(count=count, mean=mean, min=low, max=high, **shares)


def _rates(parts: Sequence[Rates]) -> Rates:
    return Rates(
        requested_requests_per_s=_known([part.requested_requests_per_s for part in parts]),
        requests_per_s=sum(part.requests_per_s for part in parts),
        requested_sessions_per_s=_known([part.requested_sessions_per_s for part in parts]),
        sessions_per_s=_known([part.sessions_per_s for part in parts]),
        frames_per_s=sum(part.frames_per_s for part in parts),
        output_tokens_per_s=sum(part.output_tokens_per_s for part in parts),
        goodput_per_s=sum(part.goodput_per_s for part in parts),
    )


def _known(rates: Sequence[float | None]) -> float | None:
    """Add rates up, if each is known."""
    known = [rate for rate in rates if rate is not None]
    return sum(known) if len(known) == len(rates) else None


def _series(results: Sequence[Result]) -> list[Second]:
    begin = min(result.started_at for result in results)
    together: defaultdict[int, list[Second]] = defaultdict(list)
    for result in results:
        offset = round(result.started_at - begin)
        for row in result.series:
            together[row.second + offset].append(row)
    return [_second(second, together[second]) for second in range(max(together, default=-1) + 1)]


def _second(second: int, rows: Sequence[Second]) -> Second:
    ttft = sketches.add(row.ttft_counts for row in rows)
    e2e = sketches.add(row.e2e_counts for row in rows)
    return Second(
        second=second,
        sent=sum(row.sent for row in rows),
        completed=sum(row.completed for row in rows),
        failed=sum(row.failed for row in rows),
        errors=_sum(row.errors for row in rows),
        in_flight=sum(row.in_flight for row in rows),
        frames=sum(row.frames for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        ttft_ms=_quantiles(ttft),
        e2e_ms=_quantiles(e2e),
        ttft_counts=ttft,
        e2e_counts=e2e,
    )


def _quantiles(sketch: str) -> Quantiles:
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return Quantiles(**{name: sketches.quantile_ms(sketch, at) for name, at in shares.items()})


def _audit(parts: Sequence[Audit]) -> Audit:
    # The loops' delays have no histogram, so the worst stands for all.
    worst = max(parts, key=lambda part: part.loop_delay_ms.p99 or 0.0)
    return Audit(
        elapsed_s=max(part.elapsed_s for part in parts),
        threads=sum(part.threads for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        cpu_of_threads_s=[cpu for part in parts for cpu in part.cpu_of_threads_s],
        loop_delay_ms=worst.loop_delay_ms,
        in_flight_max=sum(part.in_flight_max for part in parts),
        backlogged=sum(part.backlogged for part in parts),
        unsent=sum(part.unsent for part in parts),
        paused=sum(part.paused for part in parts),
        stopped_by_errors=any(part.stopped_by_errors for part in parts),
        lost=[why for part in parts for why in part.lost],
        connections_opened=sum(part.connections_opened for part in parts),
        out_of_ports=sum(part.out_of_ports for part in parts),
        out_of_files=sum(part.out_of_files for part in parts),
        records_dropped=sum(part.records_dropped for part in parts),
        open_files=parts[0].open_files,
        port_range=parts[0].port_range,
    )


def _first(samples: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Keep what the first of them said of each kind."""
    kept: dict[str, str] = {}
    for sample in samples:
        kept = {**sample, **kept}
    return kept


def _sum(counters: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return dict(total)

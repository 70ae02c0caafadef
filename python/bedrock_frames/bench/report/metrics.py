"""A report as metrics: OpenMetrics text, or pushed to a gateway of Prometheus.

What OpenTelemetry's conventions for generative AI have a name for bears it, in Prometheus' spelling
(``gen_ai.client.operation.duration`` is ``gen_ai_client_operation_duration_seconds``), with their
attributes and bounds; the rest begins with ``bedrock_frames_bench_``. Durations are in seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, push_to_gateway
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from bedrock_frames.bench.report import histograms
from bedrock_frames.bench.report.results import Rates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from bedrock_frames.bench.report.results import MetricName
    from bedrock_frames.bench.report.summary import Report

PUSH_TIMEOUT_S: Final = 30.0
OWN: Final = "bedrock_frames_bench_"
OPERATION: Final = "gen_ai_client_operation_"

RATES: Final = tuple(Rates.model_fields)

LONG: Final = tuple(0.01 * 2**step for step in range(14))
"""The conventions' bounds of an operation's durations, in seconds."""
SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.5)


class Named(NamedTuple):
    """The name and the buckets of a metric."""

    name: str
    help: str
    bounds: tuple[float, ...]


NAMES: Final[dict[MetricName, Named]] = {
    "e2e_ms": Named(f"{OPERATION}duration", "Completed requests, to the last byte.", LONG),
    "ttft_ms": Named(f"{OPERATION}time_to_first_chunk", "To the first content.", LONG),
    "gap_ms": Named(f"{OPERATION}time_per_output_chunk", "Between content events.", LONG),
    "ttfb_ms": Named(f"{OWN}time_to_first_byte", "To the first byte.", LONG),
    "tpot_ms": Named(f"{OWN}time_per_output_token", "By the answer's own count.", SHORT),
    "schedule_delay_ms": Named(f"{OWN}schedule_delay", "Of the generator itself.", SHORT),
}


def to_openmetrics(report: Report) -> str:
    """Return a report as OpenMetrics text."""
    text: str = generate_latest(_registry(report)).decode()
    return text


def push(report: Report, gateway: str) -> None:
    """Replace the metrics that a Pushgateway has for this endpoint.

    Raises:
        OSError: the gateway cannot be reached, or refuses.
    """
    push_to_gateway(
        gateway,
        job=OWN.removesuffix("_"),
        registry=_registry(report),
        grouping_key={"instance": urlsplit(str(report.options.get("url"))).netloc},
        timeout=PUSH_TIMEOUT_S,
    )


def _registry(report: Report) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(report))
    return registry


class _Figures(Collector):
    """Makes the families of one report."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._labels = _attributes(report)

    def collect(self) -> Iterator[Metric]:
        """Yield every family that has figures."""
        yield from self._distributions()
        yield from self._counts()
        yield from self._gauges()

    def _distributions(self) -> Iterator[Metric]:
        for metric, (name, told, bounds) in NAMES.items():
            figures = self._report.metrics.named(metric)
            held = histograms.distribution(
                self._report.histograms.get(metric) or histograms.empty()
            )
            if not held.count:
                continue
            # A bucket of the histogram that reaches beyond a bound is counted above it.
            below = [bisect_right(held.bounds_ms, bound * 1000) for bound in bounds]
            counts = [held.cumulated[index - 1] if index else 0 for index in below]
            buckets = [(f"{b:g}", float(n)) for b, n in zip(bounds, counts, strict=True)]
            family = HistogramMetricFamily(name, told, labels=list(self._labels), unit="seconds")
            family.add_metric(
                list(self._labels.values()),
                [*buckets, ("+Inf", float(held.count))],
                (figures.mean or 0.0) * figures.count / 1000,
            )
            yield family

    def _counts(self) -> Iterator[Metric]:
        requests = self._report.requests
        ended: dict[tuple[str, str], int] = {
            ("completed", ""): requests.completed,
            ("interrupted", ""): requests.interrupted,
            **{("failed", kind): times for kind, times in self._report.errors.items()},
        }
        # An empty label is none: what completed has no error.
        labels = [*self._labels, "outcome", "error_type"]
        counter = CounterMetricFamily(f"{OWN}requests", "By how they ended.", labels=labels)
        for names, times in ended.items():
            counter.add_metric([*self._labels.values(), *names], times)
        yield counter
        tokens = CounterMetricFamily(
            f"{OWN}tokens",
            "Tokens, by the answers' own count.",
            labels=[*self._labels, "gen_ai_token_type"],
        )
        for kind in ("input", "output"):
            value = self._report.totals.get(f"{kind}_tokens", 0)
            tokens.add_metric([*self._labels.values(), kind], value)
        yield tokens

    def _gauges(self) -> Iterator[Metric]:
        for name in RATES:
            rate: float | None = getattr(self._report.rates, name)
            if rate is not None:
                yield self._gauge(name.replace("_per_s", "_per_second"), "In the window.", rate)
        trusted = float(self._report.trustworthy)
        yield self._gauge(
            "trustworthy", "1, or 0 if these figures are the generator's own.", trusted
        )
        labels = [*self._labels, "threshold"]
        kept = GaugeMetricFamily(f"{OWN}threshold_kept", "1, or 0 if it was missed.", labels=labels)
        for verdict in self._report.thresholds:
            kept.add_metric([*self._labels.values(), verdict.threshold], float(verdict.passed))
        yield kept

    def _gauge(self, name: str, told: str, value: float) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily(OWN + name, told, labels=list(self._labels))
        gauge.add_metric(list(self._labels.values()), value)
        return gauge


def _attributes(report: Report) -> dict[str, str]:
    """Return the conventions' attributes of an operation."""
    parts = urlsplit(str(report.options.get("url")))
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "aws.bedrock",
        "gen_ai_request_model": str(report.options.get("model")),
        "server_address": parts.hostname or "",
        "server_port": str(port),
    }

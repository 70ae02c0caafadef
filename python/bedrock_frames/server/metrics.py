"""The counters of the server, and their form for Prometheus.

Counting is plain integers, on the one event loop that they belong to. The metric families
are made for each scrape, from one reading of the counters.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.metrics_core import Metric

    from bedrock_frames._core import Engine, Settlement

_NO_STRAYS: Final[Mapping[str, int]] = MappingProxyType({})

LATENESS_BOUNDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the lateness histogram, in seconds."""


REASONS: Final = {
    "client_left": "client left",
    "cut": "fixture",
    "stalled": "stalled",
    "stopped": "stopped",
    "failed": "panic",
}
"""Ends of answers that were not delivered, and what the metrics call them."""


class Counts:
    """Counters of the sockets. The engine counts the answers that it chose."""

    __slots__ = (
        "body_bytes",
        "ends",
        "frames",
        "in_flight",
        "lateness_buckets",
        "lateness_sum",
        "streams",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self.streams = 0
        self.frames = 0
        self.body_bytes = 0
        self.ends = dict.fromkeys(REASONS, 0)
        self.lateness_sum = 0.0
        self.lateness_buckets = [0] * (len(LATENESS_BOUNDS) + 1)

    def settled(self, settlement: Settlement) -> None:
        """Count an answer that has ended."""
        if settlement.end in self.ends:
            self.ends[settlement.end] += 1
        if settlement.is_stream:
            self.frames += settlement.frames
        self.body_bytes += settlement.bytes

    def late(self, seconds: float) -> None:
        """Count one paced write."""
        self.lateness_sum += seconds
        self.lateness_buckets[bisect_left(LATENESS_BOUNDS, seconds)] += 1


Source: TypeAlias = "Callable[[], tuple[Counts, Iterable[Metric]]]"
"""Reads the counters of the sockets once, and the metrics that only this source has."""


class Figures(Collector):
    """All metrics of a server, as they are at the time of a scrape."""

    def __init__(
        self, counts: Counts, engine: Engine, strays: Mapping[str, int] = _NO_STRAYS
    ) -> None:
        self._strays = strays
        self._source: Source = lambda: (counts, ())
        self._engine = engine

    def take_from(self, source: Source) -> Callable[[], None]:
        """Read another source from now on; return a function that undoes it."""
        own, self._source = self._source, source

        def take_back() -> None:
            self._source = own

        return take_back

    def collect(self) -> Iterator[Metric]:
        """Yield them, after one look at the source."""
        (counts, others), engine = self._source(), self._engine
        requests = CounterMetricFamily(
            "bedrock_frames_requests",
            "Bedrock requests answered.",
            labels=("operation", "status"),
        )
        for (operation, status), count in sorted(engine.requests.items()):
            requests.add_metric((operation, str(status)), count)
        yield requests
        yield _by(
            "model_calls", "Requests to models: the first 100 model ids.", "model", engine.models
        )
        yield _by(
            "fixture_answers",
            "Requests answered by fixtures, by file and path: the first 1000.",
            "fixture",
            engine.answered,
        )
        yield _by(
            "broken_request_rules",
            "Requests that break a rule of the service.",
            "rule",
            engine.broken_rules,
        )
        yield _counter("unmatched", "Requests that no fixture answered.", engine.unmatched)
        foreign = CounterMetricFamily(
            "bedrock_frames_foreign_requests",
            "Requests that another AWS service should have got.",
            labels=("service",),
        )
        for service, count in sorted(self._strays.items()):
            foreign.add_metric((service,), count)
        yield foreign
        yield _counter(
            "frames_sent", "Event-stream frames sent, of answers that have ended.", counts.frames
        )
        yield _counter(
            "body_sent_bytes",
            "Bytes of bodies sent, of answers that have ended.",
            counts.body_bytes,
        )
        yield _counter(
            "disconnects", "Clients that left before the end.", counts.ends["client_left"]
        )
        aborted = CounterMetricFamily(
            "bedrock_frames_answers_aborted", "Answers that did not end.", labels=("reason",)
        )
        for end, reason in REASONS.items():
            aborted.add_metric((reason,), counts.ends[end])
        yield aborted
        yield _gauge(
            "requests_in_flight",
            "Bedrock requests being answered; by the portable app, also those being read.",
            counts.in_flight,
        )
        yield _gauge("streams_active", "Paced answers on their way.", counts.streams)
        yield _gauge("fixtures", "Fixtures in force.", engine.fixtures)
        yield _gauge("sessions", "Sessions that have sequence state.", engine.sessions)
        yield _counter(
            "sessions_evicted", "Sessions given up for the bound.", engine.evicted_sessions
        )
        yield HistogramMetricFamily(
            "bedrock_frames_write_lateness_seconds",
            "From when a paced write was due to when the call that took its last byte returned.",
            buckets=list(
                zip(
                    [*map(str, LATENESS_BOUNDS), "+Inf"],
                    accumulate(counts.lateness_buckets),
                    strict=True,
                )
            ),
            sum_value=counts.lateness_sum,
        )
        yield from others


def _counter(name: str, text: str, value: int) -> Metric:
    return CounterMetricFamily(f"bedrock_frames_{name}", text, value)


def _by(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"bedrock_frames_{name}", text, labels=(label,))
    for of, value in values.items():
        family.add_metric((of,), value)
    return family


def _gauge(name: str, text: str, value: int) -> Metric:
    return GaugeMetricFamily(f"bedrock_frames_{name}", text, value)

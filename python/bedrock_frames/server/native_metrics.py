"""Metrics of the native server for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from bedrock_frames.server.metrics import LATENESS_BOUNDS, REASONS, Counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.metrics_core import Metric

    from bedrock_frames._core import Durations, Figures, Plane
    from bedrock_frames.server.metrics import Source

DURATION_BOUNDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds of the other histograms, in seconds."""


def source_of(plane: Plane) -> Source:
    """Return a source that reads the counters of a native server."""

    def look() -> tuple[Counts, Iterator[Metric]]:
        figures = plane.figures()
        return _counts(figures), _others(figures)

    return look


def _counts(figures: Figures) -> Counts:
    """Return the counters that the portable app would have."""
    counts = Counts()
    counts.in_flight = figures.in_flight
    counts.streams = figures.streams
    counts.frames = figures.frames
    counts.body_bytes = figures.body_bytes
    counts.ends = {end: getattr(figures, end) for end in REASONS}
    late = figures.lateness
    counts.lateness_sum = late.sum
    up_to = [*map(late.at_most, LATENESS_BOUNDS), late.total]
    counts.lateness_buckets = [more - less for less, more in zip([0, *up_to], up_to, strict=False)]
    return counts


def _others(figures: Figures) -> Iterator[Metric]:
    """Yield the metrics that only a native server has."""
    yield GaugeMetricFamily(
        "bedrock_frames_connections", "Connections that are open.", figures.connections
    )
    for name, text, values in (
        ("connections", "Connections of each thread.", figures.connections_by_thread),
        ("streams", "Streams of each thread.", figures.streams_by_thread),
    ):
        threads = GaugeMetricFamily(f"bedrock_frames_thread_{name}", text, labels=("thread",))
        for number, value in enumerate(values):
            threads.add_metric((str(number),), value)
        yield threads
    counters = (
        ("connections_accepted", "Connections that were opened.", figures.accepted),
        ("writes_blocked", "Writes of which the socket took only a part.", figures.blocked),
        (
            "requests_refused",
            "Malformed requests, and requests beyond a bound.",
            figures.refused,
        ),
    )
    for name, text, value in counters:
        yield CounterMetricFamily(f"bedrock_frames_{name}", text, value)
    yield _histogram(
        "first_frame", "From a request to the first bytes of its stream.", figures.first_frame
    )
    yield _histogram("stream", "From a request to the last bytes of its stream.", figures.duration)


def _histogram(
    name: str, text: str, durations: Durations, bounds: Sequence[float] = DURATION_BOUNDS
) -> Metric:
    buckets = [(str(bound), durations.at_most(bound)) for bound in bounds]
    return HistogramMetricFamily(
        f"bedrock_frames_{name}_seconds",
        text,
        buckets=[*buckets, ("+Inf", durations.total)],
        sum_value=durations.sum,
    )

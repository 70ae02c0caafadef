"""The figures of a run: what the generator says, typed. Fields are those of ``summary.json``."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

MetricName: TypeAlias = Literal[
    "ttfb_ms", "ttft_ms", "gap_ms", "tpot_ms", "e2e_ms", "session_ms", "schedule_delay_ms"
]
METRIC_NAMES: Final[tuple[MetricName, ...]] = get_args(MetricName)

Milliseconds: TypeAlias = NonNegativeFloat | None


ERROR_KINDS: Final = (
    *(
        "connect",
        "tls",
        "no_port",
        "no_file",
        "timeout",
        "crc",
        "frame",
        "truncated",
        "grammar",
        "reset",
    ),
    *("bad_http", "not_event_stream", "mismatch", "burst", "other"),
)
"""Kinds of errors that the generator has a name for; ``other`` is what is beyond those it keeps."""
NAMED_KINDS: Final = ("http:", "exception:")
"""Begin the kinds whose names the endpoint gives."""


class Part(BaseModel):
    """A part of a report. Unknown fields of a newer generator are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Figures(Part):
    """A metric's distribution in short, in milliseconds; only a count where there is nothing."""

    count: NonNegativeInt = 0
    mean: Milliseconds = None
    min: Milliseconds = None
    p50: Milliseconds = None
    p90: Milliseconds = None
    p95: Milliseconds = None
    p99: Milliseconds = None
    p999: Milliseconds = None
    max: Milliseconds = None


class Metrics(Part):
    """The distributions that are measured."""

    ttfb_ms: Figures = Figures()
    ttft_ms: Figures = Figures()
    gap_ms: Figures = Figures()
    tpot_ms: Figures = Figures()
    e2e_ms: Figures = Figures()
    session_ms: Figures = Figures()
    schedule_delay_ms: Figures = Figures()

    def named(self, name: str) -> Figures:
        """Return a metric by its name."""
        found: Figures = getattr(self, name)
        return found


class Requests(Part):
    """What became of the requests meant for the window. Each is counted once."""

    sent: NonNegativeInt = 0
    completed: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    interrupted: NonNegativeInt = 0
    """Cut off because the run was over; neither completed nor failed."""
    warmup: NonNegativeInt = 0
    """Meant for before the window; not in the others."""
    warmup_failed: NonNegativeInt = 0
    """Of those."""
    bursts: NonNegativeInt = 0
    """Of the completed: streams whose content came all at once."""
    good: NonNegativeInt = 0
    """Of the completed: those that kept every goal."""
    without_content: NonNegativeInt = 0
    """Of the completed: streams with output tokens, and without content that has a known form."""

    @property
    def error_rate(self) -> float:
        """The share that failed of those that ended."""
        ended = self.completed + self.failed
        return self.failed / ended if ended else 0.0

    @property
    def good_ratio(self) -> float:
        """The share that kept every goal of those that ended, failed ones among them."""
        ended = self.completed + self.failed
        return self.good / ended if ended else 0.0


class Asked(NamedTuple):
    """What a run was to do in a second, and what it did."""

    rate: float
    kept: float
    of: str
    """``"requests"`` or ``"sessions"``."""


class Rates(Part):
    """What came in the window, divided by its length."""

    requested_requests_per_s: NonNegativeFloat | None = None
    requests_per_s: NonNegativeFloat = 0.0
    requested_sessions_per_s: NonNegativeFloat | None = None
    sessions_per_s: NonNegativeFloat | None = None
    """Sessions that came to their end; a session has as many requests as it needs."""
    frames_per_s: NonNegativeFloat = 0.0
    output_tokens_per_s: NonNegativeFloat = 0.0
    goodput_per_s: NonNegativeFloat = 0.0

    def asked(self) -> Asked | None:
        """Return what was asked for, and what was kept of it; None in a closed loop."""
        if self.requested_sessions_per_s is not None:
            return Asked(self.requested_sessions_per_s, self.sessions_per_s or 0.0, "sessions")
        if self.requested_requests_per_s is not None:
            return Asked(self.requested_requests_per_s, self.requests_per_s, "requests")
        return None


class Window(Part):
    """The part of the run that counts, in seconds since its start."""

    start_s: NonNegativeFloat = 0.0
    length_s: NonNegativeFloat = 0.0
    ended_s: NonNegativeFloat = 0.0


class Quantiles(Part):
    """A second's latencies, in milliseconds."""

    p50: Milliseconds = None
    p90: Milliseconds = None
    p99: Milliseconds = None


class Second(Part):
    """The counts of one second of the run.

    The counts of latencies are sketches: they add, where percentiles do not.
    """

    second: NonNegativeInt
    sent: NonNegativeInt = 0
    completed: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    errors: dict[str, NonNegativeInt] = {}
    """Those that failed, by their kind."""
    in_flight: NonNegativeInt = 0
    frames: NonNegativeInt = 0
    output_tokens: NonNegativeInt = 0
    ttft_ms: Quantiles = Quantiles()
    e2e_ms: Quantiles = Quantiles()
    ttft_counts: str = ""
    e2e_counts: str = ""


class OpenFiles(Part):
    """The limits of open files; None is no limit."""

    soft: NonNegativeInt | None = None
    hard: NonNegativeInt | None = None


class Audit(Part):
    """What the generator says of itself."""

    elapsed_s: NonNegativeFloat = 0.0
    threads: NonNegativeInt = 1
    cpu_s: NonNegativeFloat = 0.0
    cpu_of_threads_s: list[NonNegativeFloat] = []
    loop_delay_ms: Figures = Figures()
    """How late a thread came to what was due: it is in every figure of the run."""
    in_flight_max: NonNegativeInt = 0
    backlogged: NonNegativeInt = 0
    """Arrivals that waited because ``max_in_flight`` requests were running."""
    unsent: NonNegativeInt = 0
    """Arrivals that were due, and never sent because the run was over."""
    paused: NonNegativeInt = 0
    """Pauses that users of a closed loop made, as several of their requests in a row had failed."""
    stopped_by_errors: bool = False
    """Whether the run ended early, because ``max_errors`` requests had failed."""
    lost: list[str] = []
    """Processes that had no result, each with why."""
    connections_opened: NonNegativeInt = 0
    out_of_ports: NonNegativeInt = 0
    out_of_files: NonNegativeInt = 0
    records_dropped: NonNegativeInt = 0
    open_files: OpenFiles = OpenFiles()
    port_range: tuple[int, int] | None = None


class Result(Part):
    """A run's result, as the generator gives it, or several of them merged."""

    started_at: NonNegativeFloat
    """In Unix seconds."""
    started_apart_s: NonNegativeFloat = 0.0
    """How long after the first of the merged results the last one began."""
    window: Window = Window()
    requests: Requests = Requests()
    errors: dict[str, NonNegativeInt] = {}
    warmup_errors: dict[str, NonNegativeInt] = {}
    """What failed before the window."""
    error_samples: dict[str, str] = {}
    """What the first error of each kind said."""
    unknown_events: dict[str, NonNegativeInt] = {}
    """Events that the service model does not have, by kind; SDKs skip them."""
    stop_reasons: dict[str, NonNegativeInt] = {}
    metrics: Metrics = Metrics()
    rates: Rates = Rates()
    totals: dict[str, NonNegativeInt] = {}
    series: list[Second] = []
    histograms: dict[MetricName, str] = Field(default_factory=dict)
    """Each metric's HDR histogram of microseconds: V2, compressed, in base64."""
    audit: Audit = Audit()


class Progress(Part):
    """A glance at a run. Rates and latencies are of the last seconds."""

    elapsed_s: NonNegativeFloat = 0.0
    sent: NonNegativeInt = 0
    completed: NonNegativeInt = 0
    failed: NonNegativeInt = 0
    warmup: NonNegativeInt = 0
    in_flight: NonNegativeInt = 0
    requests_per_s: NonNegativeFloat = 0.0
    frames_per_s: NonNegativeFloat = 0.0
    output_tokens_per_s: NonNegativeFloat = 0.0
    ttft_ms: Quantiles = Quantiles()
    errors: dict[str, NonNegativeInt] = {}

"""What a benchmark is asked for, checked once, and how the generator is told.

Times are in seconds. Secrets are part of the options, and never of a report.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.options.arrivals import Arrivals, Closed, Stages
from bedrock_frames.bench.options.auth import NO_AUTH, Auth
from bedrock_frames.bench.options.targets import body_of

if TYPE_CHECKING:
    from pathlib import Path

Operation: TypeAlias = Literal["converse-stream", "converse", "invoke-stream", "invoke"]
Http: TypeAlias = Literal["auto", "h1", "h2"]

DEFAULT_MODEL: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"


_MOST: Final = 2**63 - 1
_COUNTS: Final = {
    "requests": _MOST,
    "threads": 1024,
    "processes": 256,
    "max_in_flight": _MOST,
    "max_errors": _MOST,
}
"""Options that are counts, each with the most that is allowed. A thread and a process cost memory
whether they are of use or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Conversations: a tool call is answered after a while, until the model ends its turn."""

    think_time: float = 0.0
    max_turns: int = 10
    tool_result: str = "ok"
    header: str | None = None
    """The name of a header that says which session a request belongs to."""

    def native(self) -> dict[str, object]:
        """Return them as the generator takes them."""
        return {
            "think_time_ms": self.think_time * 1000,
            "max_turns": self.max_turns,
            "tool_result": self.tool_result,
            "header": self.header,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """A benchmark of one endpoint.

    Raises:
        OptionError: an option makes no sense; it says which, and what is allowed.
    """

    url: str
    operation: Operation = "converse-stream"
    model: str = DEFAULT_MODEL
    message: str = "hello"
    body_file: Path | None = None
    """Bodies to send instead of the message, one a line, in turn."""
    headers: tuple[tuple[str, str], ...] = ()
    sessions: Sessions | None = None
    auth: Auth = NO_AUTH
    http: Http = "auto"
    ca_file: Path | None = None
    insecure: bool = False
    arrivals: Arrivals = field(default_factory=Closed)
    duration: float | None = None
    requests: int | None = None
    warmup: float = 0.0
    ramp: float = 0.0
    timeout: float = 300.0
    grace: float = 30.0
    max_in_flight: int | None = None
    max_errors: int | None = None
    """How many requests may fail, the warm-up's among them, before the run ends early."""
    expect_text: str | None = None
    fail_bursts: bool = False
    goals: dict[str, float] = field(default_factory=dict)
    """Of a good request: ``ttft_ms``, ``tpot_ms``, ``e2e_ms``, each at most."""
    seed: int = 0
    threads: int = 1
    processes: int = 1
    start_at: float | None = None
    """When to begin, in Unix seconds; at once if None."""
    share: tuple[int, int] = (0, 1)
    """Which share of the arrivals is this machine's: number, from 0, and of how many."""
    sources: tuple[str, ...] = ()
    """Local addresses to connect from: each has ports of its own."""
    requests_out: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what can be seen to be wrong here; the generator refuses the rest."""
        _known("operation", self.operation, get_args(Operation))
        _known("http", self.http, get_args(Http))
        if not self.url.startswith(("http://", "https://")):
            raise OptionError("url", f"must begin with http:// or https://, not {self.url!r}")
        for name in ("duration", "warmup", "ramp", "timeout", "grace"):
            _figure(name, getattr(self, name), least_is_allowed=name in ("warmup", "ramp", "grace"))
        for name, most in _COUNTS.items():
            _count(name, getattr(self, name), most)
        if "ttft_ms" in self.goals and not self.operation.endswith("stream"):
            raise OptionError("goodput", "only a stream has a ttft that can be a goal")
        for source in self.sources:
            _address("source", source)
        for path in (self.body_file, self.ca_file):
            if path is not None and not path.is_file():
                raise OptionError("file", f"{path} is no file")
        self.arrivals.check()
        users, parts = getattr(self.arrivals, "concurrency", None), self.processes * self.share[1]
        if users is not None and users < parts:
            raise OptionError("concurrency", f"must be at least {parts}, one for each process")

    def native(self) -> dict[str, object]:
        """Return the options as the generator takes them."""
        bodies = [] if self.body_file else [body_of(self.operation, self.model, self.message)]
        bounded = self.duration is not None or self.requests is not None
        stated: dict[str, object] = {
            "url": self.url,
            "operation": self.operation,
            "model": self.model,
            "bodies": [] if self.arrivals.brings_bodies else bodies,
            "body_file": _text(self.body_file),
            "headers": [list(header) for header in self.headers],
            "sessions": self.sessions.native() if self.sessions else None,
            "auth": self.auth.native(),
            "http": self.http,
            "tls": {"ca_file": _text(self.ca_file), "insecure": self.insecure},
            "arrivals": self.arrivals.native(),
            "duration_s": self.duration if bounded else self.arrivals.default_duration,
            "requests": self.requests,
            "warmup_s": self.warmup,
            "ramp_s": self.ramp,
            "timeout_s": self.timeout,
            "grace_s": self.grace,
            "max_in_flight": self.max_in_flight,
            "max_errors": self.max_errors,
            "expect_text": self.expect_text,
            "bursts": "fail" if self.fail_bursts else "count",
            "goodput": self.goals,
            "seed": self.seed,
            "threads": self.threads,
            "start_at": self.start_at,
            "share": list(self.share),
            "sources": list(self.sources),
            "requests_out": _text(self.requests_out),
        }
        return {name: value for name, value in stated.items() if value is not None}

    def stated(self) -> dict[str, object]:
        """Return the options as a report states them: all but the secrets."""
        native = self.native()
        native["auth"] = self.auth.stated()
        native["headers"] = [name for name, _ in self.headers]
        return {**native, "processes": self.processes}


def _known(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(name, f"must be one of {', '.join(allowed)}, not {value!r}")


def _figure(name: str, value: float | None, *, least_is_allowed: bool) -> None:
    if value is None or (least_is_allowed and value == 0):
        return
    if not math.isfinite(value) or value <= 0:
        least = "at least 0" if least_is_allowed else "above 0"
        raise OptionError(name, f"must be {least}, not {value:g}")


def _count(name: str, value: int | None, most: int) -> None:
    if value is None or 1 <= value <= most:
        return
    allowed = "at least 1" if value < 1 else f"1 to {most}"
    raise OptionError(name, f"must be {allowed}, not {value}")


def _address(name: str, value: str) -> None:
    try:
        ip_address(value)
    except ValueError:
        raise OptionError(name, f"must be an IP address, not {value!r}") from None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def expected_length(options: BenchOptions) -> float | None:
    """Return how long a run will take, warm-up included, in seconds, if that is known."""
    if isinstance(options.arrivals, Stages):
        return sum(seconds for _, seconds in options.arrivals.stages)
    bounded = options.duration is not None or options.requests is not None
    duration = options.duration if bounded else options.arrivals.default_duration
    return None if duration is None else options.warmup + duration

"""The options of a benchmark, and their form for the generator.

Times are in seconds. Secrets are part of the options, and never of a report.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, field_validator, model_validator

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.options import units
from bedrock_frames.bench.options.arrivals import Arrivals, Closed, Stages
from bedrock_frames.bench.options.base import (
    Count,
    File,
    Flag,
    Options,
    PositiveSeconds,
    Seconds,
)
from bedrock_frames.bench.options.targets import DEFAULT_MODEL, Target, body_of

Operation: TypeAlias = Literal["converse-stream", "converse", "invoke-stream", "invoke"]
Http: TypeAlias = Literal["auto", "h1", "h2"]

_SESSIONS: Final = "sessions"
_JUDGEMENT: Final = "judgement"

__all__ = ["DEFAULT_MODEL", "BenchOptions", "Http", "Operation", "Sessions", "expected_length"]


class Sessions(Options):
    """Conversations: a tool call is answered after a while, until the model ends its turn."""

    think_time: Annotated[
        Seconds,
        Flag(help="time before each answer", metavar="TIME", read=units.duration, group=_SESSIONS),
    ] = 0.0
    max_turns: Annotated[
        int, Flag(help="turns of a session at most", metavar="N", group=_SESSIONS)
    ] = 10
    tool_result: Annotated[
        str, Flag(help="what tool calls are answered with", metavar="TEXT", group=_SESSIONS)
    ] = "ok"
    header: Annotated[
        str | None,
        Flag(
            help="header that names the session of a request",
            name="session_header",
            metavar="NAME",
            group=_SESSIONS,
        ),
    ] = None

    def native(self) -> dict[str, object]:
        """Return them as the generator takes them."""
        return {
            "think_time_ms": self.think_time * 1000,
            "max_turns": self.max_turns,
            "tool_result": self.tool_result,
            "header": self.header,
        }


class BenchOptions(Target):
    """A benchmark of one endpoint.

    Raises:
        OptionError: an option has a value that is not allowed; it says which are.
    """

    http: Annotated[Http, Flag(help="HTTP version", group="request")] = "auto"
    operation: Annotated[Operation, Flag(help="operation", group="request")] = "converse-stream"
    body_file: Annotated[
        File | None,
        Flag(
            help="bodies to send in turn instead of the message, one a line",
            metavar="FILE",
            group="request",
        ),
    ] = None
    sessions: Sessions | None = None
    arrivals: Arrivals = Field(default_factory=Closed)
    duration: Annotated[
        PositiveSeconds | None,
        Flag(
            help="length of the measurement, after the warm-up",
            metavar="TIME",
            read=units.duration,
            default="10s",
        ),
    ] = None
    requests: Annotated[Count | None, Flag(help="requests to send at most", metavar="N")] = None
    warmup: Annotated[
        Seconds, Flag(help="time before the measurement", metavar="TIME", read=units.duration)
    ] = 0.0
    ramp: Annotated[
        Seconds, Flag(help="time until the full load", metavar="TIME", read=units.duration)
    ] = 0.0
    timeout: Annotated[
        PositiveSeconds, Flag(help="limit of each request", metavar="TIME", read=units.duration)
    ] = 300.0
    grace: Annotated[
        Seconds,
        Flag(
            help="time for requests that are in flight at the end",
            metavar="TIME",
            read=units.duration,
        ),
    ] = 30.0
    max_in_flight: Annotated[
        Count | None, Flag(help="requests in flight at most, of an open loop", metavar="N")
    ] = None
    max_errors: Annotated[
        Count | None,
        Flag(help="end the run when N requests have failed, those of the warm-up too", metavar="N"),
    ] = None
    expect_text: Annotated[
        str | None,
        Flag(help="text that every answer must contain", metavar="TEXT", group=_JUDGEMENT),
    ] = None
    fail_bursts: Annotated[
        bool,
        Flag(help="count a stream that arrives all at once as failed", group=_JUDGEMENT),
    ] = False
    goals: Annotated[
        dict[str, float],
        Flag(
            help="limits of a good request",
            name="goodput",
            metavar="'ttft:500ms tpot:50ms'",
            read=units.goals,
            group=_JUDGEMENT,
        ),
    ] = Field(default_factory=dict)
    """Of a good request: ``ttft_ms``, ``tpot_ms``, ``e2e_ms``, each at most."""
    seed: Annotated[int, Flag(help="seed of everything random")] = 0
    threads: Annotated[
        int, Field(ge=1, le=1024), Flag(help="threads of each process", metavar="N")
    ] = 1
    processes: Annotated[int, Field(ge=1, le=256), Flag(help="processes", metavar="N")] = 1
    start_at: Annotated[
        float | None, Flag(help="time to begin at, in Unix seconds", metavar="UNIX")
    ] = None
    share: Annotated[
        tuple[int, int],
        Flag(
            help="this machine's share of the arrivals: number I, from 0, of N",
            metavar="I/N",
            read=units.share,
            default="0/1",
        ),
    ] = (0, 1)
    sources: Annotated[
        tuple[str, ...],
        Flag(
            help="local address to connect from, for more ports; may be repeated",
            name="source",
            metavar="IP",
        ),
    ] = ()
    requests_out: Path | None = None
    """Written by the command with its other outputs."""

    @field_validator("sources")
    @classmethod
    def _check_sources(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            try:
                ip_address(source)
            except ValueError:
                raise ValueError(f"must be an IP address, not {source!r}") from None
        return sources

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if "ttft_ms" in self.goals and not self.operation.endswith("stream"):
            raise OptionError("goodput", "only a stream has a ttft that can be a goal")
        users, parts = getattr(self.arrivals, "concurrency", None), self.processes * self.share[1]
        if users is not None and users < parts:
            raise OptionError("concurrency", f"must be at least {parts}, one for each process")
        return self

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


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def expected_length(options: BenchOptions) -> float | None:
    """Return how long a run will take, warm-up included, in seconds, if that is known."""
    if isinstance(options.arrivals, Stages):
        return sum(seconds for _, seconds in options.arrivals.stages)
    bounded = options.duration is not None or options.requests is not None
    duration = options.duration if bounded else options.arrivals.default_duration
    return None if duration is None else options.warmup + duration

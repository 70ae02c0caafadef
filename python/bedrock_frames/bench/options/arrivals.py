"""When requests start: after the last one (closed loop), or by a schedule (open loop).

In an open loop latency runs from the moment a request was *meant* to start, so that an endpoint
that stalls is charged with every request that it delays.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field, field_validator

from bedrock_frames.bench.options import units
from bedrock_frames.bench.options.base import File, Flag, Options, PositiveNumber

Process: TypeAlias = Literal["constant", "poisson", "gamma"]

MOST_USERS: Final = 1_000_000
"""Each takes memory from the start, whatever it sends."""

_GROUP: Final = "arrivals"


class Closed(Options):
    """A fixed number of users: each sends its next request when the last one has ended."""

    concurrency: Annotated[
        int,
        Field(ge=1, le=MOST_USERS),
        Flag(help="closed loop: N requests at a time", metavar="N", group=_GROUP),
    ] = 1
    default_duration: ClassVar[float | None] = 10.0
    brings_bodies: ClassVar[bool] = False

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        return {"kind": "closed", "concurrency": self.concurrency}


class _Spread(Options):
    """How arrivals are spread within their rate."""

    process: Annotated[
        Process,
        Flag(help="spread of an open loop's arrivals", name="arrival", group=_GROUP),
    ] = "constant"
    burstiness: Annotated[
        PositiveNumber,
        Flag(
            help="coefficient of variation of gamma arrivals; 1 is poisson",
            metavar="CV",
            group=_GROUP,
        ),
    ] = 1.0


class Rate(_Spread):
    """So many requests a second, evenly or at random."""

    rate: Annotated[
        PositiveNumber, Flag(help="open loop: R requests a second", metavar="R", group=_GROUP)
    ]
    default_duration: ClassVar[float | None] = 10.0
    brings_bodies: ClassVar[bool] = False

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        stated: dict[str, object] = {"kind": self.process, "rate": self.rate}
        return {**stated, "burstiness": self.burstiness} if self.process == "gamma" else stated


class Stages(_Spread):
    """Rates one after the other, each with its seconds."""

    stages: Annotated[
        tuple[tuple[float, float], ...],
        Flag(
            help="open loop: one rate after the other, each for its time",
            metavar="1:10s,100:60s",
            read=units.stages,
            group=_GROUP,
        ),
    ]
    default_duration: ClassVar[float | None] = None
    brings_bodies: ClassVar[bool] = False

    @field_validator("stages")
    @classmethod
    def _check(cls, stages: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if not stages:
            raise ValueError("at least one RATE:TIME is needed")
        for rate, seconds in stages:
            if not 0 <= rate < float("inf"):
                raise ValueError(f"a rate must be at least 0, not {rate:g}")
            if not 0 < seconds < float("inf"):
                raise ValueError(f"a time must be above 0, not {seconds:g}")
        return stages

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        pairs = [list(stage) for stage in self.stages]
        held: dict[str, object] = {"kind": "stages", "stages": pairs, "process": self.process}
        return {**held, "burstiness": self.burstiness}


class Trace(Options):
    """The arrivals of a recorded trace, in Azure's or Mooncake's format."""

    path: Annotated[
        File,
        Flag(
            help="open loop: the arrivals of a recorded trace",
            name="trace",
            metavar="FILE",
            group=_GROUP,
        ),
    ]
    format: Annotated[
        Literal["auto", "azure", "mooncake"],
        Flag(help="format of the trace", name="trace_format", group=_GROUP),
    ] = "auto"
    speed: Annotated[
        PositiveNumber,
        Flag(
            help="replay the trace FACTOR times as fast",
            name="trace_speed",
            metavar="FACTOR",
            group=_GROUP,
        ),
    ] = 1.0
    default_duration: ClassVar[float | None] = None
    brings_bodies: ClassVar[bool] = True

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        held: dict[str, object] = {"kind": "trace", "path": str(self.path), "format": self.format}
        return {**held, "speed": self.speed}


Arrivals: TypeAlias = Closed | Rate | Stages | Trace

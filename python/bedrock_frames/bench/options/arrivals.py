"""When requests start: after the last one (closed loop), or by a schedule (open loop).

In an open loop latency runs from the moment a request was *meant* to start, so that an endpoint
that stalls is charged with everyone it kept waiting.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeAlias

from bedrock_frames.bench.errors import OptionError

if TYPE_CHECKING:
    from pathlib import Path

Process: TypeAlias = Literal["constant", "poisson", "gamma"]

MOST_USERS: Final = 1_000_000
"""Each takes memory from the start, whatever it sends."""
PROCESSES: Final = ("constant", "poisson", "gamma")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """So many at a time: the next begins when one has ended."""

    concurrency: int = 1
    default_duration: ClassVar[float | None] = 10.0
    brings_bodies: ClassVar[bool] = False

    def check(self) -> None:
        """Raise OptionError if it makes no sense."""
        if not 1 <= self.concurrency <= MOST_USERS:
            allowed = "at least 1" if self.concurrency < 1 else f"1 to {MOST_USERS}"
            raise OptionError("concurrency", f"must be {allowed}, not {self.concurrency}")

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        return {"kind": "closed", "concurrency": self.concurrency}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many a second, evenly or by chance."""

    rate: float
    process: Process = "constant"
    burstiness: float = 1.0
    """Of gamma: how uneven the gaps are, as their coefficient of variation. 1 is Poisson."""
    default_duration: ClassVar[float | None] = 10.0
    brings_bodies: ClassVar[bool] = False

    def check(self) -> None:
        """Raise OptionError if it makes no sense."""
        _positive("rate", self.rate)
        _check_process(self.process, self.burstiness)

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        stated: dict[str, object] = {"kind": self.process, "rate": self.rate}
        return {**stated, "burstiness": self.burstiness} if self.process == "gamma" else stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Rates one after the other, each with its seconds."""

    stages: tuple[tuple[float, float], ...]
    process: Process = "constant"
    burstiness: float = 1.0
    default_duration: ClassVar[float | None] = None
    brings_bodies: ClassVar[bool] = False

    def check(self) -> None:
        """Raise OptionError if it makes no sense."""
        if not self.stages:
            raise OptionError("stages", "at least one RATE:TIME is needed")
        for rate, seconds in self.stages:
            if not (math.isfinite(rate) and rate >= 0):
                raise OptionError("stages", f"a rate must be at least 0, not {rate:g}")
            _positive("stages", seconds)
        _check_process(self.process, self.burstiness)

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        pairs = [list(stage) for stage in self.stages]
        held: dict[str, object] = {"kind": "stages", "stages": pairs, "process": self.process}
        return {**held, "burstiness": self.burstiness}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """As they came once: a file of Azure's or Mooncake's form."""

    path: Path
    format: Literal["auto", "azure", "mooncake"] = "auto"
    speed: float = 1.0
    default_duration: ClassVar[float | None] = None
    brings_bodies: ClassVar[bool] = True

    def check(self) -> None:
        """Raise OptionError if it makes no sense."""
        if not self.path.is_file():
            raise OptionError("trace", f"{self.path} is no file")
        _positive("trace-speed", self.speed)

    def native(self) -> dict[str, object]:
        """Return it as the generator takes it."""
        held: dict[str, object] = {"kind": "trace", "path": str(self.path), "format": self.format}
        return {**held, "speed": self.speed}


Arrivals: TypeAlias = Closed | Rate | Stages | Trace


def _positive(name: str, value: float) -> None:
    if not math.isfinite(value) or value <= 0:
        raise OptionError(name, f"must be above 0, not {value:g}")


def _check_process(process: str, burstiness: float) -> None:
    if process not in PROCESSES:
        raise OptionError("arrival", f"must be one of {', '.join(PROCESSES)}, not {process!r}")
    _positive("burstiness", burstiness)

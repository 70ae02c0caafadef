"""What a benchmark found: each figure beside what it is held against, and every sample behind it.

A comparison is judged by one number: a ratio to a peer, or the figure itself where there is none.
That number is the median over the rounds of what each round gave, since only within a round did
both run on the same machine in the same state.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from statistics import median
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SCHEMA: Final = 2

Bound: TypeAlias = Literal["at_least", "at_most"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One figure, in ``unit``, and what it is held against."""

    name: str
    figure: float
    unit: str
    peer: str | None = None
    peer_figure: float | None = None
    rounds: Sequence[float]
    """What is judged, of each round: a ratio, or the figure where there is no peer."""
    bound: Bound | None = None
    target: float | None = None

    @property
    def value(self) -> float:
        """What is judged."""
        return median(self.rounds)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.bound == "at_least" else self.value <= self.target

    def as_json(self) -> dict[str, object]:
        """Return all of it, the judgement too."""
        return {**asdict(self), "value": self.value, "met": self.met}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one script."""

    comparisons: Sequence[Comparison]
    samples: object = None
    """The raw figures, as they were measured."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """Versions of what ours was compared with."""
    limits: str = ""
    """What these figures do not show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An outcome as it was written, with where and how it was measured."""

    benchmark: str
    quick: bool
    environment: Mapping[str, Any]
    outcome: Outcome

    @property
    def samples(self) -> Any:
        """The raw figures."""
        return self.outcome.samples

    def comparison(self, name: str, peer: str | None = None) -> Comparison:
        """Return the comparison of that name, with that peer where there are several.

        Raises:
            KeyError: there is none.
        """
        for comparison in self.outcome.comparisons:
            if comparison.name == name and peer in (None, comparison.peer):
                return comparison
        raise KeyError(f"{self.benchmark} has no comparison {name!r}")


def quotients(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Divide round by round."""
    return [a / b for a, b in zip(over, under, strict=True)]


def faster(
    name: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    *,
    unit: str,
    target: float | None = None,
) -> Comparison:
    """Compare times: how many times as long the peer takes."""
    return _against(name, ours, peer, theirs, quotients(theirs, ours), "at_least", target, unit)


def costs(
    name: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    *,
    unit: str,
    target: float | None = None,
) -> Comparison:
    """Compare times: how many times as long ours takes."""
    return _against(name, ours, peer, theirs, quotients(ours, theirs), "at_most", target, unit)


def more(
    name: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    *,
    unit: str,
    target: float | None = None,
) -> Comparison:
    """Compare rates: how many times as much ours does."""
    return _against(name, ours, peer, theirs, quotients(ours, theirs), "at_least", target, unit)


def _against(
    name: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    rounds: Sequence[float],
    bound: Bound,
    target: float | None,
    unit: str,
) -> Comparison:
    return Comparison(
        name=name,
        figure=median(ours),
        unit=unit,
        peer=peer,
        peer_figure=median(theirs),
        rounds=rounds,
        bound=bound,
        target=target,
    )


def alone(
    name: str,
    rounds: Sequence[float],
    *,
    unit: str,
    bound: Bound | None = None,
    target: float | None = None,
) -> Comparison:
    """Hold a figure against a target of its own."""
    return Comparison(
        name=name, figure=median(rounds), unit=unit, rounds=rounds, bound=bound, target=target
    )


def write(path: Path, result: Result) -> None:
    """Write a result as JSON."""
    outcome = result.outcome
    document = {
        "schema": SCHEMA,
        "benchmark": result.benchmark,
        "quick": result.quick,
        "environment": {**result.environment, "peers": dict(outcome.peers)},
        "limits": outcome.limits,
        "comparisons": [comparison.as_json() for comparison in outcome.comparisons],
        "samples": outcome.samples,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n")


def read(path: Path) -> Result:
    """Read a result that was written."""
    document = json.loads(path.read_text())
    if document["schema"] != SCHEMA:
        raise ValueError(f"{path.name} has schema {document['schema']}, not {SCHEMA}")
    known = {each.name for each in fields(Comparison)}
    environment = dict(document["environment"])
    peers = environment.pop("peers")
    comparisons = [
        Comparison(**{name: value for name, value in stated.items() if name in known})
        for stated in document["comparisons"]
    ]
    return Result(
        benchmark=document["benchmark"],
        quick=document["quick"],
        environment=environment,
        outcome=Outcome(
            comparisons=comparisons,
            samples=document["samples"],
            peers=peers,
            limits=document["limits"],
        ),
    )

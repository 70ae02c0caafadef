"""Bounds that a run must keep: ``ttft.p99<800ms``, ``error_rate<0.1%``, ``requests_per_s>=100``."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.options import units
from bedrock_frames.bench.report import histograms
from bedrock_frames.bench.report.formatting import count, milliseconds, percent
from bedrock_frames.bench.report.results import (
    ERROR_KINDS,
    METRIC_NAMES,
    NAMED_KINDS,
    Rates,
    Requests,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from bedrock_frames.bench.report.results import MetricName, Result

_FORM: Final = re.compile(r"\s*([A-Za-z0-9_.:-]+)\s*(<=|>=|==|<|>)\s*(\S+)\s*")
_QUANTILE: Final = re.compile(r"p([0-9]{2})([0-9]{0,3})")
_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_RATES: Final = tuple(Rates.model_fields)
_COUNTS: Final = tuple(Requests.model_fields)
_RATIOS: Final = ("error_rate", "good_ratio")
_ENDS: Final = ("mean", "min", "max", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A bound on one figure."""

    text: str
    subject: str
    operator: str
    bound: float
    """In the figure's own unit: milliseconds, a share, a rate or a count."""

    def judge(self, result: Result) -> Verdict:
        """Hold a result against the bound. A figure that is missing does not keep it."""
        value = measured(self.subject, result)
        kept = value is not None and _OPERATORS[self.operator](value, self.bound)
        return Verdict(threshold=self.text, value=value, passed=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a threshold was kept, and the value that decided it."""

    threshold: str
    value: float | None
    passed: bool


def parse(text: str) -> Threshold:
    """Read a threshold.

    Raises:
        ValueError: it is none; the text says what is allowed.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f"a threshold is FIGURE, one of < <= > >= ==, and a value, as in ttft.p99<800ms, "
            f"not {text!r}"
        )
    subject, sign, value = found.groups()
    bound = _bound(subject, value)
    return Threshold(text=text.strip(), subject=subject, operator=sign, bound=bound)


def measured(subject: str, result: Result) -> float | None:
    """Return a figure of a result by its name, if there is one."""
    if subject in _RATIOS:
        ended = result.requests.completed + result.requests.failed
        ratio: float = getattr(result.requests, subject)
        return ratio if ended else None
    if subject in _RATES:
        rate: float | None = getattr(result.rates, subject)
        return rate
    if subject in _COUNTS:
        return float(getattr(result.requests, subject))
    head, _, figure = subject.partition(".")
    if head == "errors":
        return float(result.errors.get(figure, 0))
    return _figure(_metric(head), figure, result)


def written(threshold: str, value: float | None) -> str:
    """Write what was measured in the unit of a threshold's figure."""
    if value is None:
        return "nothing measured"
    subject = parse(threshold).subject
    head, dot, figure = subject.partition(".")
    if subject in _RATIOS:
        return percent(value)
    if not dot or head == "errors" or figure == "count":
        return f"{value:,.4g}" if value < 1000 else count(value)
    return milliseconds(value)


def _figure(name: MetricName, figure: str, result: Result) -> float | None:
    figures = result.metrics.named(name)
    if figure in type(figures).model_fields:
        value: float | None = getattr(figures, figure)
        return value
    encoded = result.histograms.get(name)
    if not figures.count or encoded is None:
        return None
    return histograms.distribution(encoded).quantile(_share(figure))


def _bound(subject: str, value: str) -> float:
    if subject in _RATIOS:
        return units.ratio(value)
    head, dot, figure = subject.partition(".")
    if subject in _RATES or subject in _COUNTS:
        return _number(value)
    if head == "errors" and dot:
        _kind(figure)
        return _number(value)
    if not dot:
        raise ValueError(f"{subject!r} is no figure; there are {_allowed()}")
    _metric(head)
    if figure not in _ENDS:
        _share(figure)
    return _number(value) if figure == "count" else units.duration(value) * 1000


def _kind(kind: str) -> None:
    if kind not in ERROR_KINDS and not kind.startswith(NAMED_KINDS):
        named = (f"{name}NAME" for name in NAMED_KINDS)
        raise ValueError(
            f"{kind!r} is no kind of error; there are {', '.join([*ERROR_KINDS, *named])}"
        )


def _metric(head: str) -> MetricName:
    for name in METRIC_NAMES:
        if head in (name, name.removesuffix("_ms")):
            return name
    raise ValueError(f"{head!r} is no metric; there are {_allowed()}")


def _share(figure: str) -> float:
    """Read ``p99`` or ``p999``."""
    found = _QUANTILE.fullmatch(figure)
    if found is None:
        raise ValueError(f"{figure!r} is no figure: mean, min, max, count, or p50 to p99999")
    return float(f"0.{found[1]}{found[2]}")


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{value!r} is no number") from None


def _allowed() -> str:
    metrics = [f"{name.removesuffix('_ms')}.FIGURE" for name in METRIC_NAMES]
    return ", ".join([*metrics, *_RATIOS, "errors.KIND", *_RATES, *_COUNTS])

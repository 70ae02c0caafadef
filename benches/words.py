"""Figures as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benches.outcome import Comparison

SIGNS: Final = {"at_least": "≥", "at_most": "≤"}
VERDICTS: Final = {True: "met", False: "**missed**", None: ""}


def number(value: float) -> str:
    """Write a number with three significant digits, or whole where it is, or has more."""
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    if abs(value) >= 0.1:
        return f"{value:.2f}"
    return f"{value:.2g}"


def quantity(value: float | None, unit: str) -> str:
    """Write a number with its unit."""
    return "" if value is None else f"{number(value)} {unit}".rstrip()


def value_of(comparison: Comparison) -> str:
    """Write what is judged: a ratio, or the figure."""
    if comparison.peer is None:
        return quantity(comparison.value, comparison.unit)
    return f"{number(comparison.value)} ×"


def target_of(comparison: Comparison) -> str:
    """Write the target, with its unit."""
    if comparison.target is None or comparison.bound is None:
        return ""
    unit = "×" if comparison.peer else comparison.unit
    return f"{SIGNS[comparison.bound]} {comparison.target:g} {unit}".rstrip()


def verdict_of(comparison: Comparison) -> str:
    """Say whether the target is met."""
    return VERDICTS[comparison.met]


def judged(comparison: Comparison) -> str:
    """Write a comparison as a line of a terminal."""
    ours = quantity(comparison.figure, comparison.unit)
    peer = ""
    if comparison.peer is not None:
        theirs = quantity(comparison.peer_figure, comparison.unit)
        peer = f"{comparison.peer} {theirs}: {value_of(comparison)}"
    target = target_of(comparison)
    verdict = f"({target}: {verdict_of(comparison).strip('*')})" if target else ""
    return f"{comparison.name:54} {ours:>18}  {peer:48} {verdict}".rstrip()

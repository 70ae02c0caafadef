"""Formats figures for reading."""

from __future__ import annotations


def milliseconds(value: float | None) -> str:
    """Write a duration: three significant digits, in the unit that suits it."""
    if value is None:
        return "—"
    if value >= 10_000:
        return f"{value / 1000:,.1f} s"
    if value >= 1000:
        return f"{value / 1000:.2f} s"
    if value == 0:
        return "0 ms"
    if value < 0.1:
        return f"{value * 1000:.0f} µs"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} ms"


def seconds(value: float) -> str:
    """Write how long something takes: ``8.5 s``, ``2:05``, ``1:02:05``."""
    if value < 60:
        return f"{value:.1f} s"
    minutes, left = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def count(value: float) -> str:
    """Write a count with its thousands apart."""
    return f"{value:,.0f}"


def rate(value: float | None) -> str:
    """Write a rate: one digit where it is small."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.1f}"


def percent(share: float) -> str:
    """Write a share."""
    return f"{share:.1%}" if share == 0 or share >= 0.001 else f"{share:.3%}"

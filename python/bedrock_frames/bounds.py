"""What the numbers among a server's options may be: the same on the command line and in Python.

Imports nothing but the standard library: help is shown where the server's extra is missing.
"""

from __future__ import annotations

import re
from typing import Final

WHOLE: Final = {
    "port": (0, 65_535),
    "seed": (0, 2**64 - 1),
    "threads": (1, 1024),
    "max_connections": (1, 1_000_000),
    "max_in_flight": (1, 1_000_000),
    "max_sessions": (1, 10_000_000),
    "max_body_bytes": (1, 1_000_000_000),
    "journal_entries": (0, 1_000_000),
    "journal_body_bytes": (0, 1_000_000_000),
}
"""The least and the most of each option that is a whole number."""

MAX_SECONDS: Final = 86_400
"""The longest duration: a day."""

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|)")
_DIGITS: Final = re.compile(r"[0-9]{1,20}")


def check(**options: int | None) -> None:
    """Check options that are whole numbers. None is what an option is by default.

    Raises:
        ValueError: one is out of its range.
    """
    for name, value in options.items():
        least, most = WHOLE[name]
        if value is not None and not (isinstance(value, int) and least <= value <= most):
            raise ValueError(f"{name} is {allowed(name)}, not {value!r}")


def check_seconds(**options: float | None) -> None:
    """Check options that are durations. None is what an option is by default.

    Raises:
        ValueError: one is too long, or no duration.
    """
    for name, value in options.items():
        if value is not None and not 0 <= value <= MAX_SECONDS:
            raise ValueError(f"{name} is a number of seconds from 0 to {MAX_SECONDS}, not {value}")


def allowed(name: str) -> str:
    """Say what an option may be."""
    least, most = WHOLE[name]
    return f"a whole number from {least} to {most}"


def parse_whole(name: str, text: str) -> int:
    """Read the whole number of an option.

    Raises:
        ValueError: it is not a number, or out of its range.
    """
    least, most = WHOLE[name]
    if _DIGITS.fullmatch(text) is None or not least <= int(text) <= most:
        raise ValueError(f"{allowed(name)}, not {text!r}")
    return int(text)


def parse_duration(text: str) -> float:
    """Read ``600ms``, ``1.5s`` or plain seconds; return seconds.

    Raises:
        ValueError: it is not a duration, or longer than a day.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"a duration is a number with ms or s, not {text!r}")
    seconds = float(found[1]) * (0.001 if found[2] == "ms" else 1)
    if seconds > MAX_SECONDS:
        raise ValueError(f"a duration is at most {MAX_SECONDS}s, not {text!r}")
    return seconds

"""Options as people write them on a command line."""

from __future__ import annotations

import logging
import math
import re
from typing import Final

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|)")
_TIMING_KEYS: Final = {"ttft": "ttft_ms", "gap": "gap_ms"}


def parse_timing(text: str) -> dict[str, float]:
    """Read ``ttft=600ms,gap=48ms`` as ``{"ttft_ms": 600.0, "gap_ms": 48.0}``.

    What is not named is 0.

    Raises:
        ValueError: a key is unknown or given twice, or a value is no duration.
    """
    timing: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        key = _TIMING_KEYS.get(name)
        if key is None:
            raise ValueError(f"timing is made of ttft=… and gap=…, not {part.strip()!r}")
        if key in timing:
            raise ValueError(f"{name} is given twice")
        timing[key] = parse_duration(value) * 1000
    return {key: timing.get(key, 0.0) for key in _TIMING_KEYS.values()}


def parse_duration(text: str) -> float:
    """Read ``600ms``, ``1.5s`` or plain seconds; return seconds.

    Raises:
        ValueError: it is none of them.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"a duration is a number with ms or s, not {text!r}")
    seconds = float(found[1]) * (0.001 if found[2] == "ms" else 1)
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is too long")
    return seconds


def log_to_stderr(level: str) -> None:
    """Write the log of all modules to stderr, a line a record."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )

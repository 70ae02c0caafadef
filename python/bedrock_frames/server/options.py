"""Parses options that are given as text on a command line."""

from __future__ import annotations

import logging
from typing import Final

from bedrock_frames.bounds import parse_duration

_TIMING_KEYS: Final = {"ttft": "ttft_ms", "gap": "gap_ms"}


def parse_timing(text: str) -> dict[str, float]:
    """Read ``ttft=600ms,gap=48ms`` as ``{"ttft_ms": 600.0, "gap_ms": 48.0}``.

    What is not named is 0.

    Raises:
        ValueError: a key is unknown or given twice, or a value is not a duration.
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


def log_to_stderr(level: str) -> None:
    """Write the log of all modules to stderr, a line a record."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )

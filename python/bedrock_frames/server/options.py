"""Parses options that are given as text on a command line."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from bedrock_frames.bounds import parse_duration
from bedrock_frames.fixtures.check.faults import FixtureError
from bedrock_frames.fixtures.server_timing import PROFILE, read_server_timing
from bedrock_frames.fixtures.sources import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMING_KEYS: Final = {"ttft": "ttft_ms", "gap": "gap_ms"}


def read_timing(text: str) -> Mapping[str, object]:
    """Read ``ttft=600ms,gap=48ms``, ``profile:NAME``, or the JSON file of that name.

    Raises:
        ValueError: the text is none of them, or the timing has faults.
        OSError: the file cannot be read.
    """
    if "=" in text or not text:
        return parse_timing(text)
    try:
        if text.startswith(PROFILE):
            return read_server_timing(text)
        return read_server_timing(_json_of(text), text)
    except FixtureError as error:
        raise ValueError(str(error)) from None


def _json_of(path: str) -> object:
    def refuse(message: str) -> NoReturn:
        raise ValueError(f"{path}: {message}")

    try:
        return parse_json(Path(path).read_text("utf-8-sig"), refuse)
    except FileNotFoundError:
        raise ValueError(
            f"timing is ttft=…,gap=…, profile:NAME or a JSON file, and there is no file {path!r}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None


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

"""Findings of an examination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["right", "note", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding about an endpoint. ``subject`` names the operation or the part examined."""

    level: Level
    subject: str
    text: str


def right(subject: str, text: str) -> Finding:
    """Return a finding that is right."""
    return Finding(level="right", subject=subject, text=text)


def note(subject: str, text: str) -> Finding:
    """Return a finding that is worth knowing."""
    return Finding(level="note", subject=subject, text=text)


def wrong(subject: str, text: str) -> Finding:
    """Return a finding that breaks real clients."""
    return Finding(level="wrong", subject=subject, text=text)

"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["right", "note", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about an endpoint. ``subject`` says what was asked, or looked at."""

    level: Level
    subject: str
    text: str


def right(subject: str, text: str) -> Finding:
    """Return something that is as it should be."""
    return Finding(level="right", subject=subject, text=text)


def note(subject: str, text: str) -> Finding:
    """Return something to know."""
    return Finding(level="note", subject=subject, text=text)


def wrong(subject: str, text: str) -> Finding:
    """Return something that real clients stumble over."""
    return Finding(level="wrong", subject=subject, text=text)

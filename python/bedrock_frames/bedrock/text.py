"""Cutting text into deltas, and guessing how many tokens it is.

A piece is a word or a part of one with the space before it, as models write; it never ends
inside a grapheme, so that an accent or a family of emoji stays whole in one frame.
"""

from __future__ import annotations

import functools
import secrets
from typing import TYPE_CHECKING, Final, TypeAlias

import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Pieces: TypeAlias = "Callable[[str, int | None], list[str]]"
"""Cuts a text, as :func:`cut` does."""

_PIECES: Final = regex.compile(r"\s*(?:(?=\w)\X){1,6}|\s*(?:(?![\w\s])\X){1,4}|\s+")
_PLAIN_PIECES: Final = regex.compile(r"\s*\w{1,6}|\s*[^\w\s]{1,4}|\s+")
"""The same for texts whose every character is a grapheme, several times as fast."""
_JOINED: Final = regex.compile(r"[^\p{GCB=Other}\n\t]")
"""Where a grapheme may be longer than one character."""
_CHARACTERS_PER_TOKEN: Final = 4


@functools.cache
def _every(graphemes: int) -> regex.Pattern[str]:
    return regex.compile(rf"\X{{1,{graphemes}}}")


def cut(text: str, size: int | None = None) -> list[str]:
    """Cut text into deltas.

    ``size``: graphemes a piece; None cuts as a model does, a few characters a piece. The pieces
    joined are the text; an empty text has none.
    """
    plain = _JOINED.search(text) is None
    if size is not None and plain:
        return [text[at : at + size] for at in range(0, len(text), size)]
    pattern = _every(size) if size is not None else _PLAIN_PIECES if plain else _PIECES
    pieces: list[str] = pattern.findall(text)
    return pieces


MARK: Final = f"\ue000{secrets.token_hex(16)}\ue000"
"""What a run holds as a string. No text has it but by chance."""


class Run(str):
    """All pieces of a text in the place of one: whatever is built around it is built once for all.

    As a string it is :data:`MARK`.
    """

    __slots__ = ("pieces",)
    pieces: list[str]

    def __new__(cls, pieces: list[str]) -> Run:
        """Stand for several pieces."""
        run = super().__new__(cls, MARK)
        run.pieces = pieces
        return run


class Runs:
    """Cuts texts into runs; a text that was cut before is not cut again."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, int | None], list[str]] = {}

    def __call__(self, text: str, size: int | None) -> list[str]:
        """Return the pieces of a text, as one run if there are several."""
        pieces = self._pieces.get((text, size))
        if pieces is None:
            pieces = self._pieces[text, size] = cut(text, size)
        return [Run(pieces)] if len(pieces) > 1 else pieces


def count(pieces: Iterable[str]) -> int:
    """Return how many pieces there are, those of runs included."""
    return sum(len(piece.pieces) if isinstance(piece, Run) else 1 for piece in pieces)


def run_in(value: object) -> Run | None:
    """Return the run that is somewhere in JSON, if there is one."""
    if isinstance(value, Run):
        return value
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, map(run_in, held)), None)


def estimated_tokens(text: str) -> int:
    """Guess the tokens of a text: one for every four characters, at least one."""
    return max(1, -(-len(text) // _CHARACTERS_PER_TOKEN))

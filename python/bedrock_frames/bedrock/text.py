"""Cutting text into deltas, and guessing how many tokens it is.

A piece is a word or a part of one with the space before it, as models write; it never ends
inside a grapheme, so that an accent or a family of emoji stays whole in one frame.
"""

from __future__ import annotations

import functools
from typing import Final

import regex

_PIECES: Final = regex.compile(r"\s*(?:(?=\w)\X){1,6}|\s*(?:(?![\w\s])\X){1,4}|\s+")
_CHARACTERS_PER_TOKEN: Final = 4


@functools.cache
def _every(graphemes: int) -> regex.Pattern[str]:
    return regex.compile(rf"\X{{1,{graphemes}}}")


def cut(text: str, size: int | None = None) -> list[str]:
    """Cut text into deltas.

    ``size``: graphemes a piece; None cuts as a model does, a few characters a piece. The pieces
    joined are the text; an empty text has none.
    """
    pieces: list[str] = (_PIECES if size is None else _every(size)).findall(text)
    return pieces


def estimated_tokens(text: str) -> int:
    """Guess the tokens of a text: one for every four characters, at least one."""
    return max(1, -(-len(text) // _CHARACTERS_PER_TOKEN))

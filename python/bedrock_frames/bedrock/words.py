"""Words for faults: where something stands, and what was probably meant."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indices from the root of a JSON document."""

_LISTED: Final = 8
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def json_path(path: Path) -> str:
    """Write a path as ``$.fixtures[0].response``; odd keys are quoted."""
    return "$" + "".join(_step(part) for part in path)


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN.fullmatch(part) else f"[{quoted(part)}]"


def quoted(word: object, limit: int = 60) -> str:
    """Quote a value for a message, cut to ``limit`` characters."""
    text = word if isinstance(word, str) else repr(word)
    # A lone surrogate in a message would make the message itself unprintable.
    text = text.encode("utf-8", "backslashreplace").decode()
    return f'"{text if len(text) <= limit else text[: limit - 1] + "…"}"'


def listed(words: Iterable[str]) -> str:
    """List words."""
    return ", ".join(words)


def near(word: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word that was probably meant."""
    names = {name.lower(): name for name in allowed}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def allowed_instead(word: str, allowed: Iterable[str]) -> str:
    """Return the end of a message that says what was probably meant, and what is allowed."""
    names = list(allowed)
    meant = near(word, names)
    if meant is None:
        return f". Allowed: {listed(names)}"
    return f"; did you mean {quoted(meant)}? Allowed: {shortened(names)}"


def shortened(names: Sequence[str]) -> str:
    """List the first of many words: what was meant has been said before."""
    if len(names) <= _LISTED + 1:
        return listed(names)
    return f"{listed(names[:_LISTED])} and {len(names) - _LISTED} more"


def kind_of(value: object) -> str:
    """Name a JSON value's type as JSON does."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case dict():
            return "an object"
    return type(value).__name__

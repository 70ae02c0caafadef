"""Log lines that clients cause: one in a while for each key, and how many there were besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Seldom:
    """Says whether it is time for the line of a key. Callers bound the keys."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: dict[str, tuple[float, int]] = {}

    def take(self, key: str) -> int | None:
        """Return how many lines of a key were left out before this one; None to leave it out."""
        now = self._clock()
        last = self._last.get(key)
        if last is None or now - last[0] >= self._seconds:
            self._last[key] = (now, 0)
            return 0 if last is None else last[1]
        self._last[key] = (last[0], last[1] + 1)
        return None

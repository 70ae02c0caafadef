"""Which frames go out together: the content step of every frame of a stream.

Each content event is one step. What leads (the message's start, a block's start, an empty
first delta) goes with the frame after it; what trails (stops, metadata) with the content before.
"""

from __future__ import annotations

from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(Enum):
    """What part a frame has in its stream."""

    LEAD = "lead"
    CONTENT = "content"
    TRAIL = "trail"


def steps(kinds: Sequence[Kind]) -> list[int]:
    """Return the step of every frame: from 0, never falling."""
    found: list[int] = []
    contents = leading = 0
    for kind, group in groupby(kinds):
        length = len(list(group))
        if kind is Kind.LEAD:
            leading += length
            continue
        # What leads goes with the first of these.
        first = contents if kind is Kind.CONTENT else max(contents - 1, 0)
        found += [first] * leading
        leading = 0
        if kind is Kind.CONTENT:
            found += range(contents, contents + length)
            contents += length
        else:
            found += [first] * length
    return found + [max(contents - 1, 0)] * leading

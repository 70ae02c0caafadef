"""Which frames go out together: the content step of every frame of a stream.

A content event is a step of its own. What leads (the message's start, a block's start, an empty
first delta) goes with the frame after it; what trails (stops, metadata) with the content before.
"""

from __future__ import annotations

from enum import Enum
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
    found = []
    contents = 0
    for kind in kinds:
        contents += kind is Kind.CONTENT
        found.append(max(contents - 1, 0))
    for at in reversed(range(len(kinds) - 1)):
        if kinds[at] is Kind.LEAD:
            found[at] = found[at + 1]
    return found

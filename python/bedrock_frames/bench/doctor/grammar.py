"""Checks the order of ConverseStream's events, and says what clients lose by a wrong one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class _Blocks:
    """The content blocks of one message."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.closed: set[int] = set()

    def take(self, name: str, index: object) -> Iterator[str]:
        """Add an event of a block; yield what is wrong with its position."""
        if not isinstance(index, int):
            return
        if index in self.closed:
            yield f"{name} for block {index}, which is closed"
        elif name == "contentBlockStart":
            if index in self.open:
                yield f"contentBlockStart for block {index}, which is open"
            self.open.add(index)
        elif name == "contentBlockDelta":
            # Text and reasoning have no start event: the first delta opens the block.
            self.open.add(index)
        elif index in self.open:
            self.open.remove(index)
            self.closed.add(index)
        else:
            yield f"contentBlockStop for block {index}, which was never open"


def grammar_faults(events: Sequence[tuple[str, object]], *, whole: bool) -> Iterator[str]:
    """Yield what is wrong with the order of events.

    ``whole`` is whether the stream ended well: only then is something missing from its end.
    """
    names = [name for name, _ in events]
    if names and names[0] != "messageStart":
        yield f"the first event is {names[0]}, not messageStart"
    for name in ("messageStart", "messageStop", "metadata"):
        if names.count(name) > 1:
            yield f"{names.count(name)} {name} events"
    blocks = _Blocks()
    for position, (name, payload) in enumerate(events):
        if not name.startswith("contentBlock") or not isinstance(payload, dict):
            continue
        if "messageStop" in names[:position]:
            yield f"{name} after messageStop"
        yield from blocks.take(name, payload.get("contentBlockIndex"))
    if whole:
        yield from _ending(names, blocks.open)


def _ending(names: Sequence[str], still_open: set[int]) -> Iterator[str]:
    for index in sorted(still_open):
        yield f"block {index} has no contentBlockStop: clients lose all of its content"
    if "messageStop" not in names:
        yield "there is no messageStop: clients do not learn the stop reason"
    if "metadata" not in names:
        yield "there is no metadata: clients do not learn the token usage"
    elif names[-1] != "metadata":
        yield f"the last event is {names[-1]}, not metadata"

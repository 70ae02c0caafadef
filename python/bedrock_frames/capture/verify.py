"""Whether a capture is complete, and where it is damaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bedrock_frames.capture.exchanges import Capture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from bedrock_frames._core import CaptureDamage


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a capture holds."""

    records: int
    exchanges: int
    unfinished: int
    """Exchanges without their end."""
    orphans: int
    """Records of exchanges whose beginning is lost."""
    lost_records: int
    """Records that were dropped because the disk was too slow."""
    finished: bool
    """Whether the capture was ended properly."""
    damages: tuple[CaptureDamage, ...]

    @property
    def damaged(self) -> bool:
        """Whether written records are lost. A torn tail alone does not count."""
        return any(not damage.torn_tail for damage in self.damages)

    def lines(self) -> Iterator[str]:
        """Yield the report in lines of text."""
        unfinished = f" ({self.unfinished} unfinished)" if self.unfinished else ""
        ended = "ended cleanly" if self.finished else "broken off"
        yield f"{self.records:,} records, {self.exchanges:,} exchanges{unfinished}, {ended}"
        for damage in self.damages:
            end = damage.offset + damage.length
            lost = "" if damage.lost is None else f", {damage.lost} fragments missing"
            what = "torn tail" if damage.torn_tail else "damage"
            yield f"{what}: bytes {damage.offset:,} to {end:,}: {damage.reason}{lost}"
        if self.orphans:
            yield f"{self.orphans:,} records belong to exchanges whose beginning is lost"
        if self.lost_records:
            yield f"{self.lost_records:,} records were dropped because the disk was too slow"


def verify(path: str | PathLike[str]) -> Report:
    """Read all of a capture.

    Raises:
        CaptureError: the file is something else.
        OSError: it cannot be read.
    """
    capture = Capture(path)
    exchanges = unfinished = 0
    for exchange in capture:
        exchanges += 1
        unfinished += exchange.ended_ns is None
    return Report(
        records=capture.records,
        exchanges=exchanges,
        unfinished=unfinished,
        orphans=capture.orphans,
        lost_records=capture.lost_records,
        finished=capture.finished,
        damages=tuple(capture.damages),
    )

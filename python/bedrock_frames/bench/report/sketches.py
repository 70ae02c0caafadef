"""The latencies of one second, in few words: ``bucket:count bucket:count``, as they are written.

Buckets below 64 are that many microseconds; above, each doubling has 64, so a percentile is right
within 1.6 %. Such sketches add exactly, which percentiles do not.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

PER_DOUBLING: Final = 64


def add(sketches: Iterable[str]) -> str:
    """Return the sum of sketches.

    Raises:
        ValueError: one of them is none.
    """
    total: Counter[int] = Counter()
    for sketch in sketches:
        for bucket, count in _counts(sketch):
            total[bucket] += count
    return " ".join(f"{bucket}:{count}" for bucket, count in sorted(total.items()))


def quantile_ms(sketch: str, share: float) -> float | None:
    """Return the duration that this share does not exceed, in milliseconds; None of nothing.

    Raises:
        ValueError: it is no sketch.
    """
    counts = _counts(sketch)
    if not counts:
        return None
    seen = list(accumulate(count for _, count in counts))
    rank = max(1, math.ceil(seen[-1] * share))
    found = next(index for index, below in enumerate(seen) if below >= rank)
    return _middle_us(counts[found][0]) / 1000


def _counts(sketch: str) -> list[tuple[int, int]]:
    pairs = (pair.partition(":") for pair in sketch.split())
    return [(int(bucket), int(count)) for bucket, _, count in pairs]


def _middle_us(bucket: int) -> int:
    doublings = max(bucket // PER_DOUBLING - 1, 0)
    low: int = (bucket - doublings * PER_DOUBLING) << doublings
    return low + (1 << doublings) // 2

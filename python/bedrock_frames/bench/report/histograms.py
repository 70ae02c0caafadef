"""HDR histograms of microseconds, as the generator writes them: V2, compressed, in base64.

Counts are kept to three significant digits from 1 µs to 4 hours. Such histograms add exactly, on
any machine and in any order, which percentiles do not.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from hdrh.histogram import HdrHistogram

from bedrock_frames.bench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_US: Final = 4 * 3600 * 1_000_000
DIGITS: Final = 3


@dataclass(frozen=True)
class Distribution:
    """How often each duration came: buckets by their highest value, in milliseconds."""

    bounds_ms: tuple[float, ...]
    counts: tuple[int, ...]

    @cached_property
    def cumulated(self) -> tuple[int, ...]:
        """How many lie in a bucket or below it."""
        return tuple(accumulate(self.counts))

    @property
    def count(self) -> int:
        """How many there are."""
        return self.cumulated[-1] if self.counts else 0

    def quantile(self, share: float) -> float:
        """Return the duration that this share does not exceed, in milliseconds.

        Raises:
            ValueError: the distribution is empty.
        """
        if not self.counts:
            raise ValueError("an empty distribution has no quantiles")
        # As floats, 0.999 * 1000 is a hair more than 999.
        rank = max(1, -int(-(share * self.count - 1e-9 * self.count) // 1))
        return self.bounds_ms[bisect_left(self.cumulated, min(rank, self.count))]


def empty() -> str:
    """Return a histogram of nothing."""
    return _encode(HdrHistogram(1, LONGEST_US, DIGITS))


def of_microseconds(values: Iterable[int]) -> str:
    """Return a histogram of durations."""
    histogram = HdrHistogram(1, LONGEST_US, DIGITS)
    for value in values:
        histogram.record_value(min(value, LONGEST_US))
    return _encode(histogram)


def add(histograms: Iterable[str]) -> str:
    """Return the sum of several histograms. It is exact.

    Raises:
        InputError: one of them is none.
    """

    def added(total: HdrHistogram, encoded: str) -> HdrHistogram:
        total.add(decode(encoded))
        return total

    return _encode(reduce(added, histograms, HdrHistogram(1, LONGEST_US, DIGITS)))


def distribution(encoded: str) -> Distribution:
    """Return the counts of a histogram.

    Raises:
        InputError: it is none.
    """
    rows = [
        (row.value_iterated_to / 1000, row.count_at_value_iterated_to)
        for row in decode(encoded).get_recorded_iterator()
    ]
    return Distribution(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def decode(encoded: str) -> HdrHistogram:
    """Return the library's form of a histogram.

    Raises:
        InputError: it is none.
    """
    try:
        histogram = HdrHistogram.decode(encoded.encode())
    except Exception as error:  # The library's errors have no common ancestor.
        raise InputError(f"a histogram cannot be read: {error}") from error
    if histogram is None:
        raise InputError("a histogram cannot be read")
    return histogram


def _encode(histogram: HdrHistogram) -> str:
    encoded: bytes = histogram.encode()
    return encoded.decode("ascii")

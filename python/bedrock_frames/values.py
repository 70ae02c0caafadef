"""Header values for which Python has no type.

The wire knows four integer widths and a timestamp in milliseconds; each is an ``int`` here that
remembers its width, so that what was decoded is encoded again to the same bytes. They compare,
hash and compute as plain integers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from typing_extensions import Buffer

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class _FixedWidth(int):
    """An ``int`` bound to a signed width; construction checks the range."""

    __slots__ = ()
    bits: ClassVar[int]

    def __new__(cls, value: int) -> Self:
        limit = 1 << (cls.bits - 1)
        if not -limit <= value < limit:
            raise ValueError(f"{cls.__name__} holds {-limit}..{limit - 1}, got {value}")
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({int(self)})"


class Int8(_FixedWidth):
    """A signed 8-bit integer (wire type 2, ``byte``)."""

    __slots__ = ()
    bits = 8


class Int16(_FixedWidth):
    """A signed 16-bit integer (wire type 3, ``short``)."""

    __slots__ = ()
    bits = 16


class Int32(_FixedWidth):
    """A signed 32-bit integer (wire type 4, ``integer``)."""

    __slots__ = ()
    bits = 32


class Int64(_FixedWidth):
    """A signed 64-bit integer (wire type 5, ``long``)."""

    __slots__ = ()
    bits = 64


class Timestamp(_FixedWidth):
    """Milliseconds since 1970-01-01T00:00:00Z (wire type 8), negative before it.

    The wire's range is wider than ``datetime``'s; the integer is always exact.
    ``Timestamp(…) == aware_datetime`` compares instants; the hash is the integer's.
    """

    __slots__ = ()
    bits = 64

    @classmethod
    def from_datetime(cls, moment: datetime) -> Self:
        """Return the instant of an aware ``datetime``, microseconds rounded down.

        Raises:
            ValueError: ``moment`` is naive, so it names no instant.
        """
        if moment.utcoffset() is None:
            raise ValueError(
                "a naive datetime names no instant; attach a timezone, such as datetime.UTC"
            )
        # Integers: `int(moment.timestamp() * 1000)` is a millisecond off for 0.6 % of instants.
        return cls((moment - _EPOCH) // _MILLISECOND)

    def to_datetime(self) -> datetime:
        """Return the instant as an aware ``datetime`` in UTC.

        Raises:
            OverflowError: the instant lies outside the years 1 to 9999.
        """
        return _EPOCH + timedelta(milliseconds=int(self))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, datetime):
            # Compared as integers, since this side may lie outside a datetime's range.
            return (
                other.utcoffset() is not None
                and other.microsecond % 1000 == 0
                and (other - _EPOCH) // _MILLISECOND == int(self)
            )
        return int.__eq__(self, other)

    __hash__ = int.__hash__


HeaderValue: TypeAlias = "bool | Int8 | Int16 | Int32 | Int64 | bytes | str | Timestamp | UUID"
"""What a decoded header holds: one Python type for each wire type."""

HeaderInput: TypeAlias = "bool | int | Buffer | str | datetime | UUID"
"""What a header may be given as. A bare ``int`` is encoded as Int32, or Int64 where it does not
fit; an aware ``datetime`` as a Timestamp, rounded down to the millisecond."""

Headers: TypeAlias = "Mapping[str, HeaderInput] | Sequence[tuple[str, HeaderInput]]"
"""Headers to encode, in the order in which they will stand on the wire."""

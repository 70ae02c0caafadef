"""Parses quantities: ``90s``, ``0.1%``, ``1:10s,100:60s``."""

from __future__ import annotations

import math
import re
from typing import Final

MOST_PER_S: Final = 1e6
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(us|ms|s|m|h|)")
_GOALS: Final = ("ttft", "tpot", "e2e")


def duration(text: str) -> float:
    """Read ``500ms``, ``90s``, ``2m`` or ``1h``; return seconds. Only ``0`` needs no unit.

    Raises:
        ValueError: it is not a duration.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"a duration is a number with us, ms, s, m or h, not {text!r}")
    number, unit = found.groups()
    if not unit:
        if float(number) == 0:
            return 0.0
        raise ValueError(
            f"a duration is a number with its unit, such as {number}ms or {number}s, not {text!r}"
        )
    return float(number) * _SECONDS[unit]


def ratio(text: str) -> float:
    """Read ``10%`` or ``0.1``; return the share.

    Raises:
        ValueError: it is neither.
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"a share is a number, or a percentage such as 10%, not {text!r}")
    return value


def stages(text: str) -> tuple[tuple[float, float], ...]:
    """Read ``1:10s,100:60s``: requests a second, and for how long; return pairs with seconds.

    Raises:
        ValueError: a part is not such a pair.
    """
    read = []
    for part in text.split(","):
        rate, colon, time = part.partition(":")
        try:
            if not colon:
                raise ValueError
            read.append((float(rate), duration(time)))
        except ValueError as error:
            message = f"stages are RATE:TIME pairs such as 1:10s,100:60s, not {part.strip()!r}"
            raise ValueError(f"{message}: {error}" if str(error) else message) from None
    return tuple(read)


def rates(text: str) -> tuple[float, float]:
    """Read ``10:2000``, or ``10`` for no end; return the first and the last.

    Raises:
        ValueError: it is neither.
    """
    first, colon, last = text.partition(":")
    try:
        return float(first), float(last) if colon else MOST_PER_S
    except ValueError:
        raise ValueError(f"a sweep is FROM or FROM:TO in requests/s, not {text!r}") from None


def goals(text: str) -> dict[str, float]:
    """Read ``ttft:500ms tpot:50ms``; return ``{"ttft_ms": 500.0, "tpot_ms": 50.0}``.

    Raises:
        ValueError: a goal is unknown, given twice, or its bound is not a duration.
    """
    read: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        name, colon, bound = part.partition(":")
        if not colon or name not in _GOALS:
            raise ValueError(f"goals are ttft:…, tpot:… and e2e:…, not {part!r}")
        if f"{name}_ms" in read:
            raise ValueError(f"goal {name} is given twice")
        read[f"{name}_ms"] = duration(bound) * 1000
    if not read:
        raise ValueError("a goal is needed, such as ttft:500ms")
    return read


def share(text: str) -> tuple[int, int]:
    """Read ``0/4``, the first of four; return both numbers.

    Raises:
        ValueError: it is not such a pair.
    """
    found = re.fullmatch(r"([0-9]+)/([0-9]+)", text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise ValueError(f"a share is I/N, from 0/N to N-1/N, not {text!r}")
    return int(found[1]), int(found[2])

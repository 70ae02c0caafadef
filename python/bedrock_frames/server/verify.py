"""Verification: counts the requests of the journal that meet a ``match``.

The engine judges them by the code that matches fixtures. The message of a failure names the
requests that came closest, and the conditions that they do not meet.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from bedrock_frames.bedrock.words import allowed_instead, quoted
from bedrock_frames.fixtures.compile.expectation import read_expectation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bedrock_frames._core import Engine, JournalEntry

Times: TypeAlias = "int | str | Mapping[str, object] | None"
"""``2``, ``"never"``, or one of ``{"exact": 2}``, ``{"atLeast": 1}``, ``{"atMost": 3}``,
``{"between": [1, 3]}``, ``{"never": True}``; None is at least once."""

OUTCOMES: Final = ("pending", "delivered", "client_left", "stalled", "cut", "failed")
RENAMED: Final = {"interrupted": "client_left", "aborted": "cut"}
"""Outcomes that had another name before."""

MOST: Final = 1_000_000_000

_TIMES: Final = ("exact", "atLeast", "atMost", "between", "never")
_SHOWN: Final = 3
_REASONS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The expected number of requests."""

    least: int
    most: int | None
    text: str

    def holds(self, count: int) -> bool:
        """Return whether a number of requests is the expected one."""
        return self.least <= count and (self.most is None or count <= self.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of a verification."""

    verified: bool
    message: str
    matched: tuple[JournalEntry, ...]
    unknown: int
    evicted: int | None
    """Requests that the journal has dropped since it was emptied; None if it is off."""
    closest: tuple[tuple[JournalEntry, tuple[str, ...]], ...]
    """Requests that do not meet the match, those that miss the fewest conditions first."""


def read_times(times: Times) -> Count:
    """Read the expected number of requests.

    Raises:
        ValueError: it is not one; the text says what is allowed.
    """
    match times:
        case None:
            return Count(least=1, most=None, text="at least 1 request")
        case bool():
            pass
        case int():
            return _exactly(_whole(times))
        case "never":
            return _exactly(0)
        case {**given} if len(given) == 1:
            return _named(*next(iter(given.items())))
    raise ValueError(
        f'"times" is a number, "never", or an object with one of {", ".join(_TIMES)}, not {times!r}'
    )


def _named(key: object, value: object) -> Count:
    match key, value:
        case "exact", _:
            return _exactly(_whole(value))
        case "never", True:
            return _exactly(0)
        case "atLeast", _:
            least = _whole(value)
            return Count(least=least, most=None, text=f"at least {_requests(least)}")
        case "atMost", _:
            most = _whole(value)
            return Count(least=0, most=most, text=f"at most {_requests(most)}")
        case "between", [low, high] if _whole(low) <= _whole(high):
            low, high = _whole(low), _whole(high)
            return Count(least=low, most=high, text=f"{low} to {_requests(high)}")
        case "between", _:
            raise ValueError(f'"between" is two numbers, the lower first, not {value!r}')
        case "never", _:
            raise ValueError(f'"never" is true, not {value!r}')
    raise ValueError(f"unknown key {quoted(str(key))}{allowed_instead(str(key), _TIMES)}")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST:
        return value
    raise ValueError(f"a count is a whole number from 0 to {MOST}, not {value!r}")


def _exactly(count: int) -> Count:
    return Count(least=count, most=count, text=f"exactly {_requests(count)}" if count else "none")


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def verify(
    engine: Engine,
    match: Mapping[str, object],
    *,
    times: Times = None,
    outcome: str | None = None,
    status: int | None = None,
) -> Verification:
    """Count the requests of the journal that meet ``match``, and hold the count against ``times``.

    ``outcome`` is how their answers must have ended, ``status`` their status. Requests that the
    journal has dropped, or whose body it has cut, cannot be judged: where they may decide, the
    expectation is not verified. If the journal is off, nothing is.

    Raises:
        FixtureError: the match has faults.
        ValueError: times, outcome or status have a value that is not allowed.
    """
    wanted = read_times(times)
    if outcome in RENAMED:
        renamed = RENAMED[outcome]
        warnings.warn(
            f'the outcome "{outcome}" is called "{renamed}" now', DeprecationWarning, stacklevel=3
        )
        outcome = renamed
    if outcome is not None and outcome not in OUTCOMES:
        raise ValueError(f'"outcome" is one of {", ".join(OUTCOMES)}, not {outcome!r}')
    if status is not None and (isinstance(status, bool) or not isinstance(status, int)):
        raise ValueError(f'"status" is an integer, not {status!r}')
    matched: list[JournalEntry] = []
    unknown: list[tuple[JournalEntry, str]] = []
    failed: list[tuple[JournalEntry, tuple[str, ...]]] = []
    for entry, fits, reasons in engine.verify(read_expectation(match)):
        others = _others(entry, outcome, status)
        if fits is None and not others:
            unknown.append((entry, "; ".join(reasons)))
        elif fits and not others:
            matched.append(entry)
        else:
            failed.append((entry, (*(reasons if fits is False else ()), *others)))
    failed.sort(key=lambda one: (len(one[1]), -one[0].id))
    count, evicted = len(matched), engine.evicted_requests
    undecided = len(unknown) + (evicted or 0)
    verified = evicted is not None and wanted.holds(count) and wanted.holds(count + undecided)
    conditions = {"match": dict(match), "outcome": outcome, "status": status}
    stated = {key: value for key, value in conditions.items() if value is not None}
    total = count + len(unknown) + len(failed)
    head = (
        f"Expected {wanted.text} with {json.dumps(stated, default=repr)}; "
        f"{count} of {_requests(total)} in the journal did fit"
    )
    lines = [head]
    if evicted is None:
        lines.append("The journal is off (--journal 0, journal_entries=0): nothing can be verified")
    elif not verified:
        if evicted:
            lines.append(
                f"The journal has dropped {_requests(evicted)} for lack of room: raise --journal "
                "(journal_entries), or reset it before"
            )
        if unknown:
            entry, why = unknown[0]
            lines.append(f"{_requests(len(unknown))} cannot be judged: {_shown(entry)}: {why}")
        if wanted.most is not None and count > wanted.most:
            lines += [f"Fits: {_shown(entry)}" for entry in matched[-_SHOWN:]]
        else:
            lines += [f"Closest: {_shown(entry)}: {_told(why)}" for entry, why in failed[:_SHOWN]]
    return Verification(
        verified=verified,
        message="\n".join(lines),
        matched=tuple(matched),
        unknown=len(unknown),
        evicted=evicted,
        closest=tuple(failed[:_SHOWN]),
    )


def _others(entry: JournalEntry, outcome: str | None, status: int | None) -> list[str]:
    """Return the conditions on the answer that do not hold."""
    failed = []
    if outcome is not None and entry.outcome != outcome:
        failed.append(f'outcome must be "{outcome}", and is "{entry.outcome}"')
    if status is not None and entry.status != status:
        failed.append(f"status must be {status}, and is {entry.status}")
    return failed


def _shown(entry: JournalEntry) -> str:
    return f"request {entry.id} ({entry.method} {entry.path}, session {entry.session!r})"


def _told(reasons: tuple[str, ...]) -> str:
    more = len(reasons) - _REASONS
    return "; ".join(reasons[:_REASONS]) + (f"; and {more} more" if more > 0 else "")

"""The HTTP exchanges of a capture.

Records of exchanges that run at the same time are mixed in the file; an exchange is yielded when
its last record is read, so that only those that run at one time are kept in memory.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from bedrock_frames._core import CaptureDamage, CaptureReader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

Headers: TypeAlias = "tuple[tuple[str, str], ...]"

MAGIC: Final = b"\x89BFCAP\r\n"
_MAGIC_AT: Final = 16
"""Behind the header of the first fragment."""
_VERSION: Final = 1
_PLACE: Final = struct.Struct("<QQ")


class CaptureError(ValueError):
    """A file that is not a capture, or one of another version."""


class _Kind(IntEnum):
    START = 1
    REQUEST = 2
    REQUEST_BODY = 3
    RESPONSE = 4
    RESPONSE_BODY = 5
    END = 6
    FINISH = 7


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one read of a response's body brought."""

    time_ns: int
    """Nanoseconds after the start of the capture."""
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. Values that carry credentials are ``[redacted]``."""

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes
    time_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response, with its body as it came."""

    status: int
    version: str
    headers: Headers
    chunks: tuple[Chunk, ...]
    time_ns: int

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk.data for chunk in self.chunks)

    def header(self, name: str) -> str | None:
        """Return the first value of a header; ``name`` is in lower case."""
        return next((value for own, value in self.headers if own.lower() == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what became of it."""

    number: int
    request: Request
    response: Response | None
    outcome: str
    """``complete``, how it was cut short, or ``unfinished`` where the capture ends first."""
    error: str | None
    ended_ns: int | None


@dataclass(slots=True)
class _Open:
    """An exchange whose end was not read yet."""

    request: dict[str, object]
    time_ns: int
    request_body: list[bytes] = field(default_factory=list)
    response: dict[str, object] | None = None
    response_ns: int = 0
    chunks: list[Chunk] = field(default_factory=list)


class Capture:
    """A capture file. Iterating yields its exchanges; afterwards the other attributes are complete.

    Attributes:
        created_ns: Unix time in nanoseconds at which the times of all records are zero.
        creator: the program that wrote it.
        records: how many records were read.
        damages: bytes that could not be read, in the order of the file.
        orphans: records of exchanges whose beginning is lost; they are left out.
        finished: whether the capture was ended properly: its last record was read.
        lost_records: how many records were dropped because the disk was too slow.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        """Name a capture; iterating reads it."""
        self.path = Path(path)
        self.created_ns = 0
        self.creator = ""
        self.records = 0
        self.damages: list[CaptureDamage] = []
        self.orphans = 0
        self.finished = False
        self.lost_records = 0

    def __iter__(self) -> Iterator[Exchange]:
        """Yield exchanges in the order in which they ended, unfinished ones last.

        Raises:
            CaptureError: the file is something else, or a capture of another version.
            OSError: the file cannot be read.
        """
        self.records = self.orphans = self.lost_records = 0
        self.damages, self.finished = [], False
        opened: dict[int, _Open] = {}
        for item in CaptureReader(self.path):
            if isinstance(item, CaptureDamage):
                self.damages.append(item)
                continue
            kind, offset, payload = item
            self.records += 1
            if kind == _Kind.START:
                self._start(payload)
            elif kind == _Kind.FINISH:
                self.finished = True
                self.lost_records = _integer(self._object(payload, offset).get("lost_records"))
            elif _Kind.REQUEST <= kind <= _Kind.END and len(payload) >= _PLACE.size:
                number, time_ns = _PLACE.unpack_from(payload)
                rest = payload[_PLACE.size :]
                if kind == _Kind.REQUEST:
                    opened[number] = _Open(self._object(rest, offset), time_ns)
                elif number not in opened:
                    self.orphans += 1
                elif kind == _Kind.END:
                    end = self._object(rest, offset)
                    yield _closed(number, opened.pop(number), end, time_ns)
                else:
                    self._add(opened[number], _Kind(kind), time_ns, rest, offset)
        if not self.records:
            raise CaptureError(f"{self.path}: not a capture: no record of one is in it")
        for number, left in opened.items():
            yield _closed(number, left, {"outcome": "unfinished"}, None)

    def _start(self, payload: bytes) -> None:
        start = self._object(payload.removeprefix(MAGIC), 0)
        version = start.get("version")
        if version != _VERSION:
            raise CaptureError(f"{self.path}: version {version} of the format; {_VERSION} is known")
        self.created_ns = _integer(start.get("created_ns"))
        self.creator = str(start.get("creator", ""))

    def _add(self, exchange: _Open, kind: _Kind, time_ns: int, rest: bytes, offset: int) -> None:
        if kind == _Kind.REQUEST_BODY:
            exchange.request_body.append(rest)
        elif kind == _Kind.RESPONSE:
            exchange.response, exchange.response_ns = self._object(rest, offset), time_ns
        else:
            exchange.chunks.append(Chunk(time_ns, rest))

    def _object(self, payload: bytes, offset: int) -> dict[str, object]:
        try:
            found = json.loads(payload)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CaptureError(f"{self.path}: the record at byte {offset} must be a JSON object")
        return found


def is_capture(path: str | PathLike[str]) -> bool:
    """Say whether a file begins as captures do.

    Raises:
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return file.read(_MAGIC_AT + len(MAGIC))[_MAGIC_AT:] == MAGIC


def _closed(number: int, opened: _Open, end: dict[str, object], time_ns: int | None) -> Exchange:
    head, answer = opened.request, opened.response
    error = end.get("error")
    return Exchange(
        number=number,
        request=Request(
            method=str(head.get("method", "")),
            target=str(head.get("target", "")),
            version=str(head.get("version", "")),
            headers=_headers(head.get("headers")),
            body=b"".join(opened.request_body),
            time_ns=opened.time_ns,
        ),
        response=None
        if answer is None
        else Response(
            status=_integer(answer.get("status")),
            version=str(answer.get("version", "")),
            headers=_headers(answer.get("headers")),
            chunks=tuple(opened.chunks),
            time_ns=opened.response_ns,
        ),
        outcome=str(end.get("outcome", "")),
        error=None if error is None else str(error),
        ended_ns=time_ns,
    )


def _headers(found: object) -> Headers:
    return (
        tuple((str(name), str(value)) for name, value in found) if isinstance(found, list) else ()
    )


def _integer(found: object) -> int:
    return found if isinstance(found, int) else 0

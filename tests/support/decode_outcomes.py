"""Run the library under test and say what came of it, in terms that tests compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

import bedrock_frames as bf
from tests.support import wire_format as wire
from tests.vectors.format import Content, Fault, Preset

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bedrock_frames.values import HeaderInput, HeaderValue

LIMITS: Final[dict[Preset, bf.Limits]] = {
    "client": bf.Limits.CLIENT,
    "service": bf.Limits.SERVICE,
}

_NUMBERS: Final[dict[int, type[bf.Int8 | bf.Int16 | bf.Int32 | bf.Int64 | bf.Timestamp]]] = {
    wire.INT8: bf.Int8,
    wire.INT16: bf.Int16,
    wire.INT32: bf.Int32,
    wire.INT64: bf.Int64,
    wire.TIMESTAMP: bf.Timestamp,
}
_WIRE_TYPES: Final[dict[type, int]] = {
    **{number: wire_type for wire_type, number in _NUMBERS.items()},
    bytes: wire.BYTES,
    str: wire.STRING,
    UUID: wire.UUID_,
}


class Report(NamedTuple):
    """Everything that an error says."""

    error: str
    kind: str
    offset: int | None
    frame_index: int | None
    position: int | None
    stored: int | None
    computed: int | None
    found: int | None
    limit: int | None
    text: str


class Outcome(NamedTuple):
    """The messages of a stream and the error that it ended in."""

    messages: list[bf.Message]
    error: Report | None


def report(error: bf.EventStreamError) -> Report:
    """Return what an error says."""
    return Report(
        type(error).__name__,
        error.kind,
        error.offset,
        error.frame_index,
        error.position,
        error.stored,
        error.computed,
        error.found,
        error.limit,
        str(error),
    )


def feed(chunks: Iterable[bytes], limits: bf.Limits = bf.Limits.CLIENT) -> Outcome:
    """Feed chunks to a decoder and finish it."""
    decoder = bf.Decoder(limits=limits)
    messages: list[bf.Message] = []
    try:
        for chunk in chunks:
            messages += decoder.feed(chunk)
        decoder.finish()
    except bf.EventStreamError as error:
        return Outcome(messages, report(error))
    return Outcome(messages, None)


def agrees(said: Report, fault: Fault) -> bool:
    """Return whether an error is the one that a vector expects, where the vector says."""
    pairs = (
        (said.error, fault.error),
        (said.kind, fault.kind),
        (said.offset, fault.offset),
        (said.frame_index, fault.frame_index),
        (said.position, fault.position),
    )
    return all(expected is None or got == expected for got, expected in pairs)


def inputs(content: Content) -> dict[str, HeaderInput]:
    """Return headers as they are given to the library, with their widths."""
    return {name: _input(kind, value) for name, kind, value in content.headers}


def content(message: bf.Message) -> Content:
    """Return what a message holds, its header types read from the values' exact types."""
    return Content(
        tuple((name, *_typed(value)) for name, value in message.headers.items()), message.payload
    )


def _input(kind: int, value: wire.WireValue) -> HeaderInput:
    number = _NUMBERS.get(kind)
    if number is None:
        return value
    assert isinstance(value, int)
    return number(value)


def _typed(value: HeaderValue) -> tuple[int, wire.WireValue]:
    if isinstance(value, bool):
        return (wire.TRUE if value else wire.FALSE), value
    plain = int(value) if isinstance(value, int) else value
    return _WIRE_TYPES[type(value)], plain

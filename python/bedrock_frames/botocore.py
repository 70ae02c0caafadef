"""botocore at native speed: a drop-in ``EventStreamBuffer``, and ``install()``.

The only module that imports botocore. Results are botocore's own, its exceptions included: events
are parsed natively where that is sure to give the same, by botocore's own parser everywhere else.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from weakref import WeakKeyDictionary

import botocore.eventstream
from botocore.eventstream import (
    ChecksumMismatch,
    DuplicateHeader,
    InvalidHeadersLength,
    InvalidPayloadLength,
    ParserError,
)
from botocore.model import ListShape, MapShape, StructureShape
from botocore.parsers import LOG, EventStreamJSONParser, ResponseParser

from bedrock_frames._core import (
    BotocoreBuffer,
    BotocorePlan,
    EventStreamError,
    EventStreamMessage,
    MessagePrelude,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.model import Shape

__all__ = [
    "ChecksumMismatch",
    "DuplicateHeader",
    "EventStreamBuffer",
    "EventStreamMessage",
    "InvalidHeadersLength",
    "InvalidPayloadLength",
    "MalformedMessage",
    "MessagePrelude",
    "ParserError",
    "install",
    "uninstall",
]


class MalformedMessage(ParserError, EventStreamError):  # noqa: N818  (as botocore names its own)
    """A message that the format does not allow, though its checksums are right.

    Lengths that cannot be true, unknown header types, bad UTF-8, headers that leave their block,
    empty header names, values above 32,767 bytes. botocore raises ``KeyError``, ``struct.error`` or
    ``UnicodeDecodeError`` here, or accepts the message. ``__cause__`` is the codec's own error.
    """


class EventStreamBuffer(  # type: ignore[misc]  # its messages have another class
    BotocoreBuffer, botocore.eventstream.EventStreamBuffer
):
    """A drop-in for botocore's class of the same name.

    It gives the same messages and raises the same exceptions, but for this: a malformed message is
    a ``MalformedMessage``, raised as soon as its prelude shows it; exceptions have the codec's own
    error as their cause; messages have another class, and all but their ``headers`` is
    read-only; there are no private attributes; two threads at once are a ``RuntimeError``.
    """

    def __init__(self) -> None:
        """Start an empty buffer."""


def install() -> None:
    """Put the native path into botocore for the whole process, once however often it is called.

    Framing: ``EventStreamBuffer`` is replaced in ``botocore.eventstream`` and in every module that
    has imported it under that name. Events: ``EventStreamJSONParser`` tries the native parser
    first, for streams that exist already too.
    """
    with _lock:
        if not _undo:
            _undo.append(_patch_parser())
            _undo.append(_patch_buffers())


def uninstall() -> None:
    """Take back what ``install()`` did.

    Streams that are under way go on with what they have, and modules that have imported the buffer
    in the meantime keep it.
    """
    with _lock:
        while _undo:
            _undo.pop()()


_PARSE: Final = ResponseParser.parse

_lock: Final = threading.Lock()
_undo: Final[list[Callable[[], None]]] = []
_plans: Final[WeakKeyDictionary[Shape, BotocorePlan]] = WeakKeyDictionary()


def _patch_buffers() -> Callable[[], None]:
    name = EventStreamBuffer.__name__
    original = botocore.eventstream.EventStreamBuffer
    modules = [
        module
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType) and vars(module).get(name) is original
    ]

    def undo() -> None:
        for module in modules:
            if vars(module).get(name) is EventStreamBuffer:
                setattr(module, name, original)

    for module in modules:
        setattr(module, name, EventStreamBuffer)
    return undo


def _patch_parser() -> Callable[[], None]:
    original = ResponseParser.parse

    def parse(self: ResponseParser, response: Mapping[str, Any], shape: Shape) -> Any:
        """Parse a response, natively where the result is sure to be botocore's own."""
        # botocore logs headers and body, and subclasses may change what a handler does.
        if type(self) is EventStreamJSONParser and not LOG.isEnabledFor(logging.DEBUG):
            plan: BotocorePlan | None
            try:
                plan = _plans[shape]
            except (KeyError, TypeError):
                plan = _plan_of(shape)
            if plan is not None and (parsed := plan.parse(self, response)) is not None:
                return parsed
        return original(self, response, shape)

    def undo() -> None:
        if ResponseParser.parse is parse:
            ResponseParser.parse = original  # type: ignore[method-assign]

    # Wrappers of others, made before or since, stay in place. It is this class's method and not
    # EventStreamJSONParser's: aiobotocore's parsers have bases that come between the two.
    if original is _PARSE:
        ResponseParser.parse = parse  # type: ignore[method-assign]
    return undo


def _plan_of(shape: object) -> BotocorePlan | None:
    """Return the plan for a stream's shape, kept as long as the shape is; None for other shapes."""
    if not isinstance(shape, StructureShape) or not shape.serialization.get("eventstream"):
        return None
    nodes = _Nodes()
    events = [(name, nodes.of_event(member)) for name, member in shape.members.items()]
    default_blob_parser = getattr(ResponseParser, "_default_blob_parser", None)
    plan = BotocorePlan(events, nodes.described, default_blob_parser)
    return _plans.setdefault(shape, plan)


_Node: TypeAlias = tuple[str, int, list[tuple[str, str, int]]]
"""As ``BotocorePlan`` takes it: kind, node of the elements, members."""


class _Nodes:
    """Describes shapes as a plan's nodes, each once: shapes can be recursive."""

    def __init__(self) -> None:
        self.described: list[_Node] = []
        self._known: dict[tuple[object, ...], int] = {}

    def of_event(self, shape: Shape) -> int | None:
        """Return the node of a stream's member; None where botocore ignores the payload."""
        members = shape.members.values() if isinstance(shape, StructureShape) else ()
        if any(m.serialization.keys() & {"eventheader", "eventpayload"} for m in members):
            return self._add("other")
        return self.of(shape) if shape.serialization.get("event") else None

    def of(self, shape: Shape) -> int:
        """Return the node of a shape, and describe it if it is new."""
        traits = shape.metadata
        key = (shape.name, shape.type_name, traits.get("document"), traits.get("union"))
        if key not in self._known:
            # Taken before its members are looked at, for those that lead back to it.
            self._known[key] = place = self._add("other")
            self.described[place] = self._describe(shape)
        return self._known[key]

    def _add(self, kind: str) -> int:
        self.described.append((kind, 0, []))
        return len(self.described) - 1

    def _describe(self, shape: Shape) -> _Node:
        kind = shape.type_name
        if isinstance(shape, StructureShape):
            return ("plain", 0, []) if shape.is_document_type else self._structure(shape)
        if isinstance(shape, ListShape):
            return "list", self.of(shape.member), []
        if isinstance(shape, MapShape):
            keys_as_they_are = shape.key.type_name == "string"
            return ("map", self.of(shape.value), []) if keys_as_they_are else ("other", 0, [])
        if kind in ("blob", "timestamp"):
            return kind, 0, []
        # A scalar is what JSON gives, unless a parser of another version has a say in it.
        return "other" if hasattr(EventStreamJSONParser, f"_handle_{kind}") else "plain", 0, []

    def _structure(self, shape: StructureShape) -> _Node:
        members = [
            (member.serialization.get("name", name), name, self.of(member))
            for name, member in shape.members.items()
        ]
        names = {json_name for json_name, _, _ in members}
        # Two members of one name; or a union's "__type", which botocore does not count as a member.
        if len(names) < len(members) or (shape.is_tagged_union and "__type" in names):
            return "other", 0, []
        return "union" if shape.is_tagged_union else "structure", 0, members

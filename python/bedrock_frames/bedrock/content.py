"""A neutral answer: what was said, before any operation or model family gives it a form.

Everything here is trusted: it has been checked when its fixture was loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Plain text. ``document`` is the JSON value that it was written from, if it was."""

    text: str
    document: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedText:
    """Text with the citations that stand before it, in Converse's own shape."""

    text: str
    citations: tuple[JsonObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """What a model thinks aloud, with the signature that lets it be sent back."""

    text: str
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redacted:
    """Reasoning that the provider has encrypted, as base64."""

    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A call of a tool. ``source`` is its input as text, as the model wrote it.

    ``cut``: the source is not a JSON object, and ``input`` is what of it parses.
    """

    id: str
    name: str
    input: JsonObject
    source: str | None = None
    type: str | None = None
    cut: bool = False

    @property
    def input_text(self) -> str:
        """The input as text."""
        return self.source if self.source is not None else compact(self.input)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool gave that the provider ran itself; contents in Converse's own shape."""

    tool_use_id: str
    content: tuple[JsonObject, ...]
    status: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture, in Converse's own shape."""

    format: str
    source: JsonObject


Block: TypeAlias = Text | CitedText | Reasoning | Redacted | ToolUse | ToolResult | Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts. ``input`` leaves out what the cache gave or took, as Bedrock's does.

    ``extra`` holds what the service sends beyond its model, under its own names.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    cache_details: tuple[JsonObject, ...] | None = None
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Every token that was read or written."""
        return self.input + self.output + (self.cache_read or 0) + (self.cache_write or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """All that one answer says. ``chunk_size``: graphemes a delta; None is as a model cuts."""

    blocks: tuple[Block, ...]
    stop_reason: str
    usage: Usage
    latency_ms: int = 1
    first_byte_ms: int = 1
    stop_sequence: str | None = None
    additional_fields: object = None
    trace: JsonObject | None = None
    performance: JsonObject | None = None
    service_tier: JsonObject | None = None
    role: str = "assistant"
    message_id: str | None = None
    model: str | None = None
    chunk_size: int | None = None

    @property
    def wants_fields(self) -> bool:
        """Whether the response fields that a request asks for are to be filled."""
        return self.stop_sequence is not None and self.additional_fields is None


TOOL_STOP: Final = "tool_use"
PLAIN_STOP: Final = "end_turn"


def compact(value: object) -> str:
    """Write JSON as the service does: no spaces, no escapes, keys in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

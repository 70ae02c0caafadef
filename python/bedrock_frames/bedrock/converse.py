"""Converse: an answer as the events of its stream, and as one body.

The grammar is the recorded one: a block start for tool calls, tool results and images alone, a
stop for every block, a citation before its text, metadata last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.content import (
    CitedText,
    Image,
    JsonObject,
    Reasoning,
    Redacted,
    Text,
    ToolResult,
    ToolUse,
)
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import count, cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bedrock_frames.bedrock.content import Block, Reply, Usage
    from bedrock_frames.bedrock.text import Pieces

EVENT_SHAPES: Final = {
    "messageStart": "MessageStartEvent",
    "contentBlockStart": "ContentBlockStartEvent",
    "contentBlockDelta": "ContentBlockDeltaEvent",
    "contentBlockStop": "ContentBlockStopEvent",
    "messageStop": "MessageStopEvent",
    "metadata": "ConverseStreamMetadataEvent",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a ConverseStream answer."""

    name: str
    payload: JsonObject
    kind: Kind


def events(reply: Reply, *, whole_tool_input: bool = False, pieces: Pieces = cut) -> list[Event]:
    """Return the events of an answer.

    ``whole_tool_input``: a tool's input in one delta, as Nova sends it; else an empty delta and
    then pieces, as Claude does. ``pieces`` cuts a text into deltas.
    """
    found = [Event("messageStart", {"role": reply.role}, Kind.LEAD)]
    for index, block in enumerate(reply.blocks):
        if start := _start(block):
            payload = {"contentBlockIndex": index, "start": start}
            found.append(Event("contentBlockStart", payload, Kind.LEAD))
        for delta, kind in _deltas(block, reply.chunk_size, whole_tool_input, pieces):
            payload = {"contentBlockIndex": index, "delta": delta}
            found.append(Event("contentBlockDelta", payload, kind))
        found.append(Event("contentBlockStop", {"contentBlockIndex": index}, Kind.TRAIL))
    found.append(Event("messageStop", _message_stop(reply), Kind.TRAIL))
    found.append(Event("metadata", _metadata(reply), Kind.TRAIL))
    return found


def _start(block: Block) -> JsonObject | None:
    held: dict[str, str | None]
    match block:
        case ToolUse():
            held = {"name": block.name, "toolUseId": block.id, "type": block.type}
            return {"toolUse": _present(held)}
        case ToolResult():
            held = {"status": block.status, "toolUseId": block.tool_use_id, "type": block.type}
            return {"toolResult": _present(held)}
        case Image():
            return {"image": {"format": block.format}}
    return None


def _deltas(
    block: Block, size: int | None, whole: bool, pieces: Pieces
) -> Iterator[tuple[JsonObject, Kind]]:
    match block:
        case Text():
            for piece in pieces(block.text, size) or [""]:
                yield {"text": piece}, Kind.CONTENT
        case CitedText():
            for citation in block.citations:
                yield {"citation": _flat(citation)}, Kind.LEAD
            for piece in pieces(block.text, size) or [""]:
                yield {"text": piece}, Kind.CONTENT
        case Reasoning():
            for piece in pieces(block.text, size):
                yield {"reasoningContent": {"text": piece}}, Kind.CONTENT
            if block.signature is not None:
                yield {"reasoningContent": {"signature": block.signature}}, Kind.CONTENT
        case Redacted():
            yield {"reasoningContent": {"redactedContent": block.data}}, Kind.CONTENT
        case ToolUse():
            text = block.input_text
            inputs = [text] if whole and size is None else pieces(text, size)
            if count(inputs) > 1:
                yield {"toolUse": {"input": ""}}, Kind.LEAD
            for piece in inputs:
                yield {"toolUse": {"input": piece}}, Kind.CONTENT
        case ToolResult():
            held = [item for item in block.content if {"text", "json"} & item.keys()]
            yield {"toolResult": held}, Kind.CONTENT
        case Image():
            yield {"image": {"source": block.source}}, Kind.CONTENT


def _flat(citation: JsonObject) -> JsonObject:
    return {key: citation[key] for key in sorted(citation)}


def _message_stop(reply: Reply) -> JsonObject:
    fields = {"additionalModelResponseFields": reply.additional_fields}
    return _present({**fields, "stopReason": reply.stop_reason})


def _metadata(reply: Reply) -> JsonObject:
    return _present(
        {
            "metrics": {"latencyMs": reply.latency_ms},
            "performanceConfig": reply.performance,
            "serviceTier": reply.service_tier,
            "trace": reply.trace,
            "usage": usage(reply.usage),
        }
    )


def usage(counts: Usage) -> JsonObject:
    """Return token counts in the service's shape, keys sorted."""
    held = _present(
        {
            "cacheDetails": list(counts.cache_details) if counts.cache_details else None,
            "cacheReadInputTokens": counts.cache_read,
            "cacheWriteInputTokens": counts.cache_write,
            "inputTokens": counts.input,
            "outputTokens": counts.output,
            "totalTokens": counts.total,
        }
    )
    return dict(sorted({**counts.extra, **held}.items()))


def body(reply: Reply) -> JsonObject:
    """Return the body of a Converse answer.

    Keys are sorted but for the two that the service puts after ``usage``.
    """
    content_blocks = [content(block) for block in reply.blocks]
    return _present(
        {
            "metrics": {"latencyMs": reply.latency_ms},
            "output": {"message": {"content": content_blocks, "role": reply.role}},
            "performanceConfig": reply.performance,
            "stopReason": reply.stop_reason,
            "trace": reply.trace,
            "usage": usage(reply.usage),
            "additionalModelResponseFields": reply.additional_fields,
            "serviceTier": reply.service_tier,
        }
    )


def content(block: Block) -> JsonObject:
    """Return a block in the shape of a Converse message."""
    held: JsonObject
    match block:
        case Text():
            return {"text": block.text}
        case CitedText():
            held = {"citations": list(block.citations), "content": [{"text": block.text}]}
            return {"citationsContent": held}
        case Reasoning():
            held = {"signature": block.signature, "text": block.text}
            return {"reasoningContent": {"reasoningText": _present(held)}}
        case Redacted():
            return {"reasoningContent": {"redactedContent": block.data}}
        case ToolUse():
            held = {"input": block.input, "name": block.name}
            held |= {"toolUseId": block.id, "type": block.type}
            return {"toolUse": _present(held)}
        case ToolResult():
            held = {"content": list(block.content), "status": block.status}
            held |= {"toolUseId": block.tool_use_id, "type": block.type}
            return {"toolResult": _present(held)}
        case Image():
            return {"image": {"format": block.format, "source": block.source}}


def _present(held: Mapping[str, object]) -> JsonObject:
    return {key: value for key, value in held.items() if value is not None}

"""Amazon Nova: Converse-like, wrapped, and a separate block for every text delta."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock import converse
from bedrock_frames.bedrock.content import (
    CitedText,
    Image,
    JsonObject,
    Reasoning,
    Text,
    ToolUse,
)
from bedrock_frames.bedrock.families.base import Chunk, Context, refused
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import Block, Reply, Usage

_MODEL: Final = re.compile(r"amazon\.nova")


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def render_body(reply: Reply, context: Context) -> JsonObject:  # noqa: ARG001 - one signature
    """Return ``{"output", "stopReason", "usage"}``."""
    content = [_content(block) for block in reply.blocks]
    return {
        "output": {"message": {"content": content, "role": reply.role}},
        "stopReason": reply.stop_reason,
        "usage": _usage(reply.usage, {"totalTokens": reply.usage.total}),
    }


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:  # noqa: ARG001 - one signature
    """Return the wrapped events."""
    return list(_events(reply))


def _events(reply: Reply) -> Iterator[Chunk]:
    yield Chunk({"messageStart": {"role": reply.role}}, Kind.LEAD)
    index = 0
    for block in reply.blocks:
        for delta in _deltas(block, reply.chunk_size):
            if isinstance(block, ToolUse):
                start: JsonObject = {"toolUse": {"toolUseId": block.id, "name": block.name}}
                opened: JsonObject = {
                    "contentBlockStart": {"start": start, "contentBlockIndex": index}
                }
                yield Chunk(opened, Kind.LEAD)
            held: JsonObject = {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}
            yield Chunk(held, Kind.CONTENT)
            yield Chunk({"contentBlockStop": {"contentBlockIndex": index}}, Kind.TRAIL)
            index += 1
    yield Chunk({"messageStop": {"stopReason": reply.stop_reason}}, Kind.TRAIL)
    metadata = {"usage": _usage(reply.usage, {}), "metrics": {}, "trace": {}}
    yield Chunk({"metadata": metadata}, Kind.TRAIL)


def _deltas(block: Block, size: int | None) -> Iterator[JsonObject]:
    match block:
        case Text() | CitedText():
            for piece in cut(block.text, size) or [""]:
                yield {"text": piece}
        case Reasoning():
            for piece in cut(block.text, size):
                yield {"reasoningContent": {"reasoningText": {"text": piece}}}
        case ToolUse():
            yield {"toolUse": {"input": block.input_text}}
        case _:
            raise refused(block, "Nova")


def _usage(usage: Usage, total: JsonObject) -> JsonObject:
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        **total,
        "cacheReadInputTokenCount": usage.cache_read or 0,
        "cacheWriteInputTokenCount": usage.cache_write or 0,
    }


def _content(block: Block) -> JsonObject:
    match block:
        case Text() | CitedText():
            return {"text": block.text}
        case ToolUse():
            held = {"name": block.name, "toolUseId": block.id, "input": block.input}
            return {"toolUse": held}
        case Image() | Reasoning():
            return converse.content(block)
    raise refused(block, "Nova")

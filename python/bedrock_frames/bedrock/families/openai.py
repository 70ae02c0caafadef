"""The OpenAI-style families: gpt-oss, Qwen, Writer, Moonshot, MiniMax, Jamba, DeepSeek.

Reasoning goes into ``reasoning_content``; gpt-oss writes it into the text, between tags.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.content import CitedText, JsonObject, Reasoning, Text, ToolUse
from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, refused
from bedrock_frames.bedrock.identity import uuid
from bedrock_frames.bedrock.steps import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import Reply

_MODEL: Final = re.compile(
    r"(?:^|[./])(openai|qwen|writer|moonshotai?|minimax|ai21|deepseek|google|nvidia|zai|xai)\."
)
_TAGGED: Final = re.compile(r"openai\.gpt-oss")
_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
# The start of 2025. A clock would make two runs of the same seed differ.
CREATED: Final = 1_735_689_600


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def reason(reply: Reply) -> str:
    """Return OpenAI's name of a stop reason."""
    return native_reason(reply, _REASONS, "OpenAI-style models")


def _envelope(reply: Reply, context: Context, kind: str) -> JsonObject:
    return {
        "id": reply.message_id or f"chatcmpl-{uuid(*context.seed)}",
        "object": kind,
        "created": CREATED,
        "model": reply.model or context.model_id,
    }


def usage(reply: Reply) -> JsonObject:
    """Return token counts as OpenAI has them: the prompt's with what the cache gave."""
    counts = reply.usage
    prompt = counts.total - counts.output
    held: JsonObject = {
        "prompt_tokens": prompt,
        "completion_tokens": counts.output,
        "total_tokens": counts.total,
    }
    if counts.cache_read is not None:
        held["prompt_tokens_details"] = {"cached_tokens": counts.cache_read}
    return held


def render_body(reply: Reply, context: Context) -> JsonObject:
    """Return a ``chat.completion``."""
    message: JsonObject = {"role": reply.role, "content": None}
    calls: list[JsonObject] = []
    for field, text in _said(reply, context):
        if isinstance(text, ToolUse):
            calls.append(_call(text))
        else:
            message[field] = f"{message.get(field) or ''}{text}"
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": reason(reply)}
    envelope = _envelope(reply, context, "chat.completion")
    return {**envelope, "choices": [choice], "usage": usage(reply)}


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return ``chat.completion.chunk`` objects: role, deltas, finish reason with usage."""
    return list(_pieces(reply, context))


def _pieces(reply: Reply, context: Context) -> Iterator[Chunk]:
    envelope = _envelope(reply, context, "chat.completion.chunk")

    def chunk(delta: JsonObject, kind: Kind, finish: str | None = None) -> Chunk:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return Chunk({**envelope, "choices": [choice]}, kind)

    yield chunk({"role": reply.role, "content": ""}, Kind.LEAD)
    calls = 0
    for field, text in _said(reply, context):
        if isinstance(text, ToolUse):
            first = {
                "index": calls,
                **_call(text),
                "function": {"name": text.name, "arguments": ""},
            }
            yield chunk({"tool_calls": [first]}, Kind.LEAD)
            for piece in context.pieces(text.input_text, reply.chunk_size):
                more = {"index": calls, "function": {"arguments": piece}}
                yield chunk({"tool_calls": [more]}, Kind.CONTENT)
            calls += 1
        else:
            for piece in context.pieces(text, reply.chunk_size):
                yield chunk({field: piece}, Kind.CONTENT)
    last = chunk({}, Kind.TRAIL, reason(reply))
    yield Chunk({**last.value, "usage": usage(reply)}, Kind.TRAIL)


def _said(reply: Reply, context: Context) -> Iterator[tuple[str, str | ToolUse]]:
    for block in reply.blocks:
        match block:
            case Text() | CitedText():
                yield "content", block.text
            case ToolUse():
                yield "tool_calls", block
            case Reasoning() if _TAGGED.search(context.model_id):
                yield "content", f"<reasoning>{block.text}</reasoning>"
            case Reasoning():
                yield "reasoning_content", block.text
            case _:
                raise refused(block, "OpenAI-style models")


def _call(block: ToolUse) -> JsonObject:
    function = {"name": block.name, "arguments": block.input_text}
    return {"id": block.id, "type": "function", "function": function}

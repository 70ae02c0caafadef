"""Cohere: Command, and Command R with tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.content import CitedText, JsonObject, Text, ToolUse
from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, plain_text, refused
from bedrock_frames.bedrock.identity import uuid
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import Reply

_MODEL: Final = re.compile(r"cohere\.")
_CHAT: Final = re.compile(r"command-r|command-a")
PROMPTED: Final = "cohere-text"
"""The engine's name for a body with a prompt."""

_REASONS: Final = {
    "end_turn": "COMPLETE",
    "stop_sequence": "COMPLETE",
    "tool_use": "COMPLETE",
    "guardrail_intervened": "COMPLETE",
    "max_tokens": "MAX_TOKENS",
    "content_filtered": "ERROR_TOXIC",
    "model_context_window_exceeded": "ERROR_LIMIT",
}


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def _is_chat(context: Context) -> bool:
    return context.body_format != PROMPTED and bool(_CHAT.search(context.model_id))


def _reason(reply: Reply) -> str:
    return native_reason(reply, _REASONS, "Cohere")


def render_body(reply: Reply, context: Context) -> JsonObject:
    """Return ``{"generations": […]}``, or the chat form of Command R."""
    if _is_chat(context):
        return _chat(reply, context)
    generation = {
        "finish_reason": _reason(reply),
        "id": uuid(*context.seed, "generation"),
        "text": plain_text(reply, "Cohere Command"),
    }
    return {"generations": [generation], "id": uuid(*context.seed), "prompt": context.prompt}


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return pieces of text and a last chunk that finishes."""
    return list(_chat_pieces(reply, context) if _is_chat(context) else _pieces(reply))


def _pieces(reply: Reply) -> Iterator[Chunk]:
    for piece in cut(plain_text(reply, "Cohere Command"), reply.chunk_size):
        yield Chunk({"text": piece, "is_finished": False, "index": 0}, Kind.CONTENT)
    yield Chunk({"is_finished": True, "finish_reason": _reason(reply), "index": 0}, Kind.TRAIL)


def _parts(reply: Reply) -> tuple[str, list[JsonObject]]:
    text = ""
    calls: list[JsonObject] = []
    for block in reply.blocks:
        match block:
            case Text() | CitedText():
                text += block.text
            case ToolUse():
                calls.append({"name": block.name, "parameters": block.input})
            case _:
                raise refused(block, "Cohere Command R")
    return text, calls


def _chat(reply: Reply, context: Context) -> JsonObject:
    text, calls = _parts(reply)
    held: JsonObject = {
        "response_id": uuid(*context.seed),
        "text": text,
        "generation_id": uuid(*context.seed, "generation"),
        "chat_history": [{"role": "CHATBOT", "message": text}],
        "finish_reason": _reason(reply),
    }
    return {**held, "tool_calls": calls} if calls else held


def _chat_pieces(reply: Reply, context: Context) -> Iterator[Chunk]:
    text, calls = _parts(reply)
    generation = uuid(*context.seed, "generation")
    start: JsonObject = {
        "event_type": "stream-start",
        "generation_id": generation,
        "is_finished": False,
    }
    yield Chunk(start, Kind.LEAD)
    for piece in cut(text, reply.chunk_size):
        said: JsonObject = {"event_type": "text-generation", "text": piece, "is_finished": False}
        yield Chunk(said, Kind.CONTENT)
    if calls:
        called: JsonObject = {
            "event_type": "tool-calls-generation",
            "tool_calls": calls,
            "is_finished": False,
        }
        yield Chunk(called, Kind.CONTENT)
    end: JsonObject = {
        "event_type": "stream-end",
        "finish_reason": _reason(reply),
        "response": _chat(reply, context),
        "is_finished": True,
    }
    yield Chunk(end, Kind.TRAIL)

"""Mistral: text completions of a prompt; chat is :mod:`.openai`'s form with a field renamed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.families import openai
from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, plain_text
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import JsonObject, Reply

_MODEL: Final = re.compile(r"mistral\.")
_COMPLETES: Final = re.compile(r"mistral-7b|mixtral|mistral-(large|small)-2402")
_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "guardrail_intervened": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def _is_completion(context: Context) -> bool:
    if context.body_format in {"mistral", "openai"}:
        return context.body_format == "mistral"
    # Without a request to go by: older models take a prompt, the newer ones chat.
    return bool(_COMPLETES.search(context.model_id))


def _reason(reply: Reply) -> str:
    return native_reason(reply, _REASONS, "Mistral text completions")


def render_body(reply: Reply, context: Context) -> JsonObject:
    """Return ``{"outputs": […]}`` for a prompt, ``{"choices": […]}`` for messages."""
    if not _is_completion(context):
        return openai.render_body(reply, context)
    text = plain_text(reply, "Mistral text completions")
    return {"outputs": [{"text": text, "stop_reason": _reason(reply)}]}


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return pieces of ``outputs``, or of ``choices``."""
    if not _is_completion(context):
        return openai.render_chunks(reply, context)
    return list(_pieces(reply))


def _pieces(reply: Reply) -> Iterator[Chunk]:
    pieces = cut(plain_text(reply, "Mistral text completions"), reply.chunk_size) or [""]
    for number, piece in enumerate(pieces, 1):
        reason = _reason(reply) if number == len(pieces) else None
        yield Chunk({"outputs": [{"text": piece, "stop_reason": reason}]}, Kind.CONTENT)

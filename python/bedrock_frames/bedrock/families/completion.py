"""Text completions: DeepSeek-R1, and the OpenAI-style families where the request is a prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.content import CitedText, JsonObject, Reasoning, Text
from bedrock_frames.bedrock.families import openai
from bedrock_frames.bedrock.families.base import Chunk, Context, refused
from bedrock_frames.bedrock.identity import uuid
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import Reply

FORM: Final = "completion"
"""The engine's name for a body with a prompt."""


def matches(model_id: str) -> bool:  # noqa: ARG001 - one signature
    """Say no: the form of the request alone shows the family."""
    return False


def render_body(reply: Reply, context: Context) -> JsonObject:
    """Return ``{"choices": [{"text", "stop_reason"}]}``."""
    text = "".join(_texts(reply, context))
    choice = _choice(text, openai.reason(reply), context)
    return {**_envelope(reply, context), "choices": [choice], **_usage(reply, context)}


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return pieces of ``choices``; the last one has the reason."""
    return list(_pieces(reply, context))


def _pieces(reply: Reply, context: Context) -> Iterator[Chunk]:
    envelope = _envelope(reply, context)
    pieces = cut("".join(_texts(reply, context)), reply.chunk_size) or [""]
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces)
        choice = _choice(piece, openai.reason(reply) if last else None, context)
        held: JsonObject = {**envelope, "choices": [choice]}
        yield Chunk({**held, **_usage(reply, context)} if last else held, Kind.CONTENT)


def _is_deepseek(context: Context) -> bool:
    return "deepseek." in context.model_id


def _choice(text: str, reason: str | None, context: Context) -> JsonObject:
    if _is_deepseek(context):
        return {"text": text, "stop_reason": reason}
    choice: JsonObject = {"index": 0, "text": text, "logprobs": None}
    return {**choice, "finish_reason": reason, "stop_reason": reason}


def _envelope(reply: Reply, context: Context) -> JsonObject:
    if _is_deepseek(context):
        return {}
    return {
        "id": reply.message_id or f"cmpl-{uuid(*context.seed)}",
        "object": "text_completion",
        "created": openai.CREATED,
        "model": reply.model or context.model_id,
    }


def _usage(reply: Reply, context: Context) -> JsonObject:
    return {} if _is_deepseek(context) else {"usage": openai.usage(reply)}


def _texts(reply: Reply, context: Context) -> Iterator[str]:
    for block in reply.blocks:
        match block:
            case Text() | CitedText():
                yield block.text
            # DeepSeek's prompt opens the tag itself.
            case Reasoning() if _is_deepseek(context):
                yield f"{block.text}\n</think>\n\n"
            case Reasoning():
                yield f"<think>\n{block.text}\n</think>\n\n"
            case _:
                raise refused(block, "text completions")

"""AI21 J2, which completes prompts; Jamba is :mod:`.openai`'s form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, plain_text
from bedrock_frames.bedrock.steps import Kind

if TYPE_CHECKING:
    from bedrock_frames.bedrock.content import JsonObject, Reply

FORM: Final = "ai21-text"
"""The engine's name for a body with a prompt."""

_ID: Final = 1234
_REASONS: Final = {
    "end_turn": "endoftext",
    "stop_sequence": "endoftext",
    "tool_use": "endoftext",
    "guardrail_intervened": "endoftext",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


def matches(model_id: str) -> bool:  # noqa: ARG001 - one signature
    """Say no: the form of the request alone shows the family."""
    return False


def _reason(reply: Reply) -> str:
    return native_reason(reply, _REASONS, "AI21 J2")


def render_body(reply: Reply, context: Context) -> JsonObject:
    """Return ``{"completions": [{"data": {"text"}}]}``."""
    text = plain_text(reply, "AI21 J2")
    reason = {"reason": _reason(reply)}
    return {
        "id": reply.message_id or _ID,
        "prompt": {"text": context.prompt, "tokens": []},
        "completions": [{"data": {"text": text, "tokens": []}, "finishReason": reason}],
    }


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return the whole answer in one chunk: the service does not stream the model."""
    return [Chunk(render_body(reply, context), Kind.CONTENT)]

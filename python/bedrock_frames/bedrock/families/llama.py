"""Meta Llama."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, plain_text
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import JsonObject, Reply

_MODEL: Final = re.compile(r"meta\.llama")
_REASONS: Final = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "guardrail_intervened": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def _reason(reply: Reply) -> str:
    return native_reason(reply, _REASONS, "Llama")


def render_body(reply: Reply, context: Context) -> JsonObject:  # noqa: ARG001 - one signature
    """Return ``{"generation", …}``."""
    return {
        "generation": plain_text(reply, "Llama"),
        "prompt_token_count": reply.usage.input,
        "generation_token_count": reply.usage.output,
        "stop_reason": _reason(reply),
    }


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:  # noqa: ARG001 - one signature
    """Return pieces of ``generation``: the prompt's count on the first alone."""
    return list(_pieces(reply))


def _pieces(reply: Reply) -> Iterator[Chunk]:
    pieces = cut(plain_text(reply, "Llama"), reply.chunk_size) or [""]
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces)
        held: JsonObject = {
            "generation": piece,
            "prompt_token_count": reply.usage.input if number == 1 else None,
            # A count that grows with the pieces and ends at the fixture's own.
            "generation_token_count": max(1, reply.usage.output * number // len(pieces)),
            "stop_reason": _reason(reply) if last else None,
        }
        if last:
            held["generation_token_count"] = reply.usage.output
        yield Chunk(held, Kind.CONTENT)

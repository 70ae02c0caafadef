"""Amazon Titan Text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, plain_text
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import JsonObject, Reply

_MODEL: Final = re.compile(r"amazon\.titan")
_REASONS: Final = {
    "end_turn": "FINISH",
    "tool_use": "FINISH",
    "model_context_window_exceeded": "LENGTH",
    "max_tokens": "LENGTH",
    "stop_sequence": "STOP_CRITERIA_MET",
    "content_filtered": "CONTENT_FILTERED",
    "guardrail_intervened": "CONTENT_FILTERED",
}


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def _reason(reply: Reply) -> str:
    return native_reason(reply, _REASONS, "Titan")


def render_body(reply: Reply, context: Context) -> JsonObject:  # noqa: ARG001 - one signature
    """Return ``{"inputTextTokenCount", "results"}``."""
    result = {
        "tokenCount": reply.usage.output,
        "outputText": plain_text(reply, "Titan"),
        "completionReason": _reason(reply),
    }
    return {"inputTextTokenCount": reply.usage.input, "results": [result]}


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:  # noqa: ARG001 - one signature
    """Return pieces of ``outputText``: the input's count on the first, the output's on the last."""
    return list(_pieces(reply))


def _pieces(reply: Reply) -> Iterator[Chunk]:
    pieces = cut(plain_text(reply, "Titan"), reply.chunk_size) or [""]
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        held: JsonObject = {
            "outputText": piece,
            "index": 0,
            "totalOutputTextTokenCount": reply.usage.output if last else None,
            "completionReason": _reason(reply) if last else None,
            "inputTextTokenCount": None if number else reply.usage.input,
        }
        yield Chunk(held, Kind.CONTENT)

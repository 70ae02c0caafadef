"""Anthropic: Messages, and the text completions of Claude 2 and before."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.content import (
    CitedText,
    JsonObject,
    Reasoning,
    Redacted,
    Text,
    ToolResult,
    ToolUse,
)
from bedrock_frames.bedrock.families.base import Chunk, Context, native_reason, plain_text, refused
from bedrock_frames.bedrock.families.citations import native_citation
from bedrock_frames.bedrock.identity import message_id
from bedrock_frames.bedrock.steps import Kind
from bedrock_frames.bedrock.text import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bedrock.content import Block, Reply, Usage
    from bedrock_frames.bedrock.text import Pieces

_MODEL: Final = re.compile(r"(?:^|[./])(anthropic\.|claude)")
_COMPLETION_FORMAT: Final = "anthropic-text"
_OLD_NAMES: Final = {
    "claude-v2": "claude-2.0",
    "claude-v2:1": "claude-2.1",
    "claude-instant-v1": "claude-instant-1.2",
}
_STOPS: Final = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "model_context_window_exceeded": "model_context_window_exceeded",
    "content_filtered": "refusal",
    # The guardrail's own member says the rest.
    "guardrail_intervened": "end_turn",
}
_COMPLETION_STOPS: Final = {
    "end_turn": "stop_sequence",
    "stop_sequence": "stop_sequence",
    "tool_use": "stop_sequence",
    "guardrail_intervened": "stop_sequence",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
}
_RESULT: Final = "tool_result"


def matches(model_id: str) -> bool:
    """Say whether a model is of the family."""
    return _MODEL.search(model_id) is not None


def _is_completion(context: Context) -> bool:
    return context.body_format == _COMPLETION_FORMAT


def render_body(reply: Reply, context: Context) -> JsonObject:
    """Return a ``message``, or a ``completion``."""
    if _is_completion(context):
        return _completion(plain_text(reply, "Claude text completions"), reply)
    return {
        **_message(reply, context),
        "content": [_content(block) for block in reply.blocks],
        "stop_reason": _stop_reason(reply),
        "stop_sequence": reply.stop_sequence,
        "usage": _usage(reply.usage, reply.usage.output),
    }


def render_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return the events of a message, or the pieces of a completion."""
    if _is_completion(context):
        return list(_completions(reply))
    return list(_events(reply, context))


def _events(reply: Reply, context: Context) -> Iterator[Chunk]:
    start = {
        **_message(reply, context),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(reply.usage, min(1, reply.usage.output)),
    }
    yield Chunk({"type": "message_start", "message": start}, Kind.LEAD)
    for index, block in enumerate(reply.blocks):
        opened = {"type": "content_block_start", "index": index, "content_block": _opening(block)}
        # A block that comes whole in its start is content itself.
        whole = isinstance(block, Redacted | ToolResult)
        yield Chunk(opened, Kind.CONTENT if whole else Kind.LEAD)
        for delta, kind in _deltas(block, reply.chunk_size, context.pieces):
            yield Chunk({"type": "content_block_delta", "index": index, "delta": delta}, kind)
        yield Chunk({"type": "content_block_stop", "index": index}, Kind.TRAIL)
    stop = {"stop_reason": _stop_reason(reply), "stop_sequence": reply.stop_sequence}
    usage = {"output_tokens": reply.usage.output}
    yield Chunk({"type": "message_delta", "delta": stop, "usage": usage}, Kind.TRAIL)
    yield Chunk({"type": "message_stop"}, Kind.TRAIL)


def _message(reply: Reply, context: Context) -> JsonObject:
    return {
        "id": reply.message_id or message_id(*context.seed),
        "type": "message",
        "role": reply.role,
        "model": reply.model or _model_name(context.model_id),
    }


def _model_name(model_id: str) -> str:
    """Return the name that Anthropic has for a model, without provider and version."""
    name = model_id.rpartition("/")[2].rpartition("anthropic.")[2]
    if name in _OLD_NAMES:
        return _OLD_NAMES[name]
    return re.sub(r"-v\d+(:\d+)?(:\d+k)?$", "", name)


def _stop_reason(reply: Reply) -> str:
    return native_reason(reply, _STOPS, "Claude")


def _usage(usage: Usage, output: int) -> JsonObject:
    held: JsonObject = {"input_tokens": usage.input}
    if usage.cache_write is not None or usage.cache_read is not None:
        held["cache_creation_input_tokens"] = usage.cache_write or 0
        held["cache_read_input_tokens"] = usage.cache_read or 0
    held["output_tokens"] = output
    return held


def _opening(block: Block) -> JsonObject:
    match block:
        case Text():
            return {"type": "text", "text": ""}
        case CitedText():
            return {"type": "text", "text": "", "citations": []}
        case Reasoning():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ToolUse():
            return {**_content(block), "input": {}}
    return _content(block)


def _deltas(block: Block, size: int | None, pieces: Pieces) -> Iterator[tuple[JsonObject, Kind]]:
    match block:
        case Text() | CitedText():
            if isinstance(block, CitedText):
                for citation in block.citations:
                    held = native_citation(citation)
                    yield {"type": "citations_delta", "citation": held}, Kind.LEAD
            for piece in pieces(block.text, size):
                yield {"type": "text_delta", "text": piece}, Kind.CONTENT
        case Reasoning():
            for piece in pieces(block.text, size):
                yield {"type": "thinking_delta", "thinking": piece}, Kind.CONTENT
            if block.signature is not None:
                yield {"type": "signature_delta", "signature": block.signature}, Kind.CONTENT
        case ToolUse():
            yield {"type": "input_json_delta", "partial_json": ""}, Kind.LEAD
            for piece in pieces(block.input_text, size):
                yield {"type": "input_json_delta", "partial_json": piece}, Kind.CONTENT


def _content(block: Block) -> JsonObject:
    match block:
        case Text():
            return {"type": "text", "text": block.text}
        case CitedText():
            found = [native_citation(citation) for citation in block.citations]
            return {"type": "text", "text": block.text, "citations": found}
        case Reasoning():
            signature = block.signature or ""
            return {"type": "thinking", "thinking": block.text, "signature": signature}
        case Redacted():
            return {"type": "redacted_thinking", "data": block.data}
        case ToolUse():
            return {
                "type": block.type or "tool_use",
                "id": block.id,
                "name": block.name,
                "input": block.input,
            }
        case ToolResult():
            kind = _result_type(block.type)
            content = _results(kind, [_result(item) for item in block.content])
            return {"type": kind, "tool_use_id": block.tool_use_id, "content": content}
    raise refused(block, "Claude")


def _result_type(stated: str | None) -> str:
    """Return Anthropic's name of a result: ``web_search`` gives ``web_search_tool_result``."""
    if stated is None or stated.endswith(_RESULT):
        return stated or _RESULT
    return f"{stated.removesuffix('_result')}_{_RESULT}"


def _results(kind: str, content: list[object]) -> object:
    """Return the content of a result: a list, or one object where Anthropic has one."""
    only = content[0] if len(content) == 1 and isinstance(content[0], dict) else {}
    one = str(only.get("type", "")).endswith("_error") or (
        kind not in {_RESULT, "web_search_tool_result"} and only.get("type") != "text"
    )
    return only if one and only else content


def _result(item: JsonObject) -> object:
    return {"type": "text", "text": item["text"]} if "text" in item else item.get("json", item)


def _completion(text: str, reply: Reply) -> JsonObject:
    if native_reason(reply, _COMPLETION_STOPS, "Claude text completions") == "max_tokens":
        return {"completion": text, "stop_reason": "max_tokens", "stop": None}
    stop = reply.stop_sequence or "\n\nHuman:"
    return {"completion": text, "stop_reason": "stop_sequence", "stop": stop}


def _completions(reply: Reply) -> Iterator[Chunk]:
    for piece in cut(plain_text(reply, "Claude text completions"), reply.chunk_size):
        yield Chunk({"completion": piece, "stop_reason": None, "stop": None}, Kind.CONTENT)
    yield Chunk(_completion("", reply), Kind.TRAIL)

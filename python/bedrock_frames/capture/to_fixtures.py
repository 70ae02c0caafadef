"""A capture as fixtures that answer as the recorded endpoint did.

A fixture matches the operation, the model, the last text of the user and, behind tool calls, the
ids of their results. Requests that are alike in all of that are answered in their recorded order,
and the last of them from then on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from bedrock_frames._core import Decoder, EventStreamError
from bedrock_frames.capture.dump import EVENT_STREAM
from bedrock_frames.fixtures import from_recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from bedrock_frames.capture.exchanges import Exchange, Response

CONVERSE: Final = "converse"
INVOKE: Final = "invoke"
STREAMS: Final = frozenset({"converse-stream", "invoke-with-response-stream"})
OPERATIONS: Final = frozenset({CONVERSE, INVOKE, *STREAMS})


@dataclass(slots=True)
class Made:
    """A fixture file, and what of the capture is not in it."""

    fixtures: list[dict[str, object]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """Return the fixture file."""
        return {"fixtures": self.fixtures}


def make(exchanges: Iterable[Exchange]) -> Made:
    """Make fixtures of the exchanges with Bedrock Runtime, in their order."""
    made = Made()
    for exchange in sorted(exchanges, key=lambda exchange: exchange.request.time_ns):
        try:
            fixture = _fixture(exchange)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            made.left_out.append(f"exchange {exchange.number}: {error}")
            continue
        made.fixtures.append(fixture)
    _count_repeats(made.fixtures)
    return made


def _fixture(exchange: Exchange) -> dict[str, object]:
    operation, model = _route(exchange.request.target)
    response = exchange.response
    if exchange.outcome != "complete" or response is None:
        raise ValueError(f"its answer is not whole ({exchange.outcome})")
    request = json.loads(exchange.request.body)
    match = {"operation": operation, "model": model, **_asked(request)}
    if response.status >= 400:
        return {"match": match, "response": _error(response)}
    if response.header("content-type") == EVENT_STREAM:
        fixture = from_recording(response.body)
        timing = _timing(exchange, response)
        answer = {**_dict(fixture["response"]), **timing}
    elif operation == INVOKE:
        answer = {"body": json.loads(response.body)}
    else:
        answer = {"events": list(_events(json.loads(response.body)))}
    return {"match": match, "response": answer}


def _route(target: str) -> tuple[str, str]:
    parts = target.partition("?")[0].split("/")
    if len(parts) != 4 or parts[1] != "model" or parts[3] not in OPERATIONS:
        raise ValueError(f"{target} is not an answer of a model")
    return parts[3], unquote(parts[2])


def _asked(request: Mapping[str, Any]) -> dict[str, object]:
    """Return the conditions by which a conversation is recognised again."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        text = request.get("inputText") or request.get("prompt")
        return {"inputText": {"equals": text}} if isinstance(text, str) else {}
    found: dict[str, object] = {}
    texts = [text for message in messages if (text := _text_of(message))]
    if texts:
        found["userMessage"] = {"equals": texts[-1]}
    results = _result_ids(messages[-1])
    found |= {"toolCallId": results[0]} if results else {"hasToolResult": False}
    return found


def _blocks(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"text": content}]
    return content if isinstance(content, list) else []


def _text_of(message: Mapping[str, Any]) -> str:
    if message.get("role") != "user":
        return ""
    texts = [block["text"] for block in _blocks(message) if isinstance(block.get("text"), str)]
    return "\n".join(texts)


def _result_ids(message: Mapping[str, Any]) -> list[str]:
    ids = [
        block.get("tool_use_id") or block.get("toolResult", {}).get("toolUseId")
        for block in _blocks(message)
    ]
    return [each for each in ids if isinstance(each, str)]


def _error(response: Response) -> dict[str, object]:
    body = json.loads(response.body or b"{}")
    name = (response.header("x-amzn-errortype") or "").partition(":")[0]
    message = body.get("message") or body.get("Message") or ""
    error = {"message": message} | ({"name": name} if name else {})
    found: dict[str, object] = {"error": error, "status": response.status}
    retry_after = response.header("retry-after")
    if retry_after is not None and retry_after.isdigit():
        found["retryAfter"] = int(retry_after)
    return found


def _timing(exchange: Exchange, response: Response) -> dict[str, object]:
    """Return when frames came, where the capture tells: an imported body came all at once."""
    decoder = Decoder()
    times: list[float] = []
    try:
        for chunk in response.chunks:
            at_ms = (chunk.time_ns - exchange.request.time_ns) / 1e6
            times += [at_ms] * len(decoder.feed(chunk.data))
    except EventStreamError:
        return {}
    if len(response.chunks) < 2 or not times:
        return {}
    gaps = [round(max(0.0, later - at), 3) for at, later in pairwise(times)]
    return {"recordedTimings": {"ttftMs": round(times[0], 3), "interChunkDelaysMs": gaps}}


def _events(body: Mapping[str, Any]) -> Iterator[Mapping[str, object]]:
    """Yield the events that make this answer of Converse.

    Raises:
        ValueError: it has a block that no stream has.
    """
    message = body["output"]["message"]
    yield {"messageStart": {"role": message.get("role", "assistant")}}
    for index, block in enumerate(message["content"]):
        yield from ({name: {"contentBlockIndex": index, **held}} for name, held in _block(block))
    fields = ("stopReason", "additionalModelResponseFields")
    yield {"messageStop": {name: body[name] for name in fields if name in body}}
    kept = ("metrics", "usage", "trace", "performanceConfig", "serviceTier")
    yield {"metadata": {name: body[name] for name in kept if name in body}}


def _block(block: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
    delta = "contentBlockDelta"
    if "text" in block:
        yield delta, {"delta": {"text": block["text"]}}
    elif "toolUse" in block:
        use = block["toolUse"]
        start = {key: value for key, value in use.items() if key != "input"}
        yield "contentBlockStart", {"start": {"toolUse": start}}
        text = json.dumps(use["input"], ensure_ascii=False, separators=(",", ":"))
        yield delta, {"delta": {"toolUse": {"input": text}}}
    elif "reasoningContent" in block:
        reasoning = block["reasoningContent"]
        if "redactedContent" in reasoning:
            redacted = {"redactedContent": reasoning["redactedContent"]}
            yield delta, {"delta": {"reasoningContent": redacted}}
        else:
            for key in ("text", "signature"):
                if key in reasoning["reasoningText"]:
                    part = {key: reasoning["reasoningText"][key]}
                    yield delta, {"delta": {"reasoningContent": part}}
    else:
        raise ValueError(f"a content block of {', '.join(block)} cannot be streamed")
    yield "contentBlockStop", {}


def _count_repeats(fixtures: Sequence[dict[str, Any]]) -> None:
    """Give fixtures with the same match their place in the sequence; the last one stays open."""
    alike: dict[str, list[dict[str, Any]]] = {}
    for fixture in fixtures:
        alike.setdefault(json.dumps(fixture["match"], sort_keys=True), []).append(fixture)
    for group in alike.values():
        for index, fixture in enumerate(group[:-1]):
            fixture["match"]["sequenceIndex"] = index


def _dict(found: object) -> dict[str, object]:
    return found if isinstance(found, dict) else {}

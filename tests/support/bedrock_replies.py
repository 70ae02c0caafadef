"""What a server replied, read by botocore's parsers and by this project's decoder alike.

``said`` brings the four operations to one form, so that a test can ask all of them the same.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import botocore.session
from botocore.eventstream import EventStream
from botocore.model import OperationModel
from botocore.parsers import EventStreamJSONParser, create_parser

import bedrock_frames as bf
from bedrock_frames.server import Server
from tests.support.http_client import JSON, MODEL, Reply, ask

OPERATIONS: Final = ("converse", "converse-stream", "invoke", "invoke-with-response-stream")
STREAMS: Final = ("converse-stream", "invoke-with-response-stream")

_MODEL: Final = botocore.session.Session().get_service_model("bedrock-runtime")
_STREAM_SHAPES: Final = {
    "converse-stream": ("ConverseStream", "stream"),
    "invoke-with-response-stream": ("InvokeModelWithResponseStream", "body"),
}

Block = tuple[Any, ...]
"""``("text", text)``, ``("reasoning", text, signature)`` or ``("tool", name, input)``."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer of any operation."""

    blocks: list[Block]
    stop: str
    usage: tuple[int, int]
    """Input and output tokens."""


def body_for(operation: str, text: str, **members: Any) -> dict[str, Any]:
    """Return a request of one user message; ``members`` are others of the operation's own."""
    if operation.startswith("converse"):
        return {"messages": [{"role": "user", "content": [{"text": text}]}], **members}
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 512,
        "messages": [{"role": "user", "content": text}],
        **members,
    }


def post(
    bedrock: Server,
    operation: str,
    body: bytes | Mapping[str, Any],
    *,
    model: str = MODEL,
    headers: Mapping[str, str] = JSON,
) -> Reply:
    """Send a body as the AWS SDKs do, with the model's id encoded."""
    path = f"/model/{quote(model, safe='')}/{operation}"
    return ask(bedrock.url, "POST", path, body, headers)


def say(bedrock: Server, operation: str, text: str = "hello", *, model: str = MODEL) -> Said:
    """Ask one operation, and return what it says."""
    return said(operation, post(bedrock, operation, body_for(operation, text), model=model))


def events(reply: Reply, operation: str = "converse-stream") -> list[tuple[str, dict[str, Any]]]:
    """Return a stream's events, name and payload, on which both decoders agree."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/vnd.amazon.eventstream"
    assert reply.complete
    ours = [_ours(message) for message in bf.decode_all(reply.body)]
    name, member = _STREAM_SHAPES[operation]
    output = _output(_MODEL.operation_model(name))
    stream: Iterator[dict[str, Any]] = iter(
        EventStream(_Raw(reply.body), output.members[member], EventStreamJSONParser(), name)
    )
    theirs = [next(iter(_plain(event).items())) for event in stream]
    assert theirs == ours
    return theirs


def chunks(reply: Reply) -> list[dict[str, Any]]:
    """Return the native JSON of an invoke stream."""
    found = events(reply, "invoke-with-response-stream")
    assert {name for name, _ in found} == {"chunk"}
    return [json.loads(base64.b64decode(payload["bytes"])) for _, payload in found]


def message(reply: Reply) -> dict[str, Any]:
    """Return a Converse answer as botocore reads it."""
    assert reply.status == 200, reply
    response = {"body": reply.body, "headers": reply.headers, "status_code": reply.status}
    shape = _output(_MODEL.operation_model("Converse"))
    parsed: dict[str, Any] = _plain(create_parser("rest-json").parse(response, shape))
    del parsed["ResponseMetadata"]
    assert parsed == reply.json
    return parsed


def error(reply: Reply) -> tuple[int, str, str]:
    """Return status, error type and message of what must be a typed error."""
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-amzn-requestid"]
    name = (reply.error_type or "").partition(":")[0]
    return reply.status, name, reply.json["message"]


def said(operation: str, reply: Reply) -> Said:
    """Return what any operation said."""
    match operation:
        case "converse":
            return _converse(message(reply))
        case "converse-stream":
            return _converse_stream(events(reply))
        case "invoke":
            assert reply.status == 200, reply
            return _invoke(reply.json)
    return _invoke_stream(chunks(reply))


def _converse(parsed: dict[str, Any]) -> Said:
    usage = parsed["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]
    assert isinstance(parsed["metrics"]["latencyMs"], int)
    assert parsed["output"]["message"]["role"] == "assistant"
    blocks: list[Block] = []
    for block in parsed["output"]["message"]["content"]:
        ((kind, held),) = block.items()
        if kind == "toolUse":
            blocks.append(("tool", held["name"], held["input"]))
        elif kind == "reasoningContent":
            thought = held["reasoningText"]
            blocks.append(("reasoning", thought["text"], thought.get("signature")))
        else:
            blocks.append((kind, held))
    return Said(
        blocks=blocks,
        stop=parsed["stopReason"],
        usage=(usage["inputTokens"], usage["outputTokens"]),
    )


def _converse_stream(found: list[tuple[str, dict[str, Any]]]) -> Said:
    first, *inner, stop, last = found
    assert first == ("messageStart", {"role": "assistant"})
    assert (stop[0], list(stop[1])) == ("messageStop", ["stopReason"])
    assert last[0] == "metadata"
    content: list[dict[str, Any]] = []
    for index, block in enumerate(_blocks(inner, "contentBlockStop", "contentBlockIndex")):
        assert block[-1] == ("contentBlockStop", {"contentBlockIndex": index})
        joined: dict[str, Any] = {}
        for name, payload in block[:-1]:
            held = payload["start" if name == "contentBlockStart" else "delta"]
            _join(joined, held)
        if "toolUse" in joined:
            assert block[0][0] == "contentBlockStart"
            joined["toolUse"]["input"] = json.loads(joined["toolUse"]["input"])
        else:
            assert block[0][0] == "contentBlockDelta"
        if "reasoningContent" in joined:
            joined = {"reasoningContent": {"reasoningText": joined["reasoningContent"]}}
        content.append(joined)
    return _converse(
        {"output": {"message": {"role": "assistant", "content": content}}, **stop[1], **last[1]}
    )


def _join(joined: dict[str, Any], piece: dict[str, Any]) -> None:
    """Join nested text piece by piece."""
    for key, value in piece.items():
        if isinstance(value, dict):
            _join(joined.setdefault(key, {}), value)
        else:
            joined[key] = joined.get(key, "") + value


def _invoke(body: dict[str, Any]) -> Said:
    assert (body["type"], body["role"]) == ("message", "assistant")
    assert body["id"]
    blocks: list[Block] = []
    for block in body["content"]:
        match block["type"]:
            case "text":
                blocks.append(("text", block["text"]))
            case "thinking":
                blocks.append(("reasoning", block["thinking"], block.get("signature") or None))
            case "tool_use":
                assert block["id"]
                blocks.append(("tool", block["name"], block["input"]))
    usage = body["usage"]
    return Said(
        blocks=blocks,
        stop=body["stop_reason"],
        usage=(usage["input_tokens"], usage["output_tokens"]),
    )


def _invoke_stream(found: list[dict[str, Any]]) -> Said:
    first, *inner, delta, last = found
    kinds = [first["type"], delta["type"], last["type"]]
    assert kinds == ["message_start", "message_delta", "message_stop"]
    content = []
    pairs = [(chunk["type"], chunk) for chunk in inner]
    for block in _blocks(pairs, "content_block_stop", "index"):
        assert [name for name, _ in block[:1]] == ["content_block_start"]
        joined = dict(block[0][1]["content_block"])
        pieces = [chunk["delta"] for _, chunk in block[1:-1]]
        for piece in pieces:
            _join(joined, {key: value for key, value in piece.items() if key != "type"})
        if joined["type"] == "tool_use":
            assert joined["input"] == {}
            joined["input"] = json.loads(joined.pop("partial_json"))
        content.append(joined)
    usage = {**first["message"]["usage"], **delta["usage"]}
    metrics = last["amazon-bedrock-invocationMetrics"]
    counted = (metrics["inputTokenCount"], metrics["outputTokenCount"])
    assert counted == (usage["input_tokens"], usage["output_tokens"])
    return _invoke({**first["message"], **delta["delta"], "content": content, "usage": usage})


def _blocks(
    found: list[tuple[str, dict[str, Any]]], stop: str, key: str
) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Yield the events of each block: none interleaves, and all are numbered from 0."""
    block: list[tuple[str, dict[str, Any]]] = []
    number = 0
    for name, payload in found:
        assert payload[key] == number
        block.append((name, payload))
        if name == stop:
            yield block
            block, number = [], number + 1
    assert not block


def _ours(found: bf.Message) -> tuple[str, dict[str, Any]]:
    assert [name for name, _ in found.headers.items()] == [
        ":event-type",
        ":content-type",
        ":message-type",
    ]
    assert found.message_type == "event"
    assert found.event_type is not None
    payload: dict[str, Any] = json.loads(found.payload)
    payload.pop("p", None)
    return found.event_type, payload


def _plain(value: Any) -> Any:
    """Write blobs as they stand in JSON; unions with an unknown member must not be there."""
    if isinstance(value, dict):
        assert "SDK_UNKNOWN_MEMBER" not in value
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _output(operation: OperationModel) -> Any:
    assert operation.output_shape is not None
    return operation.output_shape


class _Raw:
    """A body as botocore wants to read it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self) -> Iterator[bytes]:
        yield self._data

    def close(self) -> None:
        pass

"""Answers as botocore's own parser reads them, and fixtures compiled without a server."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.awsrequest import HeadersDict
from botocore.eventstream import EventStreamBuffer
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser, create_parser

import bedrock_frames as bf
from bedrock_frames._core import Plan
from bedrock_frames.fixtures import FixtureError, FixtureSet, parse

CLAUDE: Final = "us.anthropic.claude-sonnet-4-20250514-v1:0"
NOVA: Final = "us.amazon.nova-micro-v1:0"

_SERVICE: Final = ServiceModel(
    Loader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False
    ).load_service_model("bedrock-runtime", "service-2")
)
_STREAMS: Final = {
    "converse-stream": ("ConverseStream", "stream"),
    "invoke-with-response-stream": ("InvokeModelWithResponseStream", "body"),
}


def answer(
    response: Mapping[str, object],
    operation: str = "converse-stream",
    *,
    model: str = CLAUDE,
    body_format: str = "unknown",
    values: Mapping[str, object] | None = None,
    padding: bool = False,
    seed: int = 0,
    options: Mapping[str, object] | None = None,
) -> Plan:
    """Compile one fixture that answers everything; ``options`` stand beside its response."""
    fixtures = parse([{"match": {}, "response": response, **(options or {})}])
    compiler = fixtures.compiler(seed=seed, padding=padding)
    return compiler(0, 0, operation, model, body_format, values)


def faults(*fixtures: Mapping[str, object]) -> list[tuple[str, str, str]]:
    """Return the faults of fixtures as (path, severity, message); the warnings of good ones."""
    try:
        found = parse(fixtures).warnings
    except FixtureError as error:
        found = error.faults
    return [(fault.path, fault.severity, fault.message) for fault in found]


def load_one(fixture: Mapping[str, object]) -> FixtureSet:
    """Read one fixture."""
    return parse([fixture])


def stream_events(plan: Plan, operation: str = "converse-stream") -> list[dict[str, Any]]:
    """Return a stream's events as boto3 would yield them."""
    name, member = _STREAMS[operation]
    output = _SERVICE.operation_model(name).output_shape
    assert output is not None
    buffer = EventStreamBuffer()
    buffer.add_data(plan.body)
    parser = EventStreamJSONParser()
    return [parser.parse(e.to_response_dict(), output.members[member]) for e in buffer]


def whole(plan: Plan, operation: str = "Converse") -> dict[str, Any]:
    """Return a whole answer as boto3 would, response metadata left out."""
    response = {
        "body": plan.body,
        "headers": HeadersDict(plan.headers),
        "status_code": plan.status,
    }
    output = _SERVICE.operation_model(operation).output_shape
    assert output is not None
    parsed: dict[str, Any] = create_parser("rest-json").parse(response, output)
    parsed.pop("ResponseMetadata", None)
    return parsed


def payloads(plan: Plan) -> list[tuple[str | None, str]]:
    """Return the name and the JSON text of every frame."""
    return [
        (message.event_type or message.exception_type, message.payload.decode())
        for message in bf.decode_all(plan.body)
    ]


def native(plan: Plan) -> list[dict[str, Any]]:
    """Return the native JSON of every chunk of an invoke stream."""
    return [
        json.loads(base64.b64decode(json.loads(message.payload)["bytes"]))
        for message in bf.decode_all(plan.body)
    ]


HI: Final[dict[str, Any]] = {
    "content": "Hi there",
    "usage": {"inputTokens": 14, "outputTokens": 10},
}
METRICS: Final = {
    "amazon-bedrock-invocationMetrics": {
        "inputTokenCount": 14,
        "outputTokenCount": 10,
        "invocationLatency": 1,
        "firstByteLatency": 1,
    }
}
CALL: Final[dict[str, Any]] = {
    "reasoning": "hm",
    "reasoningSignature": "sig",
    "content": "Let me look",
    "toolCalls": [{"name": "get_weather", "id": "toolu_1", "arguments": '{"city": "SF"}'}],
    "usage": {"inputTokens": 14, "outputTokens": 10},
}
"""Answers that say something, and what the last chunk of their streams tells."""


def native_body(said: Mapping[str, Any], model: str, body_format: str = "unknown") -> Any:
    """Return the body of InvokeModel."""
    return json.loads(answer(said, "invoke", model=model, body_format=body_format).body)


def native_chunks(said: Mapping[str, Any], model: str, body_format: str = "unknown") -> list[Any]:
    """Return the chunks of an invoke stream."""
    operation = "invoke-with-response-stream"
    return native(answer(said, operation, model=model, body_format=body_format))

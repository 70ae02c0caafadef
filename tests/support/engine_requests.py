"""Ask an engine: rules, requests and a compiler that says which rule it was asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bedrock_frames._core import Answer, Engine, Plan, Rule

if TYPE_CHECKING:
    from bedrock_frames.contract import Compile

EVENT_STREAM: Final = [("content-type", "application/vnd.amazon.eventstream")]
JSON: Final = [("content-type", "application/json")]
MODEL: Final = "us.anthropic.claude-3-5-sonnet-20241022-v2:0"

Json = dict[str, Any]


def rule(criteria: Mapping[str, object] | None = None, name: str = "rule", **kwargs: Any) -> Rule:
    return Rule(criteria=criteria or {}, name=name, **kwargs)


def contains(text: str) -> dict[str, str]:
    return {"contains": text}


def equals(text: str) -> dict[str, str]:
    return {"equals": text}


def user(*texts: str) -> Json:
    return {"role": "user", "content": [{"text": text} for text in texts]}


def assistant(*texts: str) -> Json:
    return {"role": "assistant", "content": [{"text": text} for text in texts]}


def calls(tool_use_id: str, name: str = "tool") -> Json:
    use = {"toolUseId": tool_use_id, "name": name, "input": {}}
    return {"role": "assistant", "content": [{"toolUse": use}]}


def result(tool_use_id: str, *content: Json) -> Json:
    return {"toolResult": {"toolUseId": tool_use_id, "content": list(content)}}


def conversation(*messages: Json, **members: Any) -> Json:
    return {"messages": list(messages), **members}


@dataclass
class Compiler:
    """Says the fixture's index in a stream of five frames, or in one body of the same length."""

    asked: list[tuple[int, int, str, str, str, Mapping[str, object] | None]] = field(
        default_factory=list
    )

    def __call__(
        self,
        fixture: int,
        variant: int,
        operation: str,
        model: str,
        body_format: str,
        values: Mapping[str, object] | None,
    ) -> Plan:
        self.asked.append((fixture, variant, operation, model, body_format, values))
        if operation.endswith("stream"):
            frames = [b"%d:%d;" % (fixture, frame) for frame in range(5)]
            return Plan(headers=EVENT_STREAM, frames=frames, steps=[0, 0, 1, 2, 2])
        body = b"%d/%d" % (fixture, variant)
        return Plan(headers=JSON, frames=[body], steps=[2], stream_frames=5)


def engine(rules: Sequence[Rule], compiler: "Compile | None" = None, **options: Any) -> Engine:
    made = Engine(**options)
    made.load(rules, compiler or Compiler())
    return made


def ask(
    engine: Engine,
    body: Json | bytes,
    *,
    operation: str = "converse",
    model: str = MODEL,
    headers: Mapping[str, str] | None = None,
    query: str = "",
) -> Answer:
    answer = engine.answer(
        "POST",
        f"/model/{model}/{operation}{query}".encode(),
        [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        body if isinstance(body, bytes) else json.dumps(body).encode(),
        arrived=0.0,
    )
    assert answer is not None
    return answer


def fixture(engine: Engine, body: Json, **kwargs: Any) -> int | None:
    """Ask, and return which fixture answered."""
    answer = ask(engine, body, **kwargs)
    assert answer.fixture is not None or answer.status in {404, 503}, answer.body
    return answer.fixture


def error(answer: Answer) -> tuple[int, str, str]:
    """Return status, error type and message of an answer that must be a typed error."""
    headers = dict(answer.headers)
    assert headers[b"content-type"] == b"application/json"
    body = json.loads(answer.body)
    assert list(body) == ["message"]
    return answer.status, headers[b"x-amzn-errortype"].decode(), body["message"]

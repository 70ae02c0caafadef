"""What a request costs the engine, and how little it matters how many fixtures there are.

    python -m benches.matching [--quick] [--output FILE]

Each line asks the same kind of request of ten fixtures and of 10,000, through ``Engine.answer``
with the headers that boto3 sends; the fixture that answers is the last one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bedrock_frames._core import Engine, Plan, Rule
from benches import harness
from benches.harness import Contender, Effort
from benches.outcome import Comparison, Outcome, costs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FEW: Final = 10
MANY: Final = 10_000
REQUESTS: Final = 2_000
"""Requests in one sample."""
MODEL: Final = "us.anthropic.claude-3-5-sonnet-20241022-v2:0"
HEADERS: Final = [
    (b"host", b"127.0.0.1:4010"),
    (b"accept-encoding", b"identity"),
    (b"content-type", b"application/json"),
    (b"user-agent", b"Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux md/arch#x86_64 lang/python"),
    (b"x-amz-date", b"20260101T000000Z"),
    (
        b"authorization",
        b"AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/bedrock/aws4_request, "
        b"SignedHeaders=content-type;host;x-amz-date, Signature=" + b"0" * 64,
    ),
    (b"amz-sdk-invocation-id", b"6f1b2c3d-0000-4000-8000-000000000000"),
    (b"amz-sdk-request", b"attempt=1; max=3"),
    (b"content-length", b"200"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fixture, by its number, and the request that it answers."""

    name: str
    criteria: Callable[[int], Mapping[str, object]]
    body: Callable[[int], Mapping[str, Any]]
    model: Callable[[int], str] = lambda _: MODEL
    matches: bool = True


def says(text: str, *history: Mapping[str, Any]) -> dict[str, Any]:
    last = {"role": "user", "content": [{"text": text}]}
    return {"messages": [*history, last], "inferenceConfig": {"maxTokens": 512}}


def question(number: int) -> str:
    return f"What is the answer to question {number:05d}?"


def tool_result(number: int) -> dict[str, Any]:
    result = {"toolUseId": f"tooluse_{number:05d}", "content": [{"text": "fine"}]}
    return {"messages": [{"role": "user", "content": [{"toolResult": result}]}]}


def history(turns: int) -> list[dict[str, Any]]:
    text = {"text": "Lorem ipsum dolor sit amet, consetetur sadipscing elitr. " * 16}
    return [
        {"role": role, "content": [text]} for _ in range(turns) for role in ("user", "assistant")
    ]


KINDS: Final = [
    Kind(
        name="userMessage contains",
        criteria=lambda n: {"user_message": {"contains": f"question {n:05d}"}},
        body=lambda n: says(question(n)),
    ),
    Kind(
        name="userMessage contains, 50 KB of history",
        criteria=lambda n: {"user_message": {"contains": f"question {n:05d}"}},
        body=lambda n: says(question(n), *history(27)),
    ),
    Kind(
        name="userMessage equals",
        criteria=lambda n: {"user_message": {"equals": question(n)}},
        body=lambda n: says(question(n)),
    ),
    Kind(
        name="userMessage regex",
        criteria=lambda n: {"user_message": {"regex": rf"question {n:05d}\b"}},
        body=lambda n: says(question(n)),
    ),
    Kind(
        name="toolCallId",
        criteria=lambda n: {"tool_call_id": {"equals": f"tooluse_{n:05d}"}},
        body=tool_result,
    ),
    Kind(
        name="model",
        criteria=lambda n: {"model": {"model": f"vendor.model-{n}"}},
        body=lambda _: says("hello"),
        model=lambda n: f"us.vendor.model-{n}-20250101-v1:0",
    ),
    Kind(
        name="turnIndex",
        criteria=lambda n: {"user_message": {"contains": "hello"}, "turn_index": n},
        body=lambda _: says("hello"),
    ),
    Kind(
        name="sequenceIndex, exhausted",
        criteria=lambda n: {"user_message": {"contains": "hello"}, "sequence_index": n + 1},
        body=lambda _: says("hello"),
        matches=False,
    ),
    Kind(
        name="a miss, explained",
        criteria=lambda n: {"user_message": {"contains": f"question {n:05d}"}},
        body=lambda _: says("What is the answer to question ABCDE?"),
        matches=False,
    ),
]


def compile_stream(*_: object) -> Plan:
    frames = [b"f" * 200] * 64
    headers = [("content-type", "application/vnd.amazon.eventstream")]
    return Plan(headers=headers, frames=frames, steps=[0, *range(62), 61])


def requests(kind: Kind, fixtures: int) -> Callable[[], None]:
    """Return a sample of requests whose answer was proved right."""
    engine = Engine()
    rules = [Rule(criteria=kind.criteria(n), name=str(n)) for n in range(fixtures)]
    engine.load(rules, compile_stream)
    last = fixtures - 1
    target = f"/model/{kind.model(last).replace(':', '%3A')}/converse-stream".encode()
    body = json.dumps(kind.body(last)).encode()
    answer = engine.answer("POST", target, HEADERS, body, arrived=0.0)
    assert answer is not None
    assert answer.status == (200 if kind.matches else 404)
    # Of turns that are all ahead, the lowest answers.
    wanted = {"turnIndex": 0}.get(kind.name, last) if kind.matches else None
    assert answer.fixture == wanted

    def run() -> None:
        for _ in range(REQUESTS):
            engine.answer("POST", target, HEADERS, body, arrived=0.0)

    return run


def compare(kind: Kind, rounds: int) -> Comparison:
    contenders = [
        Contender(name=str(fixtures), run=requests(kind, fixtures), units=REQUESTS)
        for fixtures in (FEW, MANY)
    ]
    samples = harness.measure(contenders, rounds=rounds)
    few, many = ([sample / 1e3 for sample in samples[str(n)]] for n in (FEW, MANY))
    return costs(kind.name, many, f"{FEW} fixtures", few, unit="µs CPU/request", target=2)


def measure(effort: Effort) -> Outcome:
    kinds = effort.pick(KINDS, KINDS[:1])
    return Outcome(comparisons=[compare(kind, effort.pick(9, 1)) for kind in kinds])


if __name__ == "__main__":
    harness.main(measure, name="matching", description=__doc__)

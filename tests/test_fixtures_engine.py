"""Fixtures in the real engine: rules that match, and plans that a request gets."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import bedrock_frames as bf
from bedrock_frames._core import Answer, Engine
from bedrock_frames.fixtures import load, parse
from tests.answering import CLAUDE
from tests.cases import ROOT

HI = [{"role": "user", "content": [{"text": "hi there"}]}]


class Served:
    """An engine with fixtures, and a way to ask it."""

    def __init__(self, *fixtures: Mapping[str, object], seed: int = 0) -> None:
        loaded = parse(fixtures)
        self.engine = Engine(seed=seed)
        self.engine.load(loaded.rules(), loaded.compiler(seed=seed))

    def ask(self, operation: str = "converse", body: object = None, model: str = CLAUDE) -> Answer:
        target = f"/model/{model}/{operation}".encode()
        sent = json.dumps({"messages": HI} if body is None else body).encode()
        answer = self.engine.answer("POST", target, [], sent, arrived=0.0)
        assert answer is not None
        return answer


def served(response: Mapping[str, object], **options: object) -> Served:
    return Served({"match": {}, "response": response, **options})


def said(answer: Answer) -> Any:
    return json.loads(answer.body)["output"]["message"]["content"]


def test_an_answer_comes_with_its_headers_and_bytes() -> None:
    answer = served({"content": "Hello"}).ask("converse-stream")

    assert answer.status == 200
    assert (b"content-type", b"application/vnd.amazon.eventstream") in answer.headers
    assert [m.event_type for m in bf.decode_all(answer.body)] == [
        *("messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata")
    ]


def test_the_first_fixture_that_matches_answers() -> None:
    engine = Served(
        {"match": {"userMessage": "bye"}, "response": {"content": "1"}},
        {"match": {"userMessage": {"regex": "^hi"}}, "response": {"content": "2"}},
        {"match": {}, "response": {"content": "3"}},
    )

    assert said(engine.ask()) == [{"text": "2"}]


def test_a_fixture_of_native_json_alone_leaves_converse_to_others() -> None:
    engine = Served(
        {"match": {}, "response": {"body": {"native": True}}},
        {"match": {}, "response": {"content": "text"}},
    )

    assert json.loads(engine.ask("invoke").body) == {"native": True}
    assert said(engine.ask()) == [{"text": "text"}]


def test_a_template_is_filled_from_each_request() -> None:
    engine = served({"content": "{{userMessage}} / {{turn}} / {{model}}", "template": True})
    second = [*HI, {"role": "assistant", "content": [{"text": "a"}]}]
    second.append({"role": "user", "content": [{"text": "again"}]})

    assert said(engine.ask()) == [{"text": f"hi there / 0 / {CLAUDE}"}]
    assert said(engine.ask(body={"messages": second})) == [{"text": f"again / 1 / {CLAUDE}"}]


def test_what_a_family_cannot_carry_is_a_typed_error() -> None:
    call = {"toolCalls": [{"name": "f", "arguments": {}}]}
    answer = served(call).ask("invoke", {"inputText": "hi"}, "amazon.titan-text-lite-v1")

    assert answer.status == 400
    assert (b"x-amzn-errortype", b"ValidationException") in [
        (name, value.partition(b":")[0]) for name, value in answer.headers
    ]
    assert "cannot carry the fixture's ToolUse block" in json.loads(answer.body)["message"]


@pytest.mark.parametrize(
    ("model", "body", "key"),
    [
        ("app-profile", {"anthropic_version": "bedrock-2023-05-31", "messages": HI}, "stop_reason"),
        ("amazon.titan-text-lite-v1", {"inputText": "hi"}, "results"),
        ("meta.llama3-8b-instruct-v1:0", {"prompt": "hi", "max_gen_len": 9}, "generation"),
        ("mistral.mistral-7b-instruct-v0:2", {"prompt": "hi", "max_tokens": 9}, "outputs"),
        ("cohere.command-r-v1:0", {"message": "hi"}, "generation_id"),
        ("amazon.nova-micro-v1:0", {"messages": HI, "schemaVersion": "messages-v1"}, "output"),
        (
            "openai.gpt-oss-20b-1:0",
            {"messages": [{"role": "user", "content": "hi"}]},
            "choices",
        ),
        ("mistral.mistral-large-2407-v1:0", {"messages": HI}, "choices"),
    ],
)
def test_every_family_is_answered_in_its_own_form(
    model: str, body: dict[str, object], key: str
) -> None:
    answer = served({"content": "Hello"}).ask("invoke", body, model)

    assert answer.status == 200, answer.body
    assert key in json.loads(answer.body)


def test_weights_are_kept_and_the_seed_decides() -> None:
    fixture = {
        "match": {},
        "responses": [
            {"weight": 9, "response": {"content": "often"}},
            {"weight": 1, "response": {"content": "seldom"}},
        ],
    }

    def drawn(seed: int) -> Sequence[str]:
        engine = Served(fixture, seed=seed)
        return [said(engine.ask())[0]["text"] for _ in range(200)]

    assert 100 < drawn(1).count("often") < 200
    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_timing_is_the_engine_s_schedule() -> None:
    engine = served({"content": "one two"}, timing={"ttft_ms": 600, "gap_ms": 48})
    streamed, whole = engine.ask("converse-stream"), engine.ask("converse")

    assert [round(due, 3) for due, _ in streamed.writes] == [0.6, 0.648]
    assert [round(due, 3) for due, _ in whole.writes] == [0.648]
    assert json.loads(whole.body)["metrics"] == {"latencyMs": 648}


def test_the_examples_hold_a_tool_loop() -> None:
    fixtures = load([ROOT / "examples" / "fixtures"])
    engine = Engine()
    engine.load(fixtures.rules(), fixtures.compiler())

    def ask(messages: list[dict[str, Any]]) -> Any:
        sent = json.dumps({"messages": messages}).encode()
        target = f"/model/{CLAUDE}/converse".encode()
        answer = engine.answer("POST", target, [], sent, arrived=0.0)
        assert answer is not None
        return json.loads(answer.body)

    asked = [{"role": "user", "content": [{"text": "How is the weather?"}]}]
    first = ask(asked)
    uses = [b["toolUse"] for b in first["output"]["message"]["content"] if "toolUse" in b]
    results = [
        {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "sunny"}]}}
        for use in uses
    ]
    second = ask([*asked, first["output"]["message"], {"role": "user", "content": results}])

    assert (first["stopReason"], len({use["toolUseId"] for use in uses})) == ("tool_use", 2)
    assert second["stopReason"] == "end_turn"
    assert "Seattle" in second["output"]["message"]["content"][0]["text"]


def test_the_default_timing_is_told_as_latency_too() -> None:
    timing = {"ttft_ms": 600.0, "gap_ms": 48.0}
    loaded = parse([{"match": {}, "response": {"content": "abcdef"}, "chunkSize": 3}])
    engine = Engine(timing=timing)
    engine.load(loaded.rules(), loaded.compiler(timing=timing))
    body = json.dumps({"messages": HI}).encode()

    answer = engine.answer("POST", f"/model/{CLAUDE}/converse".encode(), [], body, arrived=0.0)

    assert answer is not None
    assert json.loads(answer.body)["metrics"] == {"latencyMs": 648}
    [(due, end)] = answer.writes
    assert due == pytest.approx(0.648)
    assert end == len(answer.body)

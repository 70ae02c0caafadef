"""Token counts, latencies, and rules: the figures of an answer, and when it is given."""

import json
from typing import Any

import pytest

from bedrock_frames.fixtures import FixtureSet, parse
from tests.answering import CLAUDE, answer, native, stream_events, whole

INVOKE, STREAM = "invoke", "invoke-with-response-stream"
TEXT: dict[str, Any] = {"content": "one two three", "usage": {"inputTokens": 1, "outputTokens": 2}}


# Counts and latencies


@pytest.mark.parametrize(
    "usage",
    [
        {"inputTokens": 3, "outputTokens": 4, "cacheReadInputTokens": 5},
        {"input_tokens": 3, "output_tokens": 4, "cache_read_input_tokens": 5},
        {"inputTokenCount": 3, "outputTokenCount": 4, "cacheReadInputTokenCount": 5},
        {"promptTokenCount": 3, "candidatesTokenCount": 4, "cachedContentTokenCount": 5},
        {
            "prompt_tokens": 8,
            "completion_tokens": 4,
            "total_tokens": 12,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    ],
)
def test_usage_may_be_spelled_in_any_usual_way(usage: dict[str, object]) -> None:
    said = {"content": "a", "usage": usage}

    assert whole(answer(said, "converse"))["usage"] == {
        "inputTokens": 3,
        "outputTokens": 4,
        "totalTokens": 12,
        "cacheReadInputTokens": 5,
    }


def test_counts_are_the_same_everywhere() -> None:
    said = {"content": "a b", "usage": {"inputTokens": 3, "outputTokens": 4}}
    first, *_, delta, last = native(answer(said, STREAM))
    headers = dict(answer(said, INVOKE).headers)

    assert first["message"]["usage"]["input_tokens"] == 3
    assert delta["usage"] == {"output_tokens": 4}
    assert last["amazon-bedrock-invocationMetrics"]["inputTokenCount"] == 3
    assert last["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == 4
    assert json.loads(answer(said, INVOKE).body)["usage"] == {
        "input_tokens": 3,
        "output_tokens": 4,
    }
    assert headers["x-amzn-bedrock-output-token-count"] == "4"
    assert json.loads(answer(said, "count-tokens").body) == {"inputTokens": 3}


def test_counts_left_out_are_guessed_and_never_0() -> None:
    usage = whole(answer({"content": "x" * 41}, "converse"))["usage"]

    assert usage == {"inputTokens": 1, "outputTokens": 11, "totalTokens": 12}


@pytest.mark.parametrize(
    ("options", "latency"),
    [
        ({}, 1),
        ({"timing": {"ttft_ms": 600, "gap_ms": 48}}, 696),
        ({"timing": {"ttft_ms": 600}}, 600),
        ({"timing": {"ttft_ms": 600, "gap_ms": 48}, "replaySpeed": 2}, 348),
        ({"latency": 10}, 70),
        ({"streamingProfile": {"ttft": 100, "tps": 100}}, 160),
        ({"recordedTimings": {"ttftMs": 100, "interChunkDelaysMs": [5, 10]}}, 155),
    ],
)
def test_the_latency_told_is_the_one_that_is_kept(options: dict[str, object], latency: int) -> None:
    *_, metadata = stream_events(answer(TEXT, options=options))

    assert metadata["metadata"]["metrics"]["latencyMs"] == latency
    assert whole(answer(TEXT, "converse", options=options))["metrics"]["latencyMs"] == latency


def test_a_latency_that_is_stated_is_told() -> None:
    said = {**TEXT, "latencyMs": 1234}

    assert whole(answer(said, "converse"))["metrics"] == {"latencyMs": 1234}
    assert dict(answer(said, INVOKE).headers)["x-amzn-bedrock-invocation-latency"] == "1234"


@pytest.mark.parametrize(("one", "stream"), [("converse", "converse-stream"), (INVOKE, STREAM)])
def test_a_whole_answer_takes_the_time_of_its_stream(one: str, stream: str) -> None:
    plan, streamed = answer(TEXT, one), answer(TEXT, stream)

    assert plan.steps == [streamed.steps[-1]]
    assert plan.stream_frames == len(streamed.frames)


# Rules and sets


def test_conditions_may_be_told_apart() -> None:
    match = {
        "userMessage": {"equals": "a"},
        "systemMessage": [{"regex": "b+"}, "c"],
        "toolCallId": {"contains": "d"},
        "toolResult": "e",
        "inputText": {"equals": "f"},
        "model": {"contains": "claude"},
        "operation": "invoke",
        "session": "g",
    }

    assert parse([{"match": match, "response": TEXT}])[0].criteria == {
        "user_message": {"equals": "a"},
        "system_message": [{"regex": "b+"}, {"contains": "c"}],
        "tool_call_id": {"contains": "d"},
        "tool_result": {"contains": "e"},
        "input_text": {"equals": "f"},
        "model": {"contains": "claude"},
        "operation": ["invoke"],
        "session": {"equals": "g"},
    }


def test_several_answers_are_weighted() -> None:
    responses = [{"weight": 3, "response": {"content": "a"}}, {"response": {"content": "b"}}]
    fixtures = parse([{"match": {}, "responses": responses}])
    compiler = fixtures.compiler()

    assert fixtures[0].rule.weights == [3.0, 1.0]
    said = [
        whole(compiler(0, v, "converse", CLAUDE, "converse", None))["output"]["message"]["content"]
        for v in (0, 1)
    ]
    assert said == [[{"text": "a"}], [{"text": "b"}]]


def test_several_answers_have_ids_of_their_own() -> None:
    call = {"toolCalls": [{"name": "f", "arguments": {}}]}
    fixtures = parse([{"match": {}, "responses": [{"response": call}, {"response": call}]}])
    compiler = fixtures.compiler()
    bodies = [compiler(0, v, "converse", CLAUDE, "converse", None).body for v in (0, 1)]

    assert bodies[0] != bodies[1]


def test_a_rule_is_named_by_its_fixture_or_its_place() -> None:
    fixtures = parse(
        [
            {"match": {"userMessage": "a"}, "response": TEXT, "name": "greeting"},
            {"match": {"userMessage": "b"}, "response": TEXT},
        ],
        source="f.json",
    )

    assert [rule.name for rule in fixtures.rules()] == ["greeting", "f.json $.fixtures[1]"]


def test_sets_add_up_in_order() -> None:
    first = parse([{"match": {"userMessage": "a"}, "response": TEXT}])
    second = parse([{"match": {"userMessage": "b"}, "response": {"content": "x"}}])
    both = first + second

    assert len(both) == 2
    assert [entry.criteria for entry in both] == [first[0].criteria, second[0].criteria]
    assert both.without(0).to_json() == second.to_json()
    assert len(FixtureSet()) == 0
    with pytest.raises(IndexError, match="there is no fixture 2"):
        both.without(2)


def test_what_was_given_can_change_without_harm() -> None:
    fixture = {"match": {"userMessage": "a"}, "response": dict(TEXT)}
    fixtures = parse([fixture])
    fixture["match"] = {}

    assert fixtures.to_json() == [{"match": {"userMessage": "a"}, "response": TEXT}]

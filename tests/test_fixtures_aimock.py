"""Files of the peer's format: taken unchanged, and served as Bedrock would."""

import json
from pathlib import Path
from typing import Any

import pytest

from bedrock_frames.fixtures import load, parse
from tests.answering import answer, faults, stream_events, whole

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"

FILE: dict[str, Any] = {
    "fixtures": [
        {
            "match": {"toolCallId": "toolu_1", "turnIndex": 1, "hasToolResult": True},
            "response": {"content": "It is sunny."},
        },
        {
            "match": {"userMessage": "weather", "sequenceIndex": 0, "endpoint": "chat"},
            "response": {"toolCalls": [{"name": "get_weather", "arguments": '{"city":"SF"}'}]},
            "latency": 5,
            "chunkSize": 10,
        },
        {
            "match": {
                "userMessage": "search",
                "systemMessage": ["name: Ada", "role: admin"],
                "toolName": "web_search",
                "model": "claude-3-5-sonnet",
                "context": "demo",
            },
            "response": {
                "content": "Let me look that up.",
                "toolCalls": [{"name": "web_search", "arguments": {"query": "x"}, "id": "c1"}],
                "reasoning": "Think",
                "reasoningSignature": "sig",
                "redactedThinking": ["cmVk"],
                "webSearches": ["x"],
                "usage": {"prompt_tokens": 15, "completion_tokens": 25, "cost": 0.1},
                "finishReason": "tool_calls",
                "id": "msg-custom-123",
                "model": "custom-model",
                "created": 1,
                "role": "assistant",
                "systemFingerprint": "fp",
            },
            "streamingProfile": {"ttft": 100, "tps": 50, "jitter": 0.1},
            "truncateAfterChunks": 3,
            "disconnectAfterMs": 500,
            "chaos": {"dropRate": 0.5, "malformedRate": 0, "disconnectRate": 0.1},
            "metadata": {"systemHash": "a", "toolsHash": "b"},
            "openRouterProcessing": False,
        },
        {
            "match": {"userMessage": "recorded", "toolResultContains": "approved"},
            "response": {"content": {"structured": [1, 2]}},
            "recordedTimings": {
                "ttftMs": 100,
                "interChunkDelaysMs": [10, 20],
                "totalDurationMs": 130,
            },
            "replaySpeed": 2,
        },
        {
            "match": {"userMessage": "fail"},
            "response": {
                "error": {"message": "Rate limited", "type": "rate_limit_error", "param": None},
                "status": 429,
                "retryAfter": 2,
                "fallthrough": False,
            },
        },
    ]
}


def test_a_file_with_every_key_is_taken(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(json.dumps(FILE))
    fixtures = load([tmp_path])

    assert len(fixtures) == 5
    assert [warning.path for warning in fixtures.warnings] == []
    assert fixtures.to_json() == FILE["fixtures"]


def test_its_keys_have_its_meaning() -> None:
    criteria = [entry.criteria for entry in parse(FILE["fixtures"])]

    assert criteria == [
        {"tool_call_id": {"equals": "toolu_1"}, "turn_index": 1, "has_tool_result": True},
        {"user_message": {"contains": "weather"}, "sequence_index": 0},
        {
            "user_message": {"contains": "search"},
            "system_message": [{"contains": "name: Ada"}, {"contains": "role: admin"}],
            "tool_name": {"equals": "web_search"},
            "model": {"model": "claude-3-5-sonnet"},
            "context": {"equals": "demo"},
        },
        {"user_message": {"contains": "recorded"}, "tool_result": {"contains": "approved"}},
        {"user_message": {"contains": "fail"}},
    ]


def test_its_timings_have_its_meaning() -> None:
    assert [entry.timing for entry in parse(FILE["fixtures"])] == [
        None,
        {"latency_ms": 5.0},
        {"profile": {"ttft_ms": 100.0, "tps": 50.0, "jitter": 0.1}},
        {"recorded": {"ttft_ms": 100.0, "delays_ms": [10.0, 20.0]}, "replay_speed": 2.0},
        None,
    ]


def test_profile_goes_before_recorded_before_latency() -> None:
    match = {"match": {}, "response": {"content": "a"}}
    recorded = {"ttftMs": 1, "interChunkDelaysMs": []}
    profile = {"ttft": 2}

    def timing(**options: object) -> object:
        return parse([{**match, **options}])[0].timing

    assert timing(latency=3, recordedTimings=recorded, streamingProfile=profile) == {
        "profile": {"ttft_ms": 2.0}
    }
    assert timing(latency=3, recordedTimings=recorded) == {
        "recorded": {"ttft_ms": 1.0, "delays_ms": []}
    }


def test_overrides_reach_the_native_answer() -> None:
    said = {"content": "O.", "id": "msg-1", "model": "custom", "finishReason": "length"}
    found = json.loads(answer(said, "invoke", model=MODEL).body)

    assert (found["id"], found["model"], found["stop_reason"]) == ("msg-1", "custom", "max_tokens")


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end_turn"),
        ("tool_calls", "tool_use"),
        ("length", "max_tokens"),
        ("content_filter", "content_filtered"),
        ("guardrail_intervened", "guardrail_intervened"),
    ],
)
def test_finish_reasons_are_bedrock_s(finish: str, stop: str) -> None:
    assert whole(answer({"content": "a", "finishReason": finish}, "converse"))["stopReason"] == stop


def test_text_only_blocks_end_the_turn() -> None:
    said = {"blocks": [{"type": "text", "text": "a"}]}

    assert whole(answer(said, "converse"))["stopReason"] == "end_turn"


def test_blocks_win_over_content_and_tool_calls() -> None:
    said = {"content": "no", "toolCalls": [], "blocks": [{"type": "text", "text": "yes"}]}

    assert whole(answer(said, "converse"))["output"]["message"]["content"] == [{"text": "yes"}]
    assert whole(answer({"content": "a", "blocks": []}, "converse"))["output"]["message"][
        "content"
    ] == [{"text": "a"}]


@pytest.mark.parametrize(
    ("error", "status", "name", "served"),
    [
        ({"message": "m", "type": "rate_limit_error"}, 429, "ThrottlingException", 429),
        ({"message": "m"}, 400, "ValidationException", 400),
        ({"message": "m"}, 403, "AccessDeniedException", 403),
        ({"message": "m"}, 404, "ResourceNotFoundException", 404),
        ({"message": "m"}, 503, "ServiceUnavailableException", 503),
        ({"message": "m"}, 529, "ServiceUnavailableException", 529),
        ({"message": "m"}, 422, "ValidationException", 422),
        ({"message": "m"}, 502, "InternalServerException", 502),
        ({"message": "m"}, None, "InternalServerException", 500),
        ({"message": "m", "type": "ThrottlingException"}, None, "ThrottlingException", 429),
        ({"message": "m", "name": "throttlingException"}, None, "ThrottlingException", 429),
        ({"message": "m", "name": "ModelErrorException"}, None, "ModelErrorException", 424),
        ({"message": "m", "name": "ExpiredTokenException"}, None, "ExpiredTokenException", 403),
    ],
)
@pytest.mark.parametrize("operation", ["converse", "converse-stream", "invoke"])
def test_errors_are_typed(
    error: dict[str, str], status: int | None, name: str, served: int, operation: str
) -> None:
    stated = {"error": error} if status is None else {"error": error, "status": status}
    plan = answer(stated, operation)
    headers = dict(plan.headers)

    assert plan.status == served
    assert headers["x-amzn-errortype"].partition(":")[0] == name
    assert headers["content-type"] == "application/json"
    assert json.loads(plan.body) == {"message": "m"}


def test_an_error_may_say_when_to_retry_and_what_was_behind_it() -> None:
    error = {"name": "ModelErrorException", "message": "m", "originalStatusCode": 418}
    plan = answer({"error": error})

    assert json.loads(plan.body) == {"message": "m", "originalStatusCode": 418}
    assert ("retry-after", "2") in answer({"error": error, "retryAfter": 2}).headers


@pytest.mark.parametrize("kind", ["image", "images", "audio", "transcription", "video", "json"])
def test_a_response_for_another_service_is_refused_by_name(kind: str) -> None:
    ((path, severity, message),) = faults({"match": {}, "response": {kind: {}}})

    assert path == f"$.fixtures[0].response.{kind}"
    assert severity == "error"
    assert f'"{kind}" is a kind of response that Bedrock Runtime has no use for' in message


@pytest.mark.parametrize(
    ("match", "key"),
    [({"endpoint": "embedding"}, "endpoint"), ({"responseFormat": "x"}, "response")],
)
def test_a_fixture_for_another_service_s_requests_is_left_out(
    match: dict[str, object], key: str
) -> None:
    fixtures = parse([{"match": match, "response": {"content": "a"}}])

    assert len(fixtures) == 0
    assert [(w.severity, key in w.path) for w in fixtures.warnings] == [("warning", True)]


@pytest.mark.parametrize("how", ["model", "equals", "contains"])
def test_a_model_that_was_recorded_from_a_url_is_decoded_with_a_warning(how: str) -> None:
    recorded = "us.amazon.nova-pro-v1%3A0"
    match = {"model": recorded if how == "model" else {how: recorded}}
    (fixture,) = found = parse([{"match": match, "response": {"content": "a"}}])

    assert fixture.criteria == {"model": {how: "us.amazon.nova-pro-v1:0"}}
    assert [(w.path, w.message) for w in found.warnings] == [
        (
            "$.fixtures[0].match.model",
            'is percent-encoded, and taken for "us.amazon.nova-pro-v1:0"',
        )
    ]


def test_a_regex_of_a_model_is_left_as_it_is() -> None:
    fixtures = parse([{"match": {"model": {"regex": "a%3Ab"}}, "response": {"content": "a"}}])

    assert fixtures[0].criteria == {"model": {"regex": "a%3Ab"}}
    assert fixtures.warnings == ()


@pytest.mark.parametrize(
    "response",
    [
        {"embedding": [0.1]},
        {"audio": {"data": "x"}, "format": 1},
        {"content": 5},
        {},
        None,
    ],
)
def test_what_is_left_out_is_not_judged_further(response: object) -> None:
    other = {"match": {"endpoint": "image", "theirs": 1}, "response": response, "theirs": 1}
    chat = {"match": {}, "response": {"content": "a"}}
    fixtures = parse([other, chat])

    assert [entry.stated for entry in fixtures] == [chat]
    assert [(w.severity, w.path) for w in fixtures.warnings] == [
        ("warning", "$.fixtures[0].match.endpoint")
    ]


@pytest.mark.parametrize("endpoint", ["embeddings", 5, [], {}])
def test_an_endpoint_that_the_peer_does_not_have_is_an_error(endpoint: object) -> None:
    ((path, severity, _),) = faults({"match": {"endpoint": endpoint}, "response": {"content": ""}})

    assert (path, severity) == ("$.fixtures[0].match.endpoint", "error")


def test_the_scenario_that_started_it() -> None:
    said = {"content": "Hello! How can I help you today?"}
    events = stream_events(answer(said, padding=True))

    assert [next(iter(event)) for event in events][:2] == ["messageStart", "contentBlockDelta"]
    assert (
        "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
        == said["content"]
    )
    assert [next(iter(event)) for event in events][-3:] == [
        *("contentBlockStop", "messageStop", "metadata")
    ]

"""aimock's own cases of what is answered, by all four operations, and as Bedrock would answer."""

import json
from typing import Any, Final

import pytest

from bedrock_frames.pytest_plugin import Bedrock
from tests.http_client import MODEL
from tests.replies import (
    OPERATIONS,
    STREAMS,
    body_for,
    chunks,
    events,
    message,
    post,
    say,
)

WEATHER: Final = {"name": "get_weather", "arguments": '{"city":"SF"}'}
TIME: Final = {"name": "get_time", "arguments": '{"tz":"PST"}'}
SEARCH: Final = {"name": "web_search", "arguments": '{"query":"vitest testing"}'}

each = pytest.mark.parametrize("operation", OPERATIONS)
each_stream = pytest.mark.parametrize("operation", STREAMS)

ANSWERS: Final[dict[str, tuple[dict[str, Any], list[tuple[Any, ...]], str]]] = {
    "text": ({"content": "Hi there!"}, [("text", "Hi there!")], "end_turn"),
    "a tool": ({"toolCalls": [WEATHER]}, [("tool", "get_weather", {"city": "SF"})], "tool_use"),
    "two tools": (
        {"toolCalls": [WEATHER, TIME]},
        [("tool", "get_weather", {"city": "SF"}), ("tool", "get_time", {"tz": "PST"})],
        "tool_use",
    ),
    "text and a tool": (
        {"content": "Let me look that up.", "toolCalls": [SEARCH]},
        [("text", "Let me look that up."), ("tool", "web_search", {"query": "vitest testing"})],
        "tool_use",
    ),
    "text and two tools": (
        {"content": "Both.", "toolCalls": [WEATHER, TIME]},
        [
            ("text", "Both."),
            ("tool", "get_weather", {"city": "SF"}),
            ("tool", "get_time", {"tz": "PST"}),
        ],
        "tool_use",
    ),
    "no text": ({"content": ""}, [("text", "")], "end_turn"),
    "a tool without input": (
        {"toolCalls": [{"name": "now", "arguments": ""}]},
        [("tool", "now", {})],
        "tool_use",
    ),
    "a tool with an object": (
        {"toolCalls": [{"name": "now", "arguments": {"in": ["UTC", "PST"]}}]},
        [("tool", "now", {"in": ["UTC", "PST"]})],
        "tool_use",
    ),
    "an object as text": (
        {"content": {"answer": [1, "two"]}},
        [("text", '{"answer":[1,"two"]}')],
        "end_turn",
    ),
    "reasoning and text": (
        {"reasoning": "Hm.", "reasoningSignature": "c2ln", "content": "Yes."},
        [("reasoning", "Hm.", "c2ln"), ("text", "Yes.")],
        "end_turn",
    ),
    "reasoning and a tool, without text": (
        {"reasoning": "Hm.", "toolCalls": [WEATHER]},
        [("reasoning", "Hm.", None), ("tool", "get_weather", {"city": "SF"})],
        "tool_use",
    ),
    "blocks with the tool first": (
        {
            "blocks": [
                {"type": "toolCall", "name": "get_weather", "arguments": {"city": "NYC"}},
                {"type": "text", "text": "Here you go."},
            ]
        },
        [("tool", "get_weather", {"city": "NYC"}), ("text", "Here you go.")],
        "tool_use",
    ),
    "blocks beside what they replace": (
        {
            "content": "Here is the weather.",
            "toolCalls": [WEATHER],
            "blocks": [
                {"type": "toolCall", **WEATHER},
                {"type": "text", "text": "Here is the weather."},
            ],
        },
        [("tool", "get_weather", {"city": "SF"}), ("text", "Here is the weather.")],
        "tool_use",
    ),
    "blocks of text alone": (
        {"blocks": [{"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}]},
        [("text", "One. "), ("text", "Two.")],
        "end_turn",
    ),
    "a tool that ends the turn": (
        {"toolCalls": [WEATHER], "finishReason": "stop"},
        [("tool", "get_weather", {"city": "SF"})],
        "end_turn",
    ),
    "text cut by its length": (
        {"content": "Overridden.", "finishReason": "length"},
        [("text", "Overridden.")],
        "max_tokens",
    ),
}


@each
@pytest.mark.parametrize(
    ("response", "blocks", "stop"),
    ANSWERS.values(),
    ids=[name.replace(" ", "_") for name in ANSWERS],
)
def test_every_operation_says_the_same(
    bedrock: Bedrock,
    operation: str,
    response: dict[str, Any],
    blocks: list[tuple[Any, ...]],
    stop: str,
) -> None:
    bedrock.add(match={"userMessage": "hello"}, response=response)
    found = say(bedrock, operation)

    assert (found.blocks, found.stop) == (blocks, stop)


@each
@pytest.mark.parametrize(
    "usage",
    [
        {"input_tokens": 15, "output_tokens": 25},
        {"inputTokens": 15, "outputTokens": 25},
        {"prompt_tokens": 15, "completion_tokens": 25, "total_tokens": 40},
    ],
    ids=["anthropic", "bedrock", "openai"],
)
def test_usage_is_told_wherever_an_operation_tells_it(
    bedrock: Bedrock, operation: str, usage: dict[str, int]
) -> None:
    bedrock.add(response={"content": "Hi there!", "usage": usage})

    assert say(bedrock, operation).usage == (15, 25)


@each
def test_deltas_of_five_characters(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(response={"content": "ABCDEFGHIJKL"}, chunkSize=5)

    assert say(bedrock, operation).blocks == [("text", "ABCDEFGHIJKL")]
    if operation == "converse-stream":
        found = events(post(bedrock, operation, body_for(operation, "hello")))
        pieces = [held["delta"]["text"] for name, held in found if name == "contentBlockDelta"]
        assert pieces == ["ABCDE", "FGHIJ", "KL"]


@each_stream
def test_a_fast_profile_completes(bedrock: Bedrock, operation: str) -> None:
    profile = {"ttft": 0, "tps": 10_000}
    bedrock.add(response={"content": "Hi there!"}, streamingProfile=profile)

    assert say(bedrock, operation).blocks == [("text", "Hi there!")]


def test_an_invoke_answer_is_a_message(bedrock: Bedrock) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi there!"})
    body = post(bedrock, "invoke", body_for("invoke", "hello")).json

    assert list(body) == [
        *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")
    ]
    assert body["id"].startswith("msg_")
    assert body["model"] in MODEL
    assert body["stop_sequence"] is None


def test_an_invoke_answer_takes_its_id_and_model_from_the_fixture(bedrock: Bedrock) -> None:
    bedrock.add(
        response={"content": "Overridden.", "id": "msg-custom-123", "model": "custom-model"}
    )
    body = post(bedrock, "invoke", body_for("invoke", "hello")).json
    first = chunks(post(bedrock, STREAMS[1], body_for("invoke", "hello")))[0]["message"]

    assert (body["id"], body["model"]) == ("msg-custom-123", "custom-model")
    assert (first["id"], first["model"]) == ("msg-custom-123", "custom-model")


def test_tool_ids_are_made_up_the_same_way_each_time(bedrock: Bedrock) -> None:
    bedrock.add(response={"toolCalls": [WEATHER, TIME]})
    body = body_for("converse", "hello")
    contents = [
        message(post(bedrock, "converse", body))["output"]["message"]["content"] for _ in "ab"
    ]
    ids = [block["toolUse"]["toolUseId"] for block in contents[0]]

    assert len(set(ids)) == 2
    assert contents[0] == contents[1]


def test_the_version_of_anthropic_s_body_may_be_left_out(bedrock: Bedrock) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi there!"})
    body = {"max_tokens": 512, "messages": [{"role": "user", "content": "hello"}]}

    assert post(bedrock, "invoke", body).json["content"] == [{"type": "text", "text": "Hi there!"}]


def test_a_text_stream_event_by_event(bedrock: Bedrock) -> None:
    bedrock.add(response={"content": "Hi", "usage": {"inputTokens": 3, "outputTokens": 1}})
    found = events(post(bedrock, "converse-stream", body_for("converse", "hello")))

    assert found == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
        (
            "metadata",
            {
                "metrics": {"latencyMs": found[-1][1]["metrics"]["latencyMs"]},
                "usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4},
            },
        ),
    ]


def test_only_tools_have_a_start(bedrock: Bedrock) -> None:
    bedrock.add(response={"content": "Both.", "toolCalls": [WEATHER, TIME]})
    found = events(post(bedrock, "converse-stream", body_for("converse", "hello")))

    def indices(event: str) -> list[int]:
        return [payload["contentBlockIndex"] for name, payload in found if name == event]

    assert indices("contentBlockStart") == [1, 2]
    assert indices("contentBlockStop") == [0, 1, 2]
    assert [name for name, _ in found[-2:]] == ["messageStop", "metadata"]
    assert [name for name, _ in found].count("metadata") == 1


def test_an_invoke_stream_chunk_by_chunk(bedrock: Bedrock) -> None:
    bedrock.add(response={"content": "Hi", "toolCalls": [WEATHER]})
    found = chunks(post(bedrock, STREAMS[1], body_for("invoke", "hello")))
    kinds = [chunk["type"] for chunk in found if chunk["type"] != "content_block_delta"]
    starts = [chunk for chunk in found if chunk["type"] == "content_block_start"]
    pieces = [
        chunk["delta"]["partial_json"]
        for chunk in found
        if chunk["type"] == "content_block_delta" and chunk["index"] == 1
    ]

    assert kinds == [
        "message_start",
        *(["content_block_start", "content_block_stop"] * 2),
        "message_delta",
        "message_stop",
    ]
    assert starts[0]["content_block"] == {"type": "text", "text": ""}
    tool = starts[1]["content_block"]
    assert (tool["type"], tool["name"], tool["input"]) == ("tool_use", "get_weather", {})
    assert json.loads("".join(pieces)) == {"city": "SF"}


def test_an_empty_text_has_no_delta_in_an_invoke_stream(bedrock: Bedrock) -> None:
    bedrock.add(response={"content": ""})
    found = chunks(post(bedrock, STREAMS[1], body_for("invoke", "hello")))

    assert [chunk["type"] for chunk in found] == [
        "message_start",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]

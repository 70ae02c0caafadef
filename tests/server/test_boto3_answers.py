"""What boto3 gets from a running server, over a real socket."""

import json
from contextlib import closing
from typing import Any, Final

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from bedrock_frames.server import Server
from tests.support.http_client import MODEL

ONE_ATTEMPT: Final = Config(retries={"total_max_attempts": 1, "mode": "standard"})
TOOLS: Final[Any] = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}
        for name in ("get_weather", "get_time")
    ]
}


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": [{"text": text}]}]


def stream(bedrock: Server, text: str, **options: Any) -> list[Any]:
    client = bedrock.client(config=ONE_ATTEMPT)
    response = client.converse_stream(modelId=MODEL, messages=user(text), **options)
    with closing(response["stream"]) as events:
        return list(events)


def text_of(events: list[Any]) -> str:
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
    return "".join(delta.get("text", "") for delta in deltas)


def test_the_first_example_works(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hello! How can I help?"})
    events = stream(bedrock, "hello")

    assert [next(iter(event)) for event in (events[0], *events[-3:])] == [
        "messageStart",
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert text_of(events) == "Hello! How can I help?"
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"


def test_converse_says_the_same_as_its_stream(bedrock: Server) -> None:
    bedrock.add(response={"content": "Grüße, 世界 👩‍👩‍👧"})
    whole = bedrock.client().converse(modelId=MODEL, messages=user("hi"))

    assert whole["output"]["message"]["content"] == [{"text": "Grüße, 世界 👩‍👩‍👧"}]
    assert text_of(stream(bedrock, "hi")) == "Grüße, 世界 👩‍👩‍👧"
    assert whole["ResponseMetadata"]["RequestId"]


def test_a_tool_loop_of_three_turns(bedrock: Server) -> None:
    call = {"name": "get_weather", "arguments": {"city": "SF"}, "id": "tool-1"}
    other = {"name": "get_time", "arguments": {}, "id": "tool-2"}
    bedrock.add(
        match={"userMessage": "weather", "hasToolResult": False},
        response={"toolCalls": [call, other]},
    )
    bedrock.add(
        match={"toolCallId": "tool-1"}, response={"content": "Once more.", "toolCalls": [other]}
    )
    bedrock.add(match={"toolCallId": "tool-2"}, response={"content": "It is 18 °C."})
    client = bedrock.client()
    messages, results = user("weather?"), []
    for _ in range(3):
        answer = client.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)
        message = answer["output"]["message"]
        uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        results.append([use["name"] for use in uses])
        messages = [
            *messages,
            message,
            {
                "role": "user",
                "content": [
                    {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"json": {}}]}}
                    for use in uses
                ],
            },
        ]
        if answer["stopReason"] != "tool_use":
            break

    assert results == [["get_weather", "get_time"], ["get_time"], []]
    assert [request.status for request in bedrock.requests] == [200] * 3


def test_a_streamed_tool_call_joins_to_its_input(bedrock: Server) -> None:
    bedrock.add(response={"toolCalls": [{"name": "get_weather", "arguments": {"city": "SF"}}]})
    events = stream(bedrock, "weather", toolConfig=TOOLS)
    (start,) = [e["contentBlockStart"]["start"] for e in events if "contentBlockStart" in e]
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]

    assert start["toolUse"]["name"] == "get_weather"
    assert json.loads("".join(d["toolUse"]["input"] for d in deltas)) == {"city": "SF"}


def test_reasoning_comes_before_the_text(bedrock: Server) -> None:
    bedrock.add(
        response={"content": "4", "reasoning": "2 and 2", "reasoningSignature": "c2ln"},
    )
    deltas = [e["contentBlockDelta"] for e in stream(bedrock, "2+2?") if "contentBlockDelta" in e]
    thought = [d["delta"]["reasoningContent"] for d in deltas if d["contentBlockIndex"] == 0]

    assert "".join(t.get("text", "") for t in thought) == "2 and 2"
    assert [t["signature"] for t in thought if "signature" in t] == ["c2ln"]
    assert [d["contentBlockIndex"] for d in deltas] == sorted(
        d["contentBlockIndex"] for d in deltas
    )


def test_invoke_model_speaks_the_family_s_own_json(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hi there!"})
    body = json.dumps(
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "hello"}],
        }
    )
    client = bedrock.client()
    whole = json.loads(client.invoke_model(modelId=MODEL, body=body)["body"].read())
    response = client.invoke_model_with_response_stream(modelId=MODEL, body=body)
    chunks = [json.loads(event["chunk"]["bytes"]) for event in response["body"]]

    assert whole["content"] == [{"type": "text", "text": "Hi there!"}]
    assert response["contentType"] == "application/json"
    assert chunks[0]["type"] == "message_start"
    assert "".join(c["delta"].get("text", "") for c in chunks if "delta" in c) == "Hi there!"


ERRORS: Final = [
    ("ThrottlingException", 429),
    ("ValidationException", 400),
    ("AccessDeniedException", 403),
    ("ModelTimeoutException", 408),
    ("ServiceUnavailableException", 503),
    ("InternalServerException", 500),
    ("ModelNotReadyException", 429),
]


@pytest.mark.parametrize(("name", "status"), ERRORS)
def test_errors_are_of_the_type_that_the_sdk_knows(bedrock: Server, name: str, status: int) -> None:
    bedrock.next_error(name, "because")
    client = bedrock.client(config=ONE_ATTEMPT)
    with pytest.raises(getattr(client.exceptions, name)) as caught:
        client.converse(modelId=MODEL, messages=user("hi"))

    assert caught.value.response["Error"] == {"Code": name, "Message": "because"}
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert [request.status for request in bedrock.requests] == [status]


def test_an_error_is_retried_and_the_retry_is_answered(bedrock: Server) -> None:
    bedrock.add(response={"content": "at last"})
    bedrock.next_error("ThrottlingException")
    client = bedrock.client(config=Config(retries={"total_max_attempts": 2, "mode": "standard"}))
    answer = client.converse(modelId=MODEL, messages=user("hi"))

    assert answer["output"]["message"]["content"] == [{"text": "at last"}]
    assert [(r.status, r.attempt) for r in bedrock.requests] == [(429, 1), (200, 2)]


def test_an_error_in_mid_stream_is_typed_too(bedrock: Server) -> None:
    bedrock.add(
        response={
            "content": "One two three",
            "exceptionAfter": {
                "events": 2, "name": "throttlingException", "message": "enough",
            },
        }
    )  # fmt: skip
    with pytest.raises(EventStreamError) as caught:
        stream(bedrock, "count")

    assert caught.value.response["Error"] == {"Code": "throttlingException", "Message": "enough"}


def test_a_miss_says_what_came_closest(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi"})
    with pytest.raises(ClientError) as caught:
        stream(bedrock, "goodbye")
    error = caught.value.response["Error"]

    assert error["Code"] == "ResourceNotFoundException"
    assert "user" in error["Message"]


def test_count_tokens_gives_a_number(bedrock: Server) -> None:
    answer = bedrock.client().count_tokens(
        modelId=MODEL, input={"converse": {"messages": user("How many are these?")}}
    )

    assert answer["inputTokens"] > 0


def test_an_operation_that_is_not_served_says_its_name(bedrock: Server) -> None:
    with pytest.raises(ClientError, match="ApplyGuardrail"):
        bedrock.client(config=ONE_ATTEMPT).apply_guardrail(
            guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[]
        )


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-5-v2:0",
    ],
)
def test_every_form_of_a_model_id_arrives_decoded(bedrock: Server, model: str) -> None:
    bedrock.add(match={"model": {"equals": model}}, response={"content": "me"})
    answer = bedrock.client().converse(modelId=model, messages=user("who?"))

    assert answer["output"]["message"]["content"] == [{"text": "me"}]
    assert [request.model for request in bedrock.requests] == [model]


@pytest.mark.parametrize("operation", ["converse", "converse_stream"])
def test_paced_answers_are_whole(bedrock: Server, operation: str) -> None:
    bedrock.add(
        response={"content": "A few words, one after the other."},
        timing={"ttft_ms": 5, "gap_ms": 2},
    )
    if operation == "converse_stream":
        assert text_of(stream(bedrock, "hi")) == "A few words, one after the other."
    else:
        answer = bedrock.client().converse(modelId=MODEL, messages=user("hi"))
        (block,) = answer["output"]["message"]["content"]
        assert block["text"] == "A few words, one after the other."
    assert [r.outcome for r in bedrock.requests] == ["delivered"]
    assert [r.sent_frames > 0 for r in bedrock.requests] == [True]


def test_paced_and_unpaced_answers_are_the_same_bytes(bedrock: Server) -> None:
    fixture: dict[str, Any] = {"content": "The same, only later."}
    bedrock.add(match={"userMessage": "now"}, response=fixture)
    bedrock.add(
        match={"userMessage": "later"}, response=fixture, timing={"ttft_ms": 2, "gap_ms": 1}
    )

    def bodies(text: str) -> list[Any]:
        return [e for e in stream(bedrock, text) if "metadata" not in e]

    assert bodies("now") == bodies("later")

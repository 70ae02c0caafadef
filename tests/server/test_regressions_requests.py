"""What has gone wrong in fakes of Bedrock before, one test each: what they are asked and told."""

import json
from typing import Any, Final
from urllib.parse import quote

import pytest

from bedrock_frames.server import Server
from tests.support.bedrock_replies import OPERATIONS, body_for, chunks, error, post, said, say
from tests.support.http_client import (
    CONVERSE,
    CONVERSE_STREAM,
    JSON,
    MODEL,
    Reply,
    ask,
    asking,
    connect,
)

ARN: Final = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{MODEL}"

each = pytest.mark.parametrize("operation", OPERATIONS)
prefixes = pytest.mark.parametrize("prefix", ["/__control", "/__aimock"])


def tool(**call: Any) -> dict[str, Any]:
    return {"match": {}, "response": {"toolCalls": [call]}}


def control(bedrock: Server, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
    return ask(bedrock.url, method, path, body)


@each
@pytest.mark.parametrize("model", [MODEL, ARN])
@pytest.mark.parametrize("safe", ["", ":", ":/"], ids=["all encoded", "colons", "plain"])
def test_a_model_id_is_decoded_however_it_was_sent(
    bedrock: Server, operation: str, model: str, safe: str
) -> None:
    bedrock.add(match={"model": {"equals": model}}, response={"content": "Hi there!"})
    path = f"/model/{quote(model, safe=safe)}/{operation}"

    assert ask(bedrock.url, "POST", path, body_for(operation, "hello")).status == 200
    assert [request.model for request in bedrock.requests] == [model]


def test_a_cache_point_may_stand_anywhere(bedrock: Server) -> None:
    point = {"cachePoint": {"type": "default"}}
    bedrock.add(match={"userMessage": "hello", "toolName": "look"}, response={"content": "Hi"})
    look = {"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}
    body = {
        "messages": [{"role": "user", "content": [{"text": "hello"}, point]}],
        "system": [{"text": "be kind"}, point],
        "toolConfig": {"tools": [point, look, point]},
    }
    for operation in ("converse", "converse-stream"):
        assert said(operation, post(bedrock, operation, body)).blocks == [("text", "Hi")]


@pytest.mark.parametrize(
    "block",
    [
        {"text": ""},
        {"image": {"format": "png", "source": {"bytes": "aW1n"}}},
        {"document": {"format": "txt", "name": "d", "source": {"bytes": "ZG9j"}}},
        {"guardContent": {"text": {"text": "guarded"}}},
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"citationsContent": {"content": [{"text": "cited"}], "citations": []}},
        {"toolResult": {"toolUseId": "t", "content": [{"image": {}}], "status": "error"}},
        {"toBeInvented": {"by": "AWS"}},
    ],
    ids=lambda block: str(next(iter(block))),
)
@pytest.mark.parametrize("operation", ["converse", "converse-stream"])
def test_no_content_block_is_too_much(
    bedrock: Server, operation: str, block: dict[str, Any]
) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi"})
    body = {"messages": [{"role": "user", "content": [{"text": "hello"}, block]}]}

    assert post(bedrock, operation, body).status == 200


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "hello"}],
        [{"role": "user", "content": 7}],
        [{"role": "user", "content": [7]}],
        [7],
        7,
    ],
    ids=["text", "number", "numbers", "no messages", "no array"],
)
@pytest.mark.parametrize("operation", ["converse", "converse-stream"])
def test_messages_of_a_wrong_shape_are_a_validation_error(
    bedrock: Server, operation: str, messages: Any
) -> None:
    bedrock.add(response={"content": "Hi"})

    status, name, _ = error(post(bedrock, operation, {"messages": messages}))
    assert (status, name) == (400, "ValidationException")


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("amazon.titan-text-express-v1", {"inputText": "hello"}),
        ("amazon.nova-lite-v1:0", asking("hello")),
        ("meta.llama3-8b-instruct-v1:0", {"prompt": "hello"}),
        ("mistral.mistral-7b-instruct-v0:2", {"prompt": "<s>[INST] hello [/INST]"}),
        ("cohere.command-r-v1:0", {"message": "hello"}),
        ("openai.gpt-oss-20b-1:0", {"messages": [{"role": "user", "content": "hello"}]}),
    ],
    ids=lambda value: value.partition(".")[0] if isinstance(value, str) else "",
)
@pytest.mark.parametrize("operation", ["invoke", "invoke-with-response-stream"])
def test_every_family_of_models_is_answered(
    bedrock: Server, operation: str, model: str, body: dict[str, Any]
) -> None:
    bedrock.add(response={"content": "Hi"})

    reply = post(bedrock, operation, body, model=model)
    told = reply.json if operation == "invoke" else chunks(reply)
    assert '"Hi' in json.dumps(told)


@pytest.mark.parametrize(
    ("fixture", "fault"),
    [
        ({"match": {"userMesage": "typo"}, "response": {"content": "a"}}, "userMessage"),
        ({"response": {"content": "a"}}, "is required"),
        ({"match": {}, "response": {"content": "a"}, "latancy": 5}, "latency"),
        (tool(name="a", arguments=5), "arguments"),
        (tool(name="a", arguments={}, id=""), "toolCalls[0].id"),
        ({"match": {}, "response": {"content": "\ud83d"}}, "surrogate"),
    ],
    ids=["match key", "no match", "option", "arguments", "empty id", "lone surrogate"],
)
def test_what_would_fail_silently_is_refused(
    bedrock: Server, fixture: dict[str, Any], fault: str
) -> None:
    reply = control(bedrock, "POST", "/__aimock/fixtures", {"fixtures": [fixture]})

    assert reply.status == 400
    assert fault in reply.body.decode()
    assert control(bedrock, "GET", "/__control/fixtures").json["count"] == 0


def test_a_fixture_that_never_answers_is_refused(bedrock: Server) -> None:
    added = [
        {"match": {"userMessage": text}, "response": {"content": text}}
        for text in ("trunc", "slowtrunc")
    ]
    refused = control(bedrock, "POST", "/__control/fixtures", {"fixtures": added})
    taken = control(bedrock, "POST", "/__control/fixtures", {"fixtures": added[::-1]})

    assert "never answers" in refused.body.decode()
    assert (refused.status, taken.status) == (400, 200)


def test_six_hundred_sessions_keep_their_place(bedrock: Server) -> None:
    for step in range(2):
        bedrock.add(match={"sequenceIndex": step}, response={"content": str(step)})

    def go(session: int) -> str:
        headers = {**JSON, "x-test-id": f"session {session}"}
        reply = post(bedrock, "converse", asking("go"), headers=headers)
        text: str = reply.json["output"]["message"]["content"][0]["text"]
        return text

    assert {go(session) for session in range(600)} == {"0"}
    assert {go(session) for session in range(600)} == {"1"}


def test_a_session_needs_no_header_but_the_signature_s(bedrock: Server) -> None:
    for step in range(2):
        bedrock.add(match={"sequenceIndex": step}, response={"content": str(step)})
    texts = []
    for key in ("AKIDONE", "AKIDTWO", "AKIDONE"):
        client = bedrock.client(aws_access_key_id=key)
        answer = client.converse(modelId=MODEL, messages=asking("go")["messages"])
        texts.append(answer["output"]["message"]["content"][0]["text"])

    assert texts == ["0", "0", "1"]


def test_secrets_do_not_reach_the_journal(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hi"})
    client = bedrock.client(aws_session_token="a-session-token")  # noqa: S106
    client.converse(modelId=MODEL, messages=asking("hello")["messages"])
    keys = {"authorization": "Bearer a-token", "x-api-key": "a-key", "cookie": "a-cookie"}
    ask(bedrock.url, "POST", CONVERSE, asking("hello"), {**JSON, **keys})
    told = control(bedrock, "GET", "/__control/journal").body.decode()

    assert told.count('"hello"') == 2
    assert "x-amz-security-token" in told.lower()
    for secret in ("a-session-token", "a-token", "a-key", "a-cookie", "Signature="):
        assert secret not in told


def test_the_journal_is_read_page_by_page(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hi"})
    for number in range(5):
        post(bedrock, "converse", asking(f"number {number} " + "x" * 200_000))
    page = control(bedrock, "GET", "/__aimock/journal?offset=3&limit=1")

    assert page.headers["x-total-count"] == "5"
    (entry,) = page.json
    assert entry["bodyBytes"] > 200_000
    assert entry["response"]["status"] == 200


def test_a_truncated_stream_is_not_journalled_as_delivered(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "cut"}, response={"content": "Hi"}, truncateAfterChunks=2)
    bedrock.add(response={"content": "Hi"})
    for text in ("cut", "whole"):
        post(bedrock, "converse-stream", asking(text))
    told = control(bedrock, "GET", "/__control/journal").json

    assert [entry["response"]["interrupted"] for entry in told] == [True, False]
    assert [entry["response"]["frames"] for entry in told] == [2, 5]


@prefixes
def test_fixtures_come_and_go_while_it_runs(bedrock: Server, prefix: str) -> None:
    fixture = {"match": {"userMessage": "hello"}, "response": {"content": "by hand"}}
    added = control(bedrock, "POST", f"{prefix}/fixtures", {"fixtures": [fixture]})
    answer = say(bedrock, "converse")
    deleted = control(bedrock, "DELETE", f"{prefix}/fixtures")

    assert (added.status, added.json) == (200, {"added": 1})
    assert answer.blocks == [("text", "by hand")]
    assert deleted.status == 200
    assert post(bedrock, "converse", asking("hello")).status == 404


@prefixes
def test_a_one_shot_error_and_a_reset(bedrock: Server, prefix: str) -> None:
    bedrock.add(response={"content": "Hi"})
    queued = control(
        bedrock, "POST", f"{prefix}/error", {"status": 429, "body": {"message": "slow down"}}
    )
    replies = [post(bedrock, "converse", asking("hello")) for _ in range(2)]
    reset = control(bedrock, "POST", f"{prefix}/reset/journal")

    assert queued.status == 200
    assert error(replies[0]) == (429, "ThrottlingException", "slow down")
    assert replies[1].status == 200
    assert reset.status == 200
    assert bedrock.requests == []


def test_an_added_fixture_may_go_before_a_catch_all(bedrock: Server) -> None:
    bedrock.add(response={"content": "anything"})
    fixture = {"match": {"userMessage": "hello"}, "response": {"content": "specific"}}
    path = "/__control/fixtures?position=first"
    assert control(bedrock, "POST", path, {"fixtures": [fixture]}).status == 200

    assert say(bedrock, "converse").blocks == [("text", "specific")]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", CONVERSE),
        ("POST", f"{CONVERSE}/"),
        ("POST", "/model/converse"),
        ("POST", f"/model/{MODEL}/converse-streams"),
        ("POST", "/v1/chat/completions"),
    ],
)
def test_an_unknown_route_is_a_typed_error(bedrock: Server, method: str, path: str) -> None:
    bedrock.add(response={"content": "Hi"})
    reply = ask(bedrock.url, method, path, asking("hello"))

    assert reply.status in (404, 405)
    assert (reply.error_type or "").startswith("UnknownOperationException")
    assert list(json.loads(reply.body)) == ["message"]


def test_a_connection_is_kept_for_the_next_request(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi"})
    with connect(bedrock.url) as connection:
        statuses = [
            connection.ask("POST", path, asking(text)).status
            for path in (CONVERSE, CONVERSE_STREAM)
            for text in ("hello", "miss", "hello")
        ]

    assert statuses == [200, 404, 200] * 2

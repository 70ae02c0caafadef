"""What has gone wrong in fakes of Bedrock before, one test each: what they say."""

import base64
import json
import socket
from typing import Any, Final

import pytest

import bedrock_frames as bf
from bedrock_frames.server import Server
from tests.support import wire_format as wire
from tests.support.bedrock_replies import (
    OPERATIONS,
    STREAMS,
    body_for,
    chunks,
    events,
    message,
    post,
    say,
)
from tests.support.http_client import CONVERSE_STREAM, MODEL, asking, connect

EVERYTHING: Final[dict[str, Any]] = {
    "reasoning": "Let me think.",
    "reasoningSignature": "c2lnbmF0dXJl",
    "redactedThinking": ["cmVkYWN0ZWQ="],
    "content": "Grüße! 👩‍👩‍👧",
    "toolCalls": [{"name": "look", "arguments": {"at": "it"}}, {"name": "wait", "arguments": {}}],
}
CONVERSE_EVENTS: Final = {
    *("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop"),
    *("messageStop", "metadata"),
}

each = pytest.mark.parametrize("operation", OPERATIONS)


def converse_events(bedrock: Server, text: str = "hello") -> list[tuple[str, dict[str, Any]]]:
    return events(post(bedrock, "converse-stream", body_for("converse", text)))


def invoke_chunks(bedrock: Server) -> list[dict[str, Any]]:
    return chunks(post(bedrock, STREAMS[1], body_for("invoke", "hello")))


def test_a_payload_does_not_repeat_the_name_of_its_event(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    found = converse_events(bedrock)

    assert {name for name, _ in found} == CONVERSE_EVENTS
    assert not [name for name, payload in found if CONVERSE_EVENTS & payload.keys()]


def test_a_union_has_exactly_one_member(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    unions = [
        payload[key]
        for _, payload in converse_events(bedrock)
        for key in ("start", "delta")
        if key in payload
    ]
    inner = [union["reasoningContent"] for union in unions if "reasoningContent" in union]

    assert {next(iter(union)) for union in unions} == {"text", "toolUse", "reasoningContent"}
    assert {next(iter(union)) for union in inner} == {"text", "signature", "redactedContent"}
    assert {len(union) for union in (*unions, *inner)} == {1}


def test_neither_text_nor_reasoning_has_a_start(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    starts = [payload["start"] for name, payload in converse_events(bedrock) if "start" in payload]

    assert [start["toolUse"]["name"] for start in starts] == ["look", "wait"]


def test_reasoning_in_converse_is_not_in_the_form_of_claude(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    said = json.dumps(converse_events(bedrock))

    assert "reasoningContent" in said
    assert "thinking" not in said
    assert "text_delta" not in said


def test_an_invoke_stream_is_not_in_the_form_of_converse(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    found = invoke_chunks(bedrock)
    said = json.dumps(found)

    assert "thinking_delta" in said
    assert "text_delta" in said
    assert not [chunk for chunk in found if CONVERSE_EVENTS & chunk.keys()]
    assert "contentBlockIndex" not in said


def test_a_signature_is_a_delta_of_its_own(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    converse = [
        payload["delta"]["reasoningContent"]
        for name, payload in converse_events(bedrock)
        if name == "contentBlockDelta" and payload["contentBlockIndex"] == 0
    ]
    native = [
        chunk["delta"]
        for chunk in invoke_chunks(bedrock)
        if chunk["type"] == "content_block_delta" and chunk["index"] == 0
    ]

    assert converse[-1] == {"signature": "c2lnbmF0dXJl"}
    assert native[-1] == {"type": "signature_delta", "signature": "c2lnbmF0dXJl"}


def test_boto3_gets_the_bytes_of_an_invoke_stream(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    response = bedrock.client().invoke_model_with_response_stream(
        modelId=MODEL, body=json.dumps(body_for("invoke", "hello"))
    )
    found = [json.loads(event["chunk"]["bytes"]) for event in response["body"]]
    pieces = [
        chunk["delta"]["partial_json"]
        for chunk in found
        if chunk["type"] == "content_block_delta" and chunk["index"] == 3
    ]

    assert json.loads("".join(pieces)) == {"at": "it"}


def test_blocks_are_numbered_without_a_gap_when_there_is_no_text(bedrock: Server) -> None:
    bedrock.add(response={"reasoning": "Hm.", "toolCalls": EVERYTHING["toolCalls"]})
    stops = [
        payload["contentBlockIndex"]
        for name, payload in converse_events(bedrock)
        if name == "contentBlockStop"
    ]

    assert stops == [0, 1, 2]


def test_a_whole_answer_has_all_its_required_members(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hi there!"})
    body = message(post(bedrock, "converse", body_for("converse", "hello")))

    assert sorted(body) == ["metrics", "output", "stopReason", "usage"]
    assert isinstance(body["metrics"]["latencyMs"], int)
    assert sorted(body["usage"]) == ["inputTokens", "outputTokens", "totalTokens"]


@each
def test_usage_is_the_same_in_every_place(bedrock: Server, operation: str) -> None:
    bedrock.add(response={"content": "Hi", "usage": {"inputTokens": 15, "outputTokens": 25}})

    # The last chunk of a stream, message_delta and metadata are compared on the way.
    assert say(bedrock, operation).usage == (15, 25)


def test_cached_tokens_count_in_the_total(bedrock: Server) -> None:
    usage = {"inputTokens": 4, "outputTokens": 10, "cacheReadInputTokens": 2701}
    bedrock.add(response={"content": "Hi", "usage": usage})
    told = converse_events(bedrock)[-1][1]["usage"]

    assert told["totalTokens"] == 2715
    assert told["cacheReadInputTokens"] == 2701


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_character_is_cut_in_two(bedrock: Server, size: int) -> None:
    text = "a😀b👩‍👩‍👧é🇩🇪"
    bedrock.add(response={"content": text}, chunkSize=size)
    reply = post(bedrock, "converse-stream", body_for("converse", "hello"))
    deltas = [
        payload["delta"]["text"] for name, payload in events(reply) if name == "contentBlockDelta"
    ]

    assert "".join(deltas) == text
    assert b"\\u" not in reply.body
    assert "👩‍👩‍👧" in "".join(delta for delta in deltas if "👩" in delta)
    assert not [delta for delta in deltas if delta.startswith("\u200d")]


def test_a_frame_has_three_headers_of_type_string(bedrock: Server) -> None:
    bedrock.add(response={"content": "x" * 100_000}, chunkSize=100_000)
    reply = post(bedrock, "converse-stream", body_for("converse", "hello"))
    frames = wire.split(reply.body)
    parsed = [wire.parse(frame) for frame in frames]

    for frame, (headers, _) in zip(frames, parsed, strict=True):
        assert [(name, kind) for name, kind, _ in headers] == [
            (":event-type", 7),
            (":content-type", 7),
            (":message-type", 7),
        ]
        assert int.from_bytes(frame[:4]) == len(frame)
        assert int.from_bytes(frame[4:8]) == 70 + len(str(headers[0][2]))
    assert max(len(payload) for _, payload in parsed) > 100_000


@pytest.mark.parametrize(
    ("position", "error"),
    [(8, bf.PreludeChecksumMismatch), (20, bf.MessageChecksumMismatch)],
    ids=["prelude", "message"],
)
def test_the_decoder_reports_a_wrong_checksum(
    bedrock: Server, position: int, error: type[Exception]
) -> None:
    bedrock.add(response={"content": "Hi"})
    body = bytearray(post(bedrock, "converse-stream", body_for("converse", "hello")).body)
    assert len(bf.decode_all(bytes(body))) == 5
    body[position] ^= 1

    with pytest.raises(error):
        bf.decode_all(bytes(body))


def test_frames_leave_when_they_are_due_and_not_when_the_stream_ends(bedrock: Server) -> None:
    timing = {"ttft_ms": 0, "gap_ms": 3_600_000}
    bedrock.add(response={"content": "one two three"}, timing=timing)
    with connect(bedrock.url) as connection:
        connection.send("POST", CONVERSE_STREAM, asking("hello"))
        received = b""
        while b"contentBlockDelta" not in received:
            received += connection.socket.recv(65_536)
        connection.socket.shutdown(socket.SHUT_RDWR)

    assert b"messageStart" in received
    assert b"messageStop" not in received


@each
def test_a_response_has_an_id_of_its_own(bedrock: Server, operation: str) -> None:
    bedrock.add(response={"content": "Hi there!"})
    replies = [post(bedrock, operation, body_for(operation, "hello")) for _ in range(2)]
    ids = [reply.headers["x-amzn-requestid"] for reply in replies]

    assert len(set(ids)) == 2
    assert ids == [request.request_id for request in bedrock.requests]


def test_an_invoke_stream_tells_the_type_of_its_chunks(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hi there!"})
    reply = post(bedrock, STREAMS[1], body_for("invoke", "hello"))

    assert reply.headers["x-amzn-bedrock-content-type"] == "application/json"
    assert "content-length" not in reply.headers
    assert "content-encoding" not in reply.headers


def test_an_invoke_answer_tells_its_tokens_in_headers(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hi", "usage": {"inputTokens": 15, "outputTokens": 25}})
    headers = post(bedrock, "invoke", body_for("invoke", "hello")).headers

    assert headers["x-amzn-bedrock-input-token-count"] == "15"
    assert headers["x-amzn-bedrock-output-token-count"] == "25"
    assert headers["x-amzn-bedrock-invocation-latency"].isdigit()


def test_redacted_reasoning_is_base64_in_both_forms(bedrock: Server) -> None:
    bedrock.add(response=EVERYTHING)
    client = bedrock.client()
    content = client.converse(modelId=MODEL, messages=asking("hello")["messages"])["output"][
        "message"
    ]["content"]
    native = post(bedrock, "invoke", body_for("invoke", "hello")).json["content"]

    assert content[1] == {"reasoningContent": {"redactedContent": b"redacted"}}
    assert base64.b64decode(native[1]["data"]) == b"redacted"
    assert native[1]["type"] == "redacted_thinking"


def test_a_whole_answer_tells_the_time_of_its_stream(bedrock: Server) -> None:
    recorded = {"ttftMs": 3, "interChunkDelaysMs": [2, 1], "totalDurationMs": 8}
    bedrock.add(response={"content": "ABCD"}, chunkSize=2, recordedTimings=recorded)
    whole = message(post(bedrock, "converse", body_for("converse", "hello")))
    streamed = converse_events(bedrock)[-1][1]

    assert whole["metrics"] == streamed["metrics"]
    # Six frames: the first after 3 ms, then 2, then 1 for each that has no record.
    assert whole["metrics"] == {"latencyMs": 9}

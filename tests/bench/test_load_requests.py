"""What the load generator sends, and what it refuses to."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bedrock_frames._core import LoadRun
from tests.support.load_runs import Script, answer, drive, event, http, server

BODY = b"".join(answer("Hello", " world"))
KEYS = {
    "kind": "sigv4",
    "access_key": "AKIDEXAMPLE",
    "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "region": "eu-west-1",
}


def listening_to(requests: list[bytes]) -> Script:
    def script(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(http(BODY))

    return script


def parsed(request: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), body


def test_the_request_is_the_one_that_was_asked_for() -> None:
    requests: list[bytes] = []
    with server(listening_to(requests)) as url:
        drive(
            f"{url}/prefix/",
            model="us.anthropic.claude-v1:0",
            requests=3,
            bodies=['{"a":1}', '{"b":2}'],
            headers=[["X-Test-Id", "x"]],
            auth={"kind": "bearer", "token": "secret"},
        )
    first, headers, _ = parsed(requests[0])

    assert first == "POST /prefix/model/us.anthropic.claude-v1%3A0/converse-stream HTTP/1.1"
    assert headers["host"] == url.removeprefix("http://")
    assert headers["X-Test-Id"] == "x"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == "Bearer secret"
    assert [parsed(request)[2] for request in requests] == [b'{"a":1}', b'{"b":2}', b'{"a":1}']


@pytest.mark.parametrize("token", [None, "session/token=="])
@pytest.mark.parametrize("model", ["m", "us.x-v1:0", "arn:aws:bedrock:us-east-1:1:model/a b+c~é"])
def test_a_signature_is_the_one_that_botocore_makes(model: str, token: str | None) -> None:
    requests: list[bytes] = []
    auth = KEYS | ({"session_token": token} if token else {})
    with server(listening_to(requests)) as url:
        drive(url, model=model, requests=1, auth=auth, bodies=['{"a":"é"}'])
    first, headers, body = parsed(requests[0])

    request = AWSRequest(
        method="POST",
        url=url + first.split()[1],
        data=body,
        headers={"content-type": headers["content-type"], "host": headers["host"]},
    )
    request.context["timestamp"] = headers["x-amz-date"]
    credentials = Credentials(KEYS["access_key"], KEYS["secret_key"], token)
    signer = SigV4Auth(credentials, "bedrock", KEYS["region"])
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    signature = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )

    stated = re.fullmatch(
        r".*Credential=(\S+), SignedHeaders=(\S+), Signature=(\S+)", headers["authorization"]
    )
    assert stated is not None
    assert stated[3] == signature
    assert stated[2] == signer.signed_headers(signer.headers_to_sign(request))
    assert headers.get("x-amz-security-token") == token


def test_a_session_answers_tool_calls_until_the_turn_ends() -> None:
    calls = [
        event("messageStart", {"role": "assistant"}),
        event(
            "contentBlockStart",
            {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t1", "name": "add"}}},
        ),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "tool_use"}),
        answer()[-1],
    ]
    asked: list[tuple[dict[str, str], Any]] = []

    def script(connection: socket.socket, request: bytes) -> None:
        _, headers, body = parsed(request)
        question = json.loads(body)
        asked.append((headers, question))
        again = len(question["messages"]) < 5
        connection.sendall(http(b"".join(calls) if again else BODY))

    with server(script) as url:
        found = drive(
            url,
            requests=2,
            seed=9,
            sessions={"think_time_ms": 1, "tool_result": "42", "header": "X-Test-Id"},
        )

    assert found["stop_reasons"] == {"tool_use": 4, "end_turn": 2}
    assert [headers["X-Test-Id"] for headers, _ in asked] == ["bench-9-0"] * 3 + ["bench-9-1"] * 3
    assert [len(question["messages"]) for _, question in asked] == [1, 3, 5] * 2
    last = asked[2][1]["messages"][-1]["content"]
    assert last == [{"toolResult": {"toolUseId": "t1", "content": [{"text": "42"}]}}]


def test_a_trace_says_when_and_how_much(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    lines = [{"timestamp": 10 * i, "input_length": i + 1, "output_length": 7} for i in range(5)]
    trace.write_text("\n".join(map(json.dumps, lines)))
    requests: list[bytes] = []
    with server(listening_to(requests)) as url:
        found = drive(url, arrivals={"kind": "trace", "path": str(trace)})
    bodies = [json.loads(parsed(request)[2]) for request in requests]
    words = [body["messages"][0]["content"][0]["text"].split() for body in bodies]

    assert found["requests"]["completed"] == 5
    assert sorted(map(len, words)) == [1, 2, 3, 4, 5]
    assert bodies[0]["inferenceConfig"] == {"maxTokens": 7}


def test_a_host_with_several_addresses_need_listen_on_one() -> None:
    with server(listening_to([])) as url:
        found = drive(url.replace("127.0.0.1", "localhost"), requests=4)

    assert found["errors"] == {}


def test_sources_are_where_connections_come_from() -> None:
    peers: list[str] = []

    def script(connection: socket.socket, _: bytes) -> bool:
        peers.append(connection.getpeername()[0])
        connection.sendall(http(BODY))
        return False

    with server(script) as url:
        drive(url, requests=4, sources=["127.0.0.2", "127.0.0.3"])

    assert set(peers) == {"127.0.0.2", "127.0.0.3"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "x"}, "url: must be"),
        ({"arrivals": {"kind": "closed", "concurrency": 0}}, "arrivals.concurrency: must be"),
        ({"surprise": 1}, "unknown field `surprise`, expected one of"),
        ({"bodies": ["{"]}, r"bodies\[0\]: not JSON"),
        ({"body_file": "/nowhere"}, "body_file: /nowhere: "),
        ({"arrivals": {"kind": "trace", "path": "/nowhere"}}, "arrivals.path: /nowhere: "),
        ({"headers": [["a b", "c"]]}, "headers: not a header's name"),
        ({"url": "https://127.0.0.1:1", "tls": {"ca_file": "/nowhere"}}, "tls.ca_file: /nowhere"),
    ],
)
def test_options_that_make_no_sense_are_named(options: dict[str, Any], message: str) -> None:
    least = {"url": "http://127.0.0.1:9", "model": "m", "duration_s": 1}
    closed = {"arrivals": {"kind": "closed", "concurrency": 1}}
    with pytest.raises(ValueError, match=message):
        LoadRun(json.dumps(least | closed | options))

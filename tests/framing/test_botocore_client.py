"""boto3 against a server on a real socket: the same events and exceptions, installed or not."""

from __future__ import annotations

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import EventStreamError
from botocore.parsers import ResponseParserError

from bedrock_frames import botocore as drop_in
from tests.support import vector_cases
from tests.support import wire_format as wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from tests.support.vector_cases import Recording

CHUNK: Final = 700
"""Bytes in one HTTP chunk: frames straddle them."""


def event(name: str, payload: bytes) -> bytes:
    return wire.encode({":event-type": name, ":message-type": "event"}, payload)


def failure(kind: str, **headers: str) -> bytes:
    named = {f":{name.replace('_', '-')}": value for name, value in headers.items()}
    return wire.encode({":message-type": kind, **named}, b'{"message":"too many requests"}')


START: Final = event("messageStart", b'{"p":"abc","role":"assistant"}')
DELTA: Final = event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"h\\u00e9"}}')
STOP: Final = event("messageStop", b'{"p":"abcd","stopReason":"end_turn"}')

BODIES: Final = {
    "whole": START + DELTA * 40 + STOP,
    "unknown event": START + event("somethingNew", b"{}") + STOP,
    "exception": START + failure("exception", exception_type="throttlingException") + STOP,
    "error": START + failure("error", error_code="InternalFailure", error_message="oh"),
    "unknown exception": START + failure("exception", exception_type="novelException"),
    "broken union": START
    + event("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"a","type":"b"}}'),
    "unknown member": event("contentBlockDelta", b'{"delta":{"novel":1}}'),
    "invalid JSON": START + event("messageStop", b'{"stopReason":'),
    "corrupted": START + DELTA[:-1] + b"\0",
    "no frames": b'{"message":"not an event stream"}',
    "cut short": START + DELTA[:-1],
    "empty": b"",
}


class Handler(BaseHTTPRequestHandler):
    """Answers with the body that the model id names."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bodies: ClassVar[dict[str, bytes]] = BODIES | {r.name: r.data for r in vector_cases.RECORDINGS}

    def handle(self) -> None:
        # A client that has met an error in its stream does not read on.
        with suppress(ConnectionError):
            super().handle()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = self.bodies[unquote(self.path.split("/")[2])]
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        chunks = (body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
        for chunk in chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its base's name)
        """Say nothing."""


@pytest.fixture(scope="module")
def client() -> Iterator[BedrockRuntimeClient]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106  (nobody checks it)
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


class Outcome(NamedTuple):
    events: list[Any]
    error: tuple[type[Exception], str, object] | None


def converse(client: BedrockRuntimeClient, model: str) -> Outcome:
    messages: Any = [{"role": "user", "content": [{"text": "hello"}]}]
    return consume(client.converse_stream(modelId=model, messages=messages)["stream"])


def invoke(client: BedrockRuntimeClient, model: str) -> Outcome:
    response = client.invoke_model_with_response_stream(modelId=model, body=b"{}")
    return consume(response["body"])


def consume(stream: Any) -> Outcome:
    events = []
    try:
        events += stream  # A list keeps what came before the exception.
    except Exception as error:
        return Outcome(events, (type(error), str(error), getattr(error, "response", None)))
    finally:
        stream.close()
    return Outcome(events, None)


def both_ways(call: Any, client: BedrockRuntimeClient, model: str) -> Outcome:
    """Return the outcome of a call, which is the same with and without ``install()``."""
    plain: Outcome = call(client, model)
    drop_in.install()
    try:
        native: Outcome = call(client, model)
    finally:
        drop_in.uninstall()
    assert native == plain
    assert repr(native.events) == repr(plain.events)
    return native


@pytest.mark.parametrize(
    "recording", vector_cases.RECORDINGS, ids=[r.name for r in vector_cases.RECORDINGS]
)
def test_a_recorded_answer_is_the_same(client: BedrockRuntimeClient, recording: Recording) -> None:
    answers = [both_ways(call, client, recording.name) for call in (converse, invoke)]

    assert any(answer.events or answer.error for answer in answers)


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_of_any_kind_is_the_same(client: BedrockRuntimeClient, body: str) -> None:
    both_ways(converse, client, body)
    both_ways(invoke, client, body)


@pytest.mark.parametrize(
    ("body", "events", "error"),
    [
        ("whole", 42, None),
        ("unknown event", 2, None),
        ("exception", 1, EventStreamError),
        ("error", 1, EventStreamError),
        ("broken union", 1, ResponseParserError),
        ("unknown member", 1, None),
        ("corrupted", 1, ChecksumMismatch),
        ("no frames", 0, ChecksumMismatch),
        ("cut short", 1, None),
    ],
)
def test_answers_are_what_they_are_meant_to_be(
    client: BedrockRuntimeClient, body: str, events: int, error: type[Exception] | None
) -> None:
    outcome = both_ways(converse, client, body)

    assert len(outcome.events) == events
    assert (outcome.error and outcome.error[0]) is error

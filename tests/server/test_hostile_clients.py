"""Bad input, early leavers and deliberate cuts: a clear answer or a clean close, nothing leaked."""

import gc
import os
import random
import socket
from collections.abc import Iterator
from typing import Any, Final

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from bedrock_frames import decode_all
from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, MODEL, ask, asking, connect
from tests.support.serve_process import samples

HELLO: Final[dict[str, Any]] = {
    "match": {"userMessage": "hello"},
    "response": {"content": "still here"},
}
SLOW: Final[dict[str, Any]] = {
    "match": {"userMessage": "slow"},
    "response": {"content": "It takes its time, this one does."},
    "timing": {"ttft_ms": 20, "gap_ms": 3_600_000},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server([HELLO, SLOW], max_body_bytes=100_000) as server:
        yield server


@pytest.fixture(autouse=True)
def _still_serving(server: Server) -> Iterator[None]:
    """Hold after every test: it answers, and nothing is under way."""
    yield
    reply = ask(server.url, "POST", CONVERSE, asking("hello"))
    assert reply.json["output"]["message"]["content"] == [{"text": "still here"}]
    idle(server)


def idle(server: Server) -> None:
    """Ask until the server has noticed that everybody has left."""
    for _ in range(10_000):
        text = ask(server.url, "GET", "/metrics").body.decode()
        if "\nbedrock_frames_streams_active 0.0" in text and (
            "\nbedrock_frames_requests_in_flight 0.0" in text
        ):
            return
    pytest.fail("streams or requests are still under way")


BODIES: Final = {
    "empty": b"",
    "not JSON": b"{not valid",
    "truncated JSON": b'{"messages": [{"role": "user"',
    "not UTF-8": b'{"messages": "\xff\xfe"}',
    "a number": b"7",
    "null": b"null",
    "an array": b"[]",
    "no messages": b"{}",
    "messages of the wrong type": b'{"messages": "x"}',
    "content of the wrong type": b'{"messages": [{"role": "user", "content": 5}]}',
    "100,000 deep arrays": b"[" * 100_000,
    "deep in the messages": b'{"messages": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
    "deep objects": b'{"a":' * 16_000 + b"1" + b"}" * 16_000,
    "event stream": b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff",
}


@pytest.mark.parametrize("path", [CONVERSE, CONVERSE_STREAM])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_malformed_body_gets_a_typed_answer(server: Server, path: str, body: bytes) -> None:
    reply = ask(server.url, "POST", path, body)

    assert reply.status in (400, 404)
    assert reply.error_type
    assert reply.json["message"]


@given(body=st.binary(max_size=300), cut=st.integers(0, 300), path=st.sampled_from(
    [CONVERSE, CONVERSE_STREAM, f"/model/{MODEL}/invoke", f"/model/{MODEL}/count-tokens"]
))  # fmt: skip
@settings(max_examples=100)
def test_no_body_makes_a_server_error(server: Server, body: bytes, cut: int, path: str) -> None:
    good = b'{"messages":[{"role":"user","content":[{"text":"hello"}]}],"inputText":"hello"}'
    reply = ask(server.url, "POST", path, good[: cut % len(good)] + body)

    assert reply.status < 500
    assert reply.complete


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data", "\x7f", ""]
)
def test_the_content_type_does_not_matter(server: Server, content_type: str) -> None:
    headers = {"content-type": content_type}

    assert ask(server.url, "POST", CONVERSE, asking("hello"), headers).status in (200, 400)


@pytest.mark.parametrize("size", [100_001, 250_000])
def test_a_body_above_the_limit_is_read_to_its_end_and_refused(server: Server, size: int) -> None:
    with connect(server.url) as connection:
        reply = connection.ask("POST", CONVERSE, b" " * size)
        again = connection.ask("POST", CONVERSE, asking("hello"))

    assert reply.status in (400, 413)
    assert reply.error_type is not None
    assert reply.error_type.split(":")[0] == "ValidationException"
    assert "100" in reply.json["message"]
    assert again.status == 200


def test_a_body_at_the_limit_is_read(server: Server) -> None:
    body = b'{"messages":[{"role":"user","content":[{"text":"hello"}]}]'
    reply = ask(server.url, "POST", CONVERSE, body.ljust(99_999) + b"}")

    assert reply.status == 200


def test_a_body_without_end_is_not_read_to_its_end(server: Server) -> None:
    with connect(server.url) as connection:
        connection.send("POST", CONVERSE, b" ", length=1_000_000_000)
        with pytest.raises(OSError, match=r"."):
            connection.send_until_closed(b" " * 100_000, 9_999)


def test_a_body_of_25_mb_and_more_is_refused() -> None:
    with Server([HELLO]) as big:
        reply = ask(big.url, "POST", CONVERSE, b" " * 25_000_001)
        held = b'{"messages":[{"role":"user","content":[{"text":"hello"}]}]'.ljust(24_999_999)
        allowed = ask(big.url, "POST", CONVERSE, held + b"}")

    assert reply.status in (400, 413)
    assert reply.json["message"]
    assert allowed.status == 200


@pytest.mark.parametrize("sent", [0, 1, 30])
def test_a_request_that_ends_in_its_body_is_forgotten(server: Server, sent: int) -> None:
    with connect(server.url) as connection:
        connection.send("POST", CONVERSE, b"x" * sent, length=100)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nno\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\x00" * 1000,
    ],
)
def test_what_is_not_http_is_closed(server: Server, garbage: bytes) -> None:
    with connect(server.url) as connection:
        connection.socket.sendall(garbage)
        connection.socket.shutdown(socket.SHUT_WR)
        answer = connection.socket.recv(65_536)

    assert answer == b"" or b" 400 " in answer.splitlines()[0] or b" 404 " in answer.splitlines()[0]


def test_a_head_without_end_is_closed(server: Server) -> None:
    with connect(server.url) as connection:
        connection.socket.sendall(b"GET /health HTTP/1.1\r\nx: ")
        with pytest.raises(OSError, match=r"."):
            connection.send_until_closed(b"x" * 100_000, 9_999)


def test_a_long_head_is_read(server: Server) -> None:
    reply = ask(server.url, "GET", "/health", b"", {"authorization": "x" * 50_000})

    assert reply.status == 200


def test_random_bytes_in_a_request_never_stop_the_server(server: Server) -> None:
    chance = random.Random(0)  # noqa: S311
    good = b"POST /model/m/converse HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    for _ in range(200):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with connect(server.url) as connection:
            connection.socket.sendall(data)
            connection.socket.shutdown(socket.SHUT_WR)
            answer = connection.socket.recv(65_536)
        assert not answer.startswith(b"HTTP/1.1 5") or b" 505 " in answer or b" 501 " in answer


def test_a_connection_is_reused(server: Server) -> None:
    with connect(server.url) as connection:
        statuses = [
            connection.ask("POST", path, asking(text)).status
            for _ in range(3)
            for path in (CONVERSE, CONVERSE_STREAM)
            for text in ("hello", "nobody")
        ]

    assert statuses == [200, 404] * 6


def disconnects(server: Server) -> float:
    return samples(server.url)["disconnects_total"]


def test_clients_that_leave_in_mid_stream_are_noticed(server: Server) -> None:
    left = disconnects(server)
    for _ in range(20):
        with connect(server.url) as connection:
            connection.send("POST", CONVERSE_STREAM, asking("slow"))
            assert connection.socket.recv(10).startswith(b"HTTP/1.1 ")
    idle(server)
    _, entries = server.parts.engine.journal(limit=1000)

    assert disconnects(server) - left == 20
    assert [e.outcome for e in entries[-20:]] == ["client_left"] * 20
    assert all(0 < e.sent_frames < 5 for e in entries[-20:])


def test_nothing_is_left_of_clients_that_left(server: Server) -> None:
    def leave(number: int) -> None:
        for k in range(number):
            with connect(server.url) as connection:
                connection.send("POST", CONVERSE_STREAM, asking("slow"))
                if k % 2:
                    connection.socket.recv(10)
        idle(server)
        gc.collect()

    def held() -> tuple[int, int]:
        kinds = {"_Stream", "Answer", "RequestResponseCycle", "BoundedProtocol"}
        objects = sum(type(o).__name__ in kinds for o in gc.get_objects())
        return objects, len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    leave(10)
    before = held()
    leave(60)
    after = held()

    assert after[0] - before[0] < 10
    assert after[1] - before[1] < 10


def test_too_many_at_a_time_get_a_typed_answer() -> None:
    with Server([HELLO, SLOW], max_in_flight=2, drain_timeout=0) as small:
        with connect(small.url) as one, connect(small.url) as two:
            for connection in (one, two):
                connection.send("POST", CONVERSE_STREAM, asking("slow"))
                connection.socket.recv(10)
            reply = ask(small.url, "POST", CONVERSE, asking("hello"))
        idle(small)
        after = ask(small.url, "POST", CONVERSE, asking("hello"))

    assert (reply.status, reply.error_type) == (503, "ServiceUnavailableException")
    assert after.status == 200


def cut_fixture(bedrock: Server, **options: Any) -> None:
    bedrock.add(response={"content": "Never to be heard to its end."}, chunkSize=3, **options)


@pytest.mark.parametrize("frames", [1, 2, 4])
@pytest.mark.parametrize("timing", [{}, {"timing": {"ttft_ms": 3, "gap_ms": 1}}])
def test_a_truncated_stream_ends_after_just_those_frames(
    bedrock: Server, frames: int, timing: dict[str, Any]
) -> None:
    cut_fixture(bedrock, truncateAfterChunks=frames, **timing)
    reply = ask(bedrock.url, "POST", CONVERSE_STREAM, asking("hi"))
    (entry,) = bedrock.requests

    assert reply.status == 200
    assert not reply.complete
    assert len(decode_all(reply.body)) == frames
    assert (entry.outcome, entry.sent_frames) == ("cut", frames)


def test_a_disconnect_after_a_time_sends_what_was_due(bedrock: Server) -> None:
    cut_fixture(bedrock, timing={"ttft_ms": 0, "gap_ms": 1_000_000}, disconnectAfterMs=30)
    reply = ask(bedrock.url, "POST", CONVERSE_STREAM, asking("hi"))

    assert not reply.complete
    assert [m.event_type for m in decode_all(reply.body)] == ["messageStart", "contentBlockDelta"]


def test_boto3_notices_a_cut(bedrock: Server) -> None:
    cut_fixture(bedrock, truncateAfterChunks=3)
    client = bedrock.client(config=Config(retries={"total_max_attempts": 1}))
    response = client.converse_stream(modelId=MODEL, messages=asking("hi")["messages"])
    seen: list[Any] = []
    with pytest.raises((ProtocolError, BotoCoreError, ClientError)):
        seen.extend(response["stream"])

    assert [r.outcome for r in bedrock.requests] == ["cut"]


def test_a_cut_is_not_logged_as_an_error(bedrock: Server, caplog: pytest.LogCaptureFixture) -> None:
    cut_fixture(bedrock, truncateAfterChunks=3)
    ask(bedrock.url, "POST", CONVERSE_STREAM, asking("hi"))
    ask(bedrock.url, "GET", "/health")

    assert [record for record in caplog.records if record.levelname == "ERROR"] == []

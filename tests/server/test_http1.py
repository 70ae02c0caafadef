"""HTTP/1.1, whatever part of it a request uses; bounds; and who comes and goes."""

import json
import random
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames import decode_all
from bedrock_frames._core import Plane
from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, ask, asking, connect
from tests.support.native_server import at_rest, curl, needs_curl, paced, plane, wait_for

CURL_STREAM_WAS_RESET: Final = 92
TEXT: Final = "Word after word, as if there were no end to it, until there is."
FIXTURES: Final[list[Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": TEXT}},
    paced("a little at a time", gap_ms=2),
    paced("for ever and ever and ever", gap_ms=3_600_000),
    {
        "match": {"userMessage": "large"},
        "response": {"content": "x" * 5_000_000},
        "chunkSize": 4096,
    },
    {
        "match": {"userMessage": "cut"},
        "response": {"content": TEXT},
        "chunkSize": 3,
        "truncateAfterChunks": 4,
    },
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Plane]]:
    with plane(FIXTURES, threads=2) as served:
        yield served


@pytest.fixture(scope="module")
def url(served: tuple[str, Plane]) -> str:
    return served[0]


@pytest.fixture(autouse=True)
def _still_serving(served: tuple[str, Plane]) -> Iterator[None]:
    """Hold after every test: it answers, and nothing is under way."""
    yield
    assert ask(served[0], "POST", CONVERSE, asking("hello")).status == 200
    at_rest(served[1])


def raw(text: str, path: str = CONVERSE, *lines: str) -> bytes:
    body = json.dumps(asking(text)).encode()
    head = [f"POST {path} HTTP/1.1", "host: test", f"content-length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def said(body: bytes) -> str:
    text: str = json.loads(body)["output"]["message"]["content"][0]["text"]
    return text


def test_pipelined_requests_are_answered_in_their_order(url: str) -> None:
    with connect(url) as connection:
        slow, fast = raw("a little at a time", CONVERSE_STREAM), raw("hello")
        connection.socket.sendall(fast + slow + fast + slow + fast)
        replies = [connection.reply() for _ in range(5)]

    assert all(reply.complete for reply in replies)
    assert [said(reply.body) for reply in replies[::2]] == [TEXT] * 3
    assert len(decode_all(replies[1].body)) == len(decode_all(replies[3].body)) > 5


def test_more_than_is_kept_can_be_pipelined(url: str) -> None:
    count = 2000
    with connect(url) as connection:
        connection.socket.sendall(raw("a little at a time", CONVERSE_STREAM))
        connection.socket.sendall(raw("hello") * count)
        assert connection.reply().complete
        assert all(said(connection.reply().body) == TEXT for _ in range(count))


@pytest.mark.parametrize("seed", range(5))
def test_requests_may_come_in_any_pieces(url: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    data = raw("hello") + b"\r\n" + raw("a little at a time") + raw("hello")
    cuts = sorted(chance.sample(range(len(data)), 40))
    with connect(url) as connection:
        for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
            connection.socket.sendall(data[start:end])
        assert [connection.reply().status for _ in range(3)] == [200] * 3


def test_a_request_may_come_byte_by_byte(url: str) -> None:
    with connect(url) as connection:
        for byte in raw("hello"):
            connection.socket.sendall(bytes([byte]))
        assert said(connection.reply().body) == TEXT


def test_a_client_that_waits_for_100_continue_gets_it(url: str) -> None:
    head, _, body = raw("hello", CONVERSE, "expect: 100-continue").partition(b"\r\n\r\n")
    with connect(url) as connection:
        connection.socket.sendall(head + b"\r\n\r\n")
        assert connection.reply().status == 100
        connection.socket.sendall(body)
        assert said(connection.reply().body) == TEXT


def test_a_request_body_may_be_chunked(url: str) -> None:
    body = json.dumps(asking("hello")).encode()
    head = f"POST {CONVERSE} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n"
    with connect(url) as connection:
        for _ in range(2):
            pieces = [body[:9], body[9:]]
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            connection.socket.sendall(head.encode() + chunks + b"0\r\n\r\n")
            assert said(connection.reply().body) == TEXT


def test_a_connection_ends_where_it_is_asked_to(url: str) -> None:
    with connect(url) as connection:
        connection.socket.sendall(raw("hello", CONVERSE, "connection: close"))
        reply = connection.reply()
        assert reply.headers["connection"] == "close"
        assert connection.socket.recv(1) == b""


def test_what_comes_behind_the_last_request_takes_nothing_back(url: str) -> None:
    with connect(url) as connection:
        connection.socket.sendall(raw("large", CONVERSE_STREAM, "connection: close"))
        with suppress(TimeoutError):
            # As much as fits: nobody reads it.
            connection.socket.settimeout(0.1)
            while True:
                connection.socket.sendall(b"x" * 100_000)
        connection.socket.settimeout(20)
        assert connection.reply().complete
        assert connection.socket.recv(1) == b""


@pytest.mark.parametrize("path", [CONVERSE, "/health"])
def test_empty_lines_before_a_request_are_nothing(path: str) -> None:
    with plane(FIXTURES, head_timeout=0.01) as (url, serving), connect(url) as connection:
        for _ in range(2):
            connection.socket.sendall(b"\r\n\n" + raw("hello", path) + b"\r\n")
            assert connection.reply().status == (200 if path == CONVERSE else 404)
        with connect(url) as slow:
            # Who waits for its end has seen the limits looked at.
            slow.socket.sendall(b"POST")
            assert slow.reply().status == 408
        wait_for(serving, connections=1)
        assert connection.ask("POST", CONVERSE, asking("hello")).status == 200


def test_http_1_0_gets_a_body_that_ends_with_its_connection(url: str) -> None:
    body = json.dumps(asking("a little at a time")).encode()
    request = f"POST {CONVERSE_STREAM} HTTP/1.0\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with connect(url) as connection:
        connection.socket.sendall(request + body)
        answer = b"".join(iter(lambda: connection.socket.recv(65_536), b""))
    head, _, frames = answer.partition(b"\r\n\r\n")

    assert b"chunked" not in head
    assert len(decode_all(frames)) > 5


def test_a_cut_stream_has_its_frames_and_no_end(url: str) -> None:
    whole = ask(url, "POST", CONVERSE_STREAM, asking("hello"))
    cut = ask(url, "POST", CONVERSE_STREAM, asking("cut"))

    assert whole.complete
    assert not cut.complete
    assert len(decode_all(cut.body)) == 4


@needs_curl
def test_a_cut_stream_over_http_2_has_its_frames_and_no_end(url: str, tmp_path: Path) -> None:
    body = json.dumps(asking("cut")).encode()
    with pytest.raises(subprocess.CalledProcessError) as cut:
        curl(tmp_path, url + CONVERSE_STREAM, "--http2-prior-knowledge", body=body)

    assert cut.value.returncode == CURL_STREAM_WAS_RESET
    assert len(decode_all((tmp_path / "body").read_bytes())) == 4


def test_a_large_answer_comes_whole_however_slowly_it_is_read(url: str) -> None:
    with connect(url) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.send("POST", CONVERSE_STREAM, asking("large"))
        reply = connection.reply()

    assert reply.complete
    text = b"".join(message.payload for message in decode_all(reply.body))
    assert text.count(b"x") >= 5_000_000


def test_a_stalled_reader_does_not_delay_others(served: tuple[str, Plane]) -> None:
    url, serving = served
    with connect(url) as connection:
        connection.send("POST", CONVERSE_STREAM, asking("large"))
        before = wait_for(serving, in_flight=1)
        assert ask(url, "POST", CONVERSE_STREAM, asking("a little at a time")).complete
        wait_for(serving, in_flight=1)
    after = wait_for(serving, in_flight=0)

    assert after.client_left == before.client_left + 1


@pytest.mark.parametrize("how", ["close", "reset", "half close"])
def test_a_client_that_leaves_is_noticed(served: tuple[str, Plane], how: str) -> None:
    url, serving = served
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(100)]
        for connection in connections:
            connection.send("POST", CONVERSE_STREAM, asking("for ever and ever and ever"))
        wait_for(serving, streams=100)
        for connection in connections:
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            if how == "half close":
                connection.socket.shutdown(socket.SHUT_WR)
            else:
                connection.close()
        wait_for(serving, streams=0, connections=0)


def test_a_burst_of_connections_is_spread_and_forgotten(served: tuple[str, Plane]) -> None:
    url, serving = served
    with ExitStack() as stack:
        for _ in range(500):
            stack.enter_context(connect(url))
        wait_for(serving, connections=500)
    wait_for(serving, connections=0)


def test_a_head_that_does_not_end_is_timed_out() -> None:
    with plane(FIXTURES, head_timeout=0.01) as (url, serving), connect(url) as connection:
        connection.socket.sendall(b"POST /model/m/converse HTTP/1.1\r\nhost:")
        reply = connection.reply()

        assert (reply.status, reply.error_type) == (408, "ValidationException")
        assert serving.figures().refused == 1


def test_a_body_that_does_not_come_is_timed_out() -> None:
    with plane(FIXTURES, stall_timeout=0.01) as (url, _), connect(url) as connection:
        connection.send("POST", CONVERSE, b"{", length=100)

        assert connection.reply().status == 408


def test_a_reader_that_stands_still_is_given_up() -> None:
    with plane(FIXTURES, stall_timeout=0.01) as (url, serving), connect(url) as connection:
        connection.send("POST", CONVERSE_STREAM, asking("large"))
        wait_for(serving, in_flight=1)

        assert wait_for(serving, in_flight=0).stalled == 1


def test_an_idle_connection_is_closed() -> None:
    with plane(FIXTURES, idle_timeout=0.01) as (url, _), connect(url) as connection:
        assert connection.ask("POST", CONVERSE, asking("hello")).status == 200
        assert connection.socket.recv(1) == b""


def test_connections_above_the_bound_get_a_typed_answer() -> None:
    with plane(FIXTURES, max_connections=2) as (url, serving):
        with connect(url) as one, connect(url) as two:
            for connection in (one, two):
                assert connection.ask("POST", CONVERSE, asking("hello")).status == 200
            with connect(url) as three:
                reply = three.reply()
        assert (reply.status, reply.error_type) == (503, "ServiceUnavailableException")
        wait_for(serving, connections=0)
        assert ask(url, "POST", CONVERSE, asking("hello")).status == 200


def test_without_an_app_other_paths_are_not_found(url: str) -> None:
    reply = ask(url, "GET", "/health")

    assert (reply.status, reply.error_type) == (404, "UnknownOperationException")


def test_one_connection_serves_bedrock_and_the_app() -> None:
    with Server([FIXTURES[0]]) as server, connect(server.url) as connection:
        for _ in range(3):
            assert said(connection.ask("POST", CONVERSE, asking("hello")).body) == TEXT
            assert connection.ask("GET", "/health").json == {"status": "ok"}
        journal = connection.ask("GET", "/__control/journal").json

    assert [entry["response"]["outcome"] for entry in journal] == ["delivered"] * 3

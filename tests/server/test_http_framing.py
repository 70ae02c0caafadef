"""Requests whose end is not clear, and methods not Bedrock's: typed answers, rightly framed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames._core import Plane
from tests.support.http_client import CONVERSE, ask, asking, connect
from tests.support.native_server import at_rest, curl, needs_curl, plane

BODY: Final = json.dumps(asking("hello")).encode()
CHUNKED: Final = "transfer-encoding: chunked"
LENGTH: Final = f"content-length: {len(BODY)}"
AS_CHUNK: Final = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Plane]]:
    with plane([{"match": {}, "response": {"content": "Hi."}}], threads=1) as served:
        yield served


def post(*lines: str) -> bytes:
    return "\r\n".join([f"POST {CONVERSE} HTTP/1.1", "host: test", *lines, "", ""]).encode()


@pytest.mark.parametrize(
    "request_",
    [
        post(LENGTH, CHUNKED) + AS_CHUNK,
        post(CHUNKED, LENGTH) + AS_CHUNK,
        post(CHUNKED, CHUNKED) + AS_CHUNK,
        post("transfer-encoding: gzip") + BODY,
        post("transfer-encoding: chunked, gzip") + AS_CHUNK,
        post(LENGTH, f"content-length: {len(BODY) + 1}") + BODY,
        post(f"content-length: {len(BODY)}, {len(BODY)}") + BODY,
        post(f"content-length : {len(BODY)}") + BODY,
        post("x: folded", " over lines", LENGTH) + BODY,
        *(post(CHUNKED) + size + b"\r\n" + AS_CHUNK for size in (b"zz", b"-1", b"0x5", b"f" * 17)),
        post(CHUNKED) + AS_CHUNK.replace(b"\r\n0\r\n", b"no0\r\n"),
    ],
)
def test_a_request_whose_end_is_not_clear_is_refused_and_the_last_of_its_connection(
    served: tuple[str, Plane], request_: bytes
) -> None:
    with connect(served[0]) as connection:
        connection.socket.sendall(request_)
        reply = connection.reply()

        assert (reply.status, reply.error_type) == (400, "ValidationException")
        assert reply.headers["connection"] == "close"
        assert connection.socket.recv(1) == b""


def test_the_same_length_twice_is_one_length(served: tuple[str, Plane]) -> None:
    with connect(served[0]) as connection:
        connection.socket.sendall(post(LENGTH, LENGTH) + BODY)
        assert connection.reply().status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_get_a_typed_answer_on_a_connection_that_lives(
    served: tuple[str, Plane], method: str
) -> None:
    url, serving = served
    before = at_rest(serving).client_left
    with connect(url) as connection:
        for _ in range(2):
            reply = connection.ask(method, CONVERSE)
            assert (reply.status, reply.error_type) == (405, "UnknownOperationException")
            assert reply.headers["allow"] == "POST"
            assert reply.complete
        assert connection.ask("POST", CONVERSE, BODY).status == 200

    assert at_rest(serving).client_left == before


def test_a_head_request_gets_the_head_alone(served: tuple[str, Plane]) -> None:
    url, serving = served
    before = at_rest(serving).client_left
    whole = ask(url, "DELETE", CONVERSE)
    with connect(url) as connection:
        head = f"HEAD {CONVERSE} HTTP/1.1\r\nhost: test\r\n\r\n".encode()
        connection.socket.sendall(head + post(LENGTH) + BODY)
        answer = b""
        while b'"Hi."' not in answer:
            answer += connection.socket.recv(65_536)
    first, second = answer.split(b"\r\n\r\n")[:2]

    assert first.startswith(b"HTTP/1.1 405 ")
    # The name of the method is part of the text, and is two letters shorter.
    assert b"content-length: %d" % (len(whole.body) - 2) in first
    assert second.startswith(b"HTTP/1.1 200 ")
    assert at_rest(serving).client_left == before


@needs_curl
@pytest.mark.parametrize(("option", "body"), [("--head", b""), ("--get", b"UnknownOperation")])
def test_it_is_the_same_over_http_2(
    served: tuple[str, Plane], tmp_path: Path, option: str, body: bytes
) -> None:
    url, serving = served
    before = at_rest(serving).client_left
    status, version, answer = curl(tmp_path, url + CONVERSE, option, "--http2-prior-knowledge")

    assert (status, version) == (405, "2")
    if not body:
        assert b"{" not in answer
    assert at_rest(serving).client_left == before

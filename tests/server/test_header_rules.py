"""Heads that a parser may take and a server must not, by both tiers."""

import json
import socket
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, ask, asking

FIXTURES: Final[list[Any]] = [{"match": {}, "response": {"content": "Hi."}}]
BODY: Final = json.dumps(asking("hello")).encode()
CHUNKED: Final = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
LENGTH: Final = f"content-length: {len(BODY)}"

REFUSED: Final = {
    "no host": ("1.1", [LENGTH], BODY),
    "two hosts": ("1.1", ["host: a", "host: b", LENGTH], BODY),
    "the same host twice": ("1.1", ["host: a", "Host: a", LENGTH], BODY),
    "two hosts, of HTTP/1.0": ("1.0", ["host: a", "host: b", LENGTH], BODY),
    "identity, chunked": ("1.1", ["host: a", "transfer-encoding: identity, chunked"], CHUNKED),
    "identity and chunked": (
        "1.1",
        ["host: a", "transfer-encoding: identity", "transfer-encoding: chunked"],
        CHUNKED,
    ),
    "gzip, chunked": ("1.1", ["host: a", "transfer-encoding: gzip, chunked"], CHUNKED),
    "identity": ("1.1", ["host: a", "transfer-encoding: identity", LENGTH], BODY),
}
TAKEN: Final = {
    "a host": ("1.1", ["host: a", LENGTH], BODY),
    "an empty host": ("1.1", ["host:", LENGTH], BODY),
    "chunked": ("1.1", ["host: a", "Transfer-Encoding: Chunked"], CHUNKED),
    "HTTP/1.0": ("1.0", [LENGTH], BODY),
}


@pytest.fixture(scope="module", params=[False, True], ids=["native", "asgi"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    with Server(FIXTURES, asgi=request.param) as server:
        yield server.url


def status(url: str, version: str, lines: list[str], body: bytes) -> int:
    head = "\r\n".join([f"POST {CONVERSE} HTTP/{version}", *lines, "connection: close", "", ""])
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as client:
        client.sendall(head.encode() + body)
        answer = b""
        while b"\r\n" not in answer:
            got = client.recv(1000)
            assert got, "closed without an answer"
            answer += got
    return int(answer.split()[1])


@pytest.mark.parametrize("what", REFUSED)
def test_malformed_heads_are_refused(url: str, what: str) -> None:
    assert status(url, *REFUSED[what]) in {400, 501}
    assert ask(url, "POST", CONVERSE, asking("hello")).status == 200


@pytest.mark.parametrize("what", TAKEN)
def test_heads_that_are_right_are_taken(url: str, what: str) -> None:
    assert status(url, *TAKEN[what]) == 200

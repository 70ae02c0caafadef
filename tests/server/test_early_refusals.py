"""A refusal needs the head of a request alone: the body of some operations never ends."""

import socket
from collections.abc import Iterator
from typing import Final

import pytest

from bedrock_frames.server import Server
from tests.support.http2_client import http2
from tests.support.http_client import CONVERSE, JSON, ask, asking, connect
from tests.support.native_server import until

ENDLESS: Final = [
    ("POST", "/model/amazon.nova-sonic-v1:0/invoke-with-bidirectional-stream"),
    ("POST", "/model/m/no-such-operation"),
    ("POST", "/guardrail/g/version/1/apply"),
    ("POST", "/async-invoke"),
    ("PUT", CONVERSE),
]
FIXTURES: Final = [{"match": {}, "response": {"content": "Hello!"}}]
MORE: Final = b"400\r\n" + b"x" * 1024 + b"\r\n"


@pytest.fixture(params=["native", "asgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(FIXTURES, asgi=request.param == "asgi") as server:
        yield server


@pytest.mark.parametrize(("method", "path"), ENDLESS)
@pytest.mark.parametrize("framing", ["transfer-encoding: chunked", "content-length: 10000000"])
def test_it_is_answered_while_the_body_goes_on(
    server: Server, method: str, path: str, framing: str
) -> None:
    with connect(server.url) as connection:
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n"
        connection.socket.sendall(head.encode() + MORE)
        reply = connection.reply()

    (entry,) = server.parts.engine.journal()[1]
    assert reply.status in (404, 405)
    assert reply.complete
    assert reply.error_type == "UnknownOperationException"
    assert (entry.request_id, entry.outcome) == (reply.headers["x-amzn-requestid"], "delivered")


def test_a_connection_that_goes_on_sending_is_closed_in_the_end(server: Server) -> None:
    with connect(server.url) as connection:
        head = f"POST {ENDLESS[0][1]} HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.socket.sendall(head.encode())
        assert connection.reply().status == 404
        connection.socket.settimeout(None)

        def closed() -> bool:
            try:
                connection.socket.sendall(MORE)
                return connection.socket.recv(1, socket.MSG_DONTWAIT) == b""
            except BlockingIOError:
                return False
            except OSError:
                return True

        until(closed)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(("method", "path"), ENDLESS)
def test_http2_is_refused_while_its_stream_is_open(method: str, path: str, tls: bool) -> None:
    with (
        Server(FIXTURES, tls=tls) as server,
        http2(server.url, trusting=server.certificate) as connection,
    ):
        stream = connection.open(path, JSON, method=method)
        while not connection.answers[stream].ended:
            connection.read()
        reply = connection.answers[stream].reply()
        after = connection.ask(CONVERSE, asking("hello"))

    assert reply.status in (404, 405)
    assert b"not served here" in reply.body or b"no path of" in reply.body or b"POST" in reply.body
    assert after.status == 200


def test_a_short_body_is_in_the_journal(server: Server) -> None:
    body = {"note": "which operation was meant"}
    reply = ask(server.url, "POST", ENDLESS[1][1], body)

    (entry,) = server.parts.engine.journal()[1]
    assert reply.status == 404
    assert entry.json() == body

"""Servers that are wrong on purpose: each fault has its name, and none is taken for an answer."""

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Final

import pytest
from h2.errors import ErrorCodes

from tests.support import http2_server
from tests.support.http2_server import Exchange, h2_server
from tests.support.load_runs import (
    Script,
    answer,
    chunked,
    closing_after,
    drive,
    http,
    reset,
    sending,
    server,
)
from tests.support.wrong_answers import BODY, FAULTS, FRAMES, TEXT, Wrong

SHORT_TIMEOUT: Final = 0.3
HEAD: Final = http(BODY)[: -len(BODY)]


def over_h1(wrong: Wrong) -> AbstractContextManager[str]:
    """Answer over HTTP/1.1, in chunks."""

    def script(connection: socket.socket, _: bytes) -> bool:
        lines = [f"HTTP/1.1 {wrong.status} X", f"content-type: {wrong.media}"]
        lines += [f"{name}: {value}" for name, value in wrong.headers.items()]
        if not wrong.silent:
            head = "\r\n".join([*lines, "transfer-encoding: chunked", "", ""])
            connection.sendall(head.encode())
        for part in wrong.parts:
            connection.sendall(chunk(part))
        while wrong.ending == "go on":
            connection.sendall(chunk(wrong.parts[-1]))
        if wrong.ending == "end":
            connection.sendall(chunk(b""))
        elif wrong.ending == "reset":
            let_it_be_read(connection)
            reset(connection)
        return wrong.ending in ("end", "stall")

    return server(script)


def over_h2(wrong: Wrong) -> AbstractContextManager[str]:
    """Answer over HTTP/2, a frame of its for each part."""

    def script(exchange: Exchange) -> None:
        if not wrong.silent:
            named = {name.replace("-", "_"): value for name, value in wrong.headers.items()}
            exchange.head(wrong.status, wrong.media, **named)
        for part in wrong.parts:
            exchange.data(part)
        while wrong.ending == "go on":
            exchange.data(wrong.parts[-1])
        if wrong.ending == "end":
            exchange.end()
        elif wrong.ending == "close":
            exchange.close()
        elif wrong.ending == "reset":
            exchange.reset()

    return h2_server(script)


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part)


def let_it_be_read(connection: socket.socket) -> None:
    """Give the client time to read what a reset would overtake."""
    connection.settimeout(0.05)
    with suppress(TimeoutError):
        connection.recv(1)


Over = Callable[[Wrong], AbstractContextManager[str]]
OVER: Final[dict[str, Over]] = {"h1": over_h1, "h2": over_h2}


@pytest.mark.parametrize("version", OVER)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_name_and_is_not_an_answer(fault: str, version: str) -> None:
    wrong = FAULTS[fault]
    with OVER[version](wrong) as url:
        found = drive(url, requests=2, timeout_s=SHORT_TIMEOUT, expect_text=TEXT, http=version)

    assert found["errors"] == {wrong.called: 2}
    assert found["requests"]["sent"] == found["requests"]["failed"] == 2
    assert found["requests"]["completed"] == found["metrics"]["e2e_ms"]["count"] == 0
    assert found["rates"]["requests_per_s"] == 0


# What only HTTP/1.1 can get wrong.

H1_FAULTS: Final[dict[str, tuple[Script, str]]] = {
    "a close inside a body with a length": (closing_after(HEAD + BODY[:200]), "truncated"),
    "a close inside a chunk": (closing_after(chunked(*FRAMES)[:-400]), "truncated"),
    "something that is not HTTP": (sending(b"SSH-2.0-OpenSSH_9.6\r\n"), "bad_http"),
    "a body without a length or an end": (
        sending(HEAD.replace(b"content-length", b"x") + BODY),
        "timeout",
    ),
}


@pytest.mark.parametrize("fault", H1_FAULTS)
def test_a_fault_of_http_1_has_its_name(fault: str) -> None:
    script, kind = H1_FAULTS[fault]
    with server(script) as url:
        found = drive(url, requests=2, timeout_s=SHORT_TIMEOUT)

    assert found["errors"] == {kind: 2}
    assert found["requests"]["completed"] == 0


# What only HTTP/2 can.


def whole(exchange: Exchange) -> None:
    exchange.head()
    exchange.data(BODY)
    exchange.end()


def cut_short(exchange: Exchange, ending: Callable[[Exchange], object]) -> None:
    exchange.head()
    exchange.data(FRAMES[0])
    ending(exchange)


def go_away_and_close(exchange: Exchange) -> None:
    exchange.go_away(0, ErrorCodes.ENHANCE_YOUR_CALM)
    exchange.close()


def break_the_protocol(exchange: Exchange) -> None:
    """Send DATA on stream 0, which only the connection has."""
    exchange.raw(http2_server.frame(0, 0, b"x"))


H2_ENDINGS: Final[dict[str, tuple[Callable[[Exchange], object], str]]] = {
    "RST_STREAM without an error": (lambda e: e.reset(ErrorCodes.NO_ERROR), "truncated"),
    "RST_STREAM, cancelled": (lambda e: e.reset(ErrorCodes.CANCEL), "reset"),
    "GOAWAY without an error, that leaves the stream out": (lambda e: e.go_away(0), "truncated"),
    "GOAWAY with an error, and a close": (go_away_and_close, "reset"),
    "a reset connection": (Exchange.cut, "reset"),
    "a frame that breaks the protocol": (break_the_protocol, "bad_http"),
    "bytes that are no frame": (
        lambda e: e.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9),
        "bad_http",
    ),
}


@pytest.mark.parametrize("fault", H2_ENDINGS)
def test_a_fault_of_http_2_has_its_name(fault: str) -> None:
    ending, kind = H2_ENDINGS[fault]
    with h2_server(lambda exchange: cut_short(exchange, ending)) as url:
        found = drive(url, requests=2, timeout_s=5, http="h2")

    assert found["errors"] == {kind: 2}
    assert found["requests"]["completed"] == 0


def test_a_stream_that_go_away_lets_end_is_an_answer_and_the_next_has_a_new_connection() -> None:
    def script(exchange: Exchange) -> None:
        exchange.head()
        exchange.data(FRAMES[0])
        exchange.go_away(exchange.stream)
        for frame in FRAMES[1:]:
            exchange.data(frame)
        exchange.end()

    with h2_server(script) as url:
        found = drive(url, requests=5, timeout_s=5, http="h2")

    assert found["errors"] == {}
    assert found["requests"]["completed"] == found["audit"]["connections_opened"] == 5


def test_a_stream_that_is_refused_is_asked_again_on_another_connection() -> None:
    """It was not looked at, so nothing is counted twice (RFC 9113, 8.7)."""

    def script(exchange: Exchange) -> None:
        if exchange.stream > 1:
            exchange.reset(ErrorCodes.REFUSED_STREAM)
        else:
            whole(exchange)

    with h2_server(script) as url:
        found = drive(url, requests=4, timeout_s=5, http="h2")

    assert found["errors"] == {}
    assert found["requests"]["completed"] == 4


def test_streams_beyond_what_a_connection_may_have_get_another_connection() -> None:
    """Kept waiting for a place on it, they would be measured as if the endpoint were slow."""
    held: list[Exchange] = []

    def script(exchange: Exchange) -> None:
        held.append(exchange)
        for each in held if len(held) == 6 else ():
            whole(each)

    arrivals = {"kind": "constant", "rate": 20}
    with h2_server(script, streams=2) as url:
        found = drive(url, requests=6, arrivals=arrivals, duration_s=1, timeout_s=10, http="h2")

    assert found["requests"]["completed"] == 6
    assert found["audit"]["connections_opened"] == 3


def test_a_closed_port_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = drive(f"http://127.0.0.1:{port}", requests=3)

    assert found["errors"] == {"connect": 3}
    assert "Connection refused" in found["error_samples"]["connect"]


@pytest.mark.parametrize("version", OVER)
@pytest.mark.parametrize(("bursts", "completed"), [("count", 2), ("fail", 0)])
def test_everything_at_once_is_a_burst(bursts: str, completed: int, version: str) -> None:
    at_once = Wrong(called="burst", parts=(b"".join(answer(*"some words")),))
    with OVER[version](at_once) as url:
        found = drive(url, requests=2, bursts=bursts, http=version)

    assert found["requests"]["completed"] == completed
    assert found["requests"]["bursts"] == completed
    assert found["errors"] == ({} if completed else {"burst": 2})


def test_a_closed_idle_connection_is_not_an_error() -> None:
    """A server may close what is idle whenever it likes; a client asks again."""
    with server(closing_after(http(BODY))) as url:
        found = drive(url, requests=20)

    assert found["requests"]["completed"] == 20
    assert found["errors"] == {}


def test_an_answer_to_a_request_that_was_not_read_is_an_answer() -> None:
    refusal = http(b'{"__type":"ValidationException"}', status="413 Too Large")

    def script(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(refusal)
        return False

    with server(script) as url:
        found = drive(url, requests=2, bodies=['{"x":"' + "y" * 4_000_000 + '"}'])

    assert found["errors"] == {"http:ValidationException": 2}

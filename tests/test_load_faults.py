"""Servers that are wrong on purpose: each fault has its name, and none is taken for an answer."""

import socket
from contextlib import suppress
from typing import Final

import pytest

from tests.load_driving import (
    Script,
    answer,
    chunked,
    closing_after,
    drive,
    event,
    exception,
    http,
    reset,
    sending,
    server,
)

FRAMES: Final = answer("Hello", " world")
BODY: Final = b"".join(FRAMES)
SHORT_TIMEOUT: Final = 0.3


def flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def resetting_after(data: bytes) -> Script:
    def script(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(data)
        # What was sent must have been read before the reset overtakes it.
        connection.settimeout(0.05)
        with suppress(TimeoutError):
            connection.recv(1)
        reset(connection)
        return False

    return script


def without(index: int) -> bytes:
    return chunked(*FRAMES[:index], *FRAMES[index + 1 :])


HEAD: Final = http(BODY)[: -len(BODY)]
SSE: Final = b'event: messageStart\ndata: {"role":"assistant"}\n\n'

FAULTS: Final[dict[str, tuple[Script, str]]] = {
    "a wrong message CRC": (sending(http(flipped(BODY, 150))), "crc"),
    "a wrong prelude CRC": (sending(http(flipped(BODY, len(FRAMES[0]) + 9))), "crc"),
    "a torn frame and a clean end": (sending(chunked(BODY[:-7])), "truncated"),
    "a clean end before the metadata": (sending(chunked(*FRAMES[:-1])), "truncated"),
    "nothing but a clean end": (sending(chunked()), "truncated"),
    "a close inside the body": (closing_after(HEAD + BODY[:200]), "truncated"),
    "a close inside a chunk": (closing_after(chunked(*FRAMES)[:-400]), "truncated"),
    "a reset inside the body": (resetting_after(HEAD + BODY[:200]), "reset"),
    "a close before the answer": (closing_after(b""), "reset"),
    "a missing messageStart": (sending(without(0)), "grammar"),
    "a missing contentBlockStop": (sending(without(3)), "grammar"),
    "a missing messageStop": (sending(without(4)), "grammar"),
    "an unknown event": (sending(chunked(FRAMES[0], event("surprise", {}))), "grammar"),
    "events after the metadata": (sending(chunked(BODY, FRAMES[1])), "grammar"),
    "an event that is not JSON's object": (
        sending(chunked(FRAMES[0], event("contentBlockDelta", [1]))),
        "grammar",
    ),
    "an exception in the stream": (
        sending(chunked(*FRAMES[:2], exception("throttlingException"))),
        "exception:throttlingException",
    ),
    "a JSON error with status 200": (
        sending(http(b'{"message":"no"}', kind="application/json")),
        "not_event_stream",
    ),
    "a JSON error that claims to be a stream": (
        sending(http(b'{"message":"Too many requests"}')),
        "not_event_stream",
    ),
    "SSE": (sending(chunked(SSE, kind="text/event-stream")), "not_event_stream"),
    "SSE that claims to be a stream": (sending(chunked(SSE)), "not_event_stream"),
    "an error with a header": (
        sending(
            http(
                b"{}",
                status="429 Too Many Requests",
                head="x-amzn-ErrorType: ThrottlingException:http://internal.amazon.com/coral/\r\n",
            )
        ),
        "http:ThrottlingException",
    ),
    "an error with a type in its body": (
        sending(http(b'{"__type":"a.b#ValidationException"}', status="400 Bad Request")),
        "http:ValidationException",
    ),
    "an error page": (sending(http(b"<html>", status="502 Bad Gateway")), "http:502"),
    "something that is not HTTP": (sending(b"SSH-2.0-OpenSSH_9.6\r\n"), "bad_http"),
    "a body without a length or an end": (
        sending(HEAD.replace(b"content-length", b"x") + BODY),
        "timeout",
    ),
    "a stall": (sending(HEAD + BODY[:300]), "timeout"),
    "silence": (sending(b""), "timeout"),
    "another text": (sending(http(b"".join(answer("Hello", " word")))), "mismatch"),
    "less text": (sending(http(b"".join(answer("Hello")))), "mismatch"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_its_name_and_is_no_answer(fault: str) -> None:
    script, kind = FAULTS[fault]
    with server(script) as url:
        found = drive(url, requests=2, timeout_s=SHORT_TIMEOUT, expect_text="Hello world")

    assert found["errors"] == {kind: 2}
    assert found["requests"]["sent"] == found["requests"]["failed"] == 2
    assert found["requests"]["completed"] == found["metrics"]["e2e_ms"]["count"] == 0
    assert found["rates"]["requests_per_s"] == 0


def test_a_stream_without_end_is_a_timeout() -> None:
    endless = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}})

    def script(connection: socket.socket, _: bytes) -> bool:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n\r\n"
        connection.sendall(head + FRAMES[0])
        while True:
            connection.sendall(endless * 100)

    with server(script) as url:
        found = drive(url, requests=1, timeout_s=SHORT_TIMEOUT)

    assert found["errors"] == {"timeout": 1}
    assert found["totals"]["frames"] > 100


def test_nobody_listening_is_a_connect_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = drive(f"http://127.0.0.1:{port}", requests=3)

    assert found["errors"] == {"connect": 3}


@pytest.mark.parametrize(("bursts", "completed"), [("count", 2), ("fail", 0)])
def test_everything_at_once_is_a_burst(bursts: str, completed: int) -> None:
    with server(sending(http(b"".join(answer(*"some words"))))) as url:
        found = drive(url, requests=2, bursts=bursts)

    assert found["requests"]["completed"] == completed
    assert found["requests"]["bursts"] == completed
    assert found["errors"] == ({} if completed else {"burst": 2})


def test_an_idle_connection_that_was_closed_is_no_error() -> None:
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

"""Clients that take their time: whatever they speak, each wait has an end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any, Final

import pytest
from hyperframe.frame import DataFrame, WindowUpdateFrame

from bedrock_frames._core import Plane, self_signed
from tests.support.http2_client import PREFACE, Answer, Http2, http2
from tests.support.http_client import (
    CONVERSE,
    CONVERSE_STREAM,
    Connection,
    ask,
    asking,
    connect,
    open_socket,
)
from tests.support.native_server import PATIENCE_S, paced, plane, wait_for

pytestmark = pytest.mark.realtime

ENDLESS: Final = "for ever and ever and ever"
FIXTURES: Final[list[Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hi there."}},
    {
        "match": {"userMessage": "large"},
        "response": {"content": "x" * 5_000_000},
        "chunkSize": 4096,
    },
    paced(ENDLESS, gap_ms=3_600_000),
]
LONG: Final = 3600.0
SHORT: Final = 0.05
CHUNKED: Final = (
    f"POST {CONVERSE} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n".encode()
)
LONG_BODY: Final = (
    f"POST {CONVERSE} HTTP/1.1\r\nhost: t\r\ncontent-length: 99999999\r\n\r\n".encode()
)
MAX_HEAD_BYTES: Final = 65_536


@contextmanager
def patient(
    tls: Path | None = None, app: Path | None = None, **short: float
) -> Iterator[tuple[str, Plane]]:
    """Serve with no time limit but those that are given."""
    limits = {"head_timeout": LONG, "stall_timeout": LONG, "idle_timeout": LONG, **short}
    options: dict[str, Any] = {} if app is None else {"app": app}
    if tls is not None:
        options["tls"] = self_signed(["localhost"])
        tls.write_text(options["tls"][0])
    with plane(FIXTURES, threads=1, **limits, **options) as served:
        yield served


def ends(one: socket.socket) -> None:
    """Hold that the other side says no more, having closed."""
    one.settimeout(PATIENCE_S)
    with suppress(ConnectionResetError):
        while one.recv(65_536):
            pass


def too_late(connection: Connection) -> bool:
    """Read the answer, and hold that it is the last."""
    reply = connection.reply()
    ends(connection.socket)
    return (reply.status, reply.error_type) == (408, "ValidationException")


def wait_until_given_up(connection: Http2, stream: int = 0) -> None:
    """Hold that a stream is answered or reset before its end, or that the connection ends."""
    answer = connection.answers.get(stream, Answer())
    connection.socket.settimeout(PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    with suppress(ConnectionError):
        # Meanwhile the server asks again and again whether anybody is there.
        while time.monotonic() < deadline:
            connection.read()
            if answer.reset is not None or answer.headers.get(":status", "200") != "200":
                return
    assert connection.went_away is not None


def test_a_head_byte_by_byte_has_one_time_limit() -> None:
    with patient(head_timeout=SHORT) as (url, serving), connect(url) as connection:
        connection.socket.sendall(f"POST {CONVERSE} HTTP/1.1\r\nx: ".encode())
        drip(connection.socket)

        assert too_late(connection)
        assert serving.figures().refused == 1


def drip(one: socket.socket) -> None:
    """Send byte after byte until the other side says something."""
    one.settimeout(SHORT / 5)
    for _ in range(MAX_HEAD_BYTES // 2):
        with suppress(TimeoutError):
            one.sendall(b"y")
            one.recv(1, socket.MSG_PEEK)
            break
    one.settimeout(PATIENCE_S)


@pytest.mark.parametrize("begun", [CHUNKED + b"5\r\n", LONG_BODY], ids=["chunked", "long"])
def test_a_body_on_the_lane_that_stands_still_is_given_up(begun: bytes) -> None:
    with patient(stall_timeout=SHORT) as (url, _), connect(url) as connection:
        connection.socket.sendall(begun)
        assert too_late(connection)


def test_a_body_over_http_2_that_stands_still_is_given_up() -> None:
    with patient(stall_timeout=SHORT) as (url, _), http2(url) as connection:
        stream = connection.open(CONVERSE)
        connection.send(DataFrame(stream, b"{"))
        wait_until_given_up(connection, stream)


def test_half_a_preface_is_given_up() -> None:
    with patient(head_timeout=SHORT) as (url, _), connect(url) as connection:
        connection.socket.sendall(PREFACE[:10])
        ends(connection.socket)


def test_half_a_head_on_the_lane_is_given_up() -> None:
    with patient(head_timeout=SHORT) as (url, _), connect(url) as connection:
        connection.socket.sendall(b"GET /health HTTP/1.1\r\nhost: t\r\nx: ")
        assert too_late(connection)


def test_who_says_nothing_after_a_handshake_is_given_up(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    with (
        patient(certificate, idle_timeout=SHORT) as (url, _),
        open_socket(url, certificate) as secure,
    ):
        ends(secure)


def test_a_reader_of_http_2_that_stands_still_is_given_up() -> None:
    with patient(stall_timeout=SHORT) as (url, _):
        # The first time, it is made.
        assert ask(url, "POST", CONVERSE_STREAM, asking("large")).complete
        with http2(url, window=1000) as connection:
            wait_until_given_up(connection, connection.ask_for(CONVERSE_STREAM, asking("large")))


def test_only_the_unread_stream_is_aborted() -> None:
    # Who is given up is looked for once a second. Meanwhile the other has to take each piece, of 17
    # turns, within this, and may not come to the end of its answer, of 5,225.
    with patient(stall_timeout=1) as (url, serving):
        assert ask(url, "POST", CONVERSE_STREAM, asking("large")).complete
        with http2(url, window=1000) as connection:
            shut, small = (connection.ask_for(CONVERSE_STREAM, asking("large")) for _ in range(2))
            while connection.answers[shut].reset is None:
                # One is read on and on, so that the connection never stands still.
                assert connection.answers[small].reset is None
                connection.send(WindowUpdateFrame(small, 1000))
                connection.read()
                time.sleep(0.002)
            assert not connection.answers[small].ended
            found = wait_for(serving, in_flight=1)
            assert connection.went_away is None
        assert (found.stalled, found.client_left) == (1, 0)
        # Before the server stops, which would have cut it.
        assert wait_for(serving, in_flight=0).client_left == 1


def test_an_unread_http2_refusal_is_aborted() -> None:
    with patient(stall_timeout=SHORT) as (url, serving), http2(url, window=0) as connection:
        wait_until_given_up(connection, connection.ask_for("/nothing/here", {}))
        assert serving.stop(LONG)


class LargeAnswers(BaseHTTPRequestHandler):
    """An app."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "1000000")
        self.end_headers()
        # Who is given up takes its app's answer with it.
        with suppress(OSError):
            self.wfile.write(b"x" * 1_000_000)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_an_unread_http2_answer_of_the_app_is_aborted(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with ThreadingUnixStreamServer(str(path), LargeAnswers) as app:
        threading.Thread(target=app.serve_forever).start()
        try:
            with patient(stall_timeout=SHORT, app=path) as (url, _):
                assert len(ask(url, "GET", "/any").body) == 1_000_000
                with http2(url, window=1000) as connection:
                    ends = ("END_HEADERS", "END_STREAM")
                    stream = connection.open("/any", {}, method="GET", flags=ends)
                    wait_until_given_up(connection, stream)
        finally:
            app.shutdown()


def test_an_idle_connection_of_http_2_is_closed() -> None:
    with patient(idle_timeout=SHORT) as (url, _), http2(url) as connection:
        assert connection.ask(CONVERSE, asking("hello")).status == 200
        wait_until_given_up(connection)


def test_a_pooled_connection_may_be_idle_for_longer_than_a_head_may_take(tmp_path: Path) -> None:
    certificate = tmp_path / "certificate.pem"
    with (
        patient(certificate, head_timeout=SHORT) as (url, _),
        connect(url, trusting=certificate) as pooled,
    ):
        assert pooled.ask("POST", CONVERSE, asking("hello")).status == 200
        with connect(url, trusting=certificate) as slow:
            slow.socket.sendall(b"POST")
            ends(slow.socket)
        assert pooled.ask("POST", CONVERSE, asking("hello")).status == 200


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_an_answer_that_waits_for_its_time_stands_not_still(version: str) -> None:
    # Of HTTP/2, who does not answer pings stands still.
    stall = LONG if version == "h2" else SHORT
    with patient(stall_timeout=stall, idle_timeout=SHORT, head_timeout=SHORT) as (url, serving):
        if version == "h2":
            with http2(url) as two:
                two.ask_for(CONVERSE_STREAM, asking(ENDLESS))
                held(url, serving)
        else:
            with connect(url) as one:
                one.send("POST", CONVERSE_STREAM, asking(ENDLESS))
                held(url, serving)


def held(url: str, serving: Plane) -> None:
    """Hold that a stream outlives another connection's limits, all of which it is beyond itself."""
    wait_for(serving, streams=1)
    for _ in range(2):
        with connect(url) as connection:
            connection.socket.sendall(b"POST")
            ends(connection.socket)
    assert serving.figures().streams == 1
    assert ask(url, "POST", CONVERSE, asking("hello")).status == 200

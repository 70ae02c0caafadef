"""How a plane stops: what was asked is answered, and nobody else holds it up."""

import json
import socket
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from bedrock_frames._core import Plane, self_signed
from tests.support.http2_client import PREFACE, Http2, http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, ask, asking, connect
from tests.support.native_server import paced, plane, until, wait_for

LIMIT: Final = 20
TEXT: Final = "to the very end of it"
FIXTURES: Final[list[Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hi."}},
    paced(TEXT, gap_ms=5),
]


def test_a_plane_that_stops_finishes_what_it_began() -> None:
    with (
        plane([paced("to the very end of it", gap_ms=5)]) as (url, serving),
        connect(url) as connection,
        connect(url) as idle,
    ):
        connection.send("POST", CONVERSE_STREAM, asking("to the very end of it"))
        connection.socket.recv(1, 2)
        assert serving.stop(30)
        assert connection.reply().complete
        assert idle.socket.recv(1) == b""
        with pytest.raises(OSError, match="refused"):
            connect(url).__enter__()


def test_a_plane_that_has_to_stop_at_once_says_what_it_left() -> None:
    with (
        plane([paced("never to end", gap_ms=3_600_000)]) as (url, serving),
        connect(url) as connection,
    ):
        connection.send("POST", CONVERSE_STREAM, asking("never to end"))
        connection.socket.recv(1, 2)
        assert not serving.stop(0.01)
        assert not connection.reply().complete
        assert serving.figures().stopped == 1


def test_a_plane_may_be_given_any_time_to_stop() -> None:
    with plane(FIXTURES) as (_, serving):
        assert serving.stop(1e19)


def speaking(tls: bool, folder: Path) -> tuple[dict[str, Any], Path | None]:
    """Return options of a plane, and what its clients trust."""
    if not tls:
        return {}, None
    pems = self_signed(["localhost"])
    trusting = folder / "certificate.pem"
    trusting.write_text(pems[0])
    return {"tls": pems}, trusting


class Stopping:
    """A plane that is told to stop, and what came of it."""

    def __init__(self, serving: Plane) -> None:
        self._drained: list[bool] = []
        self._thread = threading.Thread(target=self._stop, args=(serving,))
        self._thread.start()

    def _stop(self, serving: Plane) -> None:
        self._drained.append(serving.stop(LIMIT))

    def is_drained(self) -> bool:
        self._thread.join()
        return self._drained == [True]


def test_connections_during_a_stop_do_not_delay_it() -> None:
    for _ in range(10):
        with plane(FIXTURES, threads=2) as (url, serving):
            came: list[Connection] = []

            def come(url: str = url, came: list[Connection] = came) -> None:
                with suppress(OSError):
                    while True:
                        came.append(Connection(url))

            coming = [threading.Thread(target=come) for _ in range(8)]
            for one in coming:
                one.start()
            wait_for_many(serving)
            assert serving.stop(LIMIT)
            for one in coming:
                one.join()
            for connection in came:
                connection.close()


def wait_for_many(serving: Plane) -> None:
    until(lambda: serving.figures().accepted >= 100)


def post(*lines: str) -> bytes:
    return "\r\n".join([f"POST {CONVERSE} HTTP/1.1", "host: test", *lines, "", ""]).encode()


@pytest.mark.parametrize("behind", [False, True], ids=["first", "behind another"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_a_request_that_has_begun_is_answered(
    tmp_path: Path, framing: str, tls: bool, behind: bool
) -> None:
    body = json.dumps(asking("hello")).encode()
    whole = {
        "length": post(f"content-length: {len(body)}") + body,
        "chunks": post("transfer-encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    }[framing]
    options, trusting = speaking(tls, tmp_path)
    with (
        plane(FIXTURES, threads=1, **options) as (url, serving),
        connect(url, trusting=trusting) as slow,
        connect(url, trusting=trusting) as idle,
    ):
        if behind:
            slow.socket.sendall(whole)
            assert slow.reply().status == 200
        slow.socket.sendall(whole[:20])
        # Both have been read: what comes behind them is answered.
        assert ask(url, "POST", CONVERSE, asking("hello"), trusting=trusting).status == 200
        wait_for(serving, connections=2)
        stopping = Stopping(serving)
        # It drains: who is idle is let go.
        assert idle.socket.recv(1) == b""
        slow.socket.sendall(whole[20:])
        reply = slow.reply()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert slow.socket.recv(1) == b""
        assert stopping.is_drained()


@pytest.mark.parametrize("tls", [False, True])
def test_what_was_asked_before_it_stops_is_answered(tmp_path: Path, tls: bool) -> None:
    options, trusting = speaking(tls, tmp_path)
    # Who does not close is waited for a little, over TLS.
    for _ in range(3 if tls else 10):
        with plane(FIXTURES, threads=1, **options) as (url, serving), ExitStack() as stack:
            asked = [stack.enter_context(connect(url, trusting=trusting)) for _ in range(20)]
            wait_for(serving, accepted=20)
            for connection in asked:
                connection.send("POST", CONVERSE, asking("hello"))
            assert serving.stop(LIMIT)
            assert [connection.reply().status for connection in asked] == [200] * 20


def test_http2_streams_are_finished_after_a_goaway() -> None:
    with plane(FIXTURES, threads=1) as (url, serving), http2(url) as connection:
        stream = connection.ask_for(CONVERSE_STREAM, asking(TEXT))
        wait_for(serving, streams=1)
        stopping = Stopping(serving)
        assert connection.reply(stream).complete
        connection.read_to_the_end()
        assert connection.went_away is not None
        assert stopping.is_drained()


def half(url: str, what: str, trusting: Path | None) -> Connection | Http2:
    """Do the half of something, and stay."""
    if what == "http/2":
        two = Http2(url, trusting=trusting)
        assert two.ask(CONVERSE, asking("hello")).status == 200
        return two
    one = Connection(url, trusting=trusting)
    one.socket.sendall(
        {
            "head": post("x: ")[:-4],
            "body": post("content-length: 100") + b"{",
            "chunk": post("transfer-encoding: chunked") + b"9\r\n{",
            "head of another": b"GET /health HTTP/1.1\r\n",
            "preface": PREFACE[:10],
            "nothing": b"",
        }[what]
    )
    return one


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "what", ["head", "body", "chunk", "head of another", "preface", "http/2", "nothing"]
)
def test_stalled_requests_do_not_delay_a_stop(tmp_path: Path, what: str, tls: bool) -> None:
    options, trusting = speaking(tls, tmp_path)
    with plane(FIXTURES, threads=1, **options) as (url, serving):
        one = half(url, what, trusting)
        # What it sent has been read: a request behind it is answered.
        with connect(url, trusting=trusting) as other:
            assert other.ask("POST", CONVERSE, asking("hello")).status == 200
        try:
            assert serving.stop(3600)
        finally:
            one.close()


def test_a_handshake_that_has_begun_is_not_waited_for() -> None:
    with plane(FIXTURES, threads=1, tls=self_signed(["localhost"])) as (url, serving):
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port)) as silent:
            silent.sendall(b"\x16\x03\x01")
            wait_for(serving, connections=1)
            assert serving.stop(3600)

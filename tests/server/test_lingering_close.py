"""How a connection ends: nothing that was said is taken back, whoever has not read it yet."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hyperframe.frame import WindowUpdateFrame

from bedrock_frames._core import Plane, self_signed
from tests.support.http2_client import Http2
from tests.support.http_client import CONVERSE, Connection, ask, asking, connect
from tests.support.native_server import plane, wait_for

pytestmark = pytest.mark.realtime

SIZES: Final = (2_820_000, 2_868_000)
"""About as much as all buffers on the way hold together, with a client that has a small one."""
SMALL: Final = 4096
FIXTURES: Final[list[Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hi."}},
    *(
        {"match": {"userMessage": f"<{size}>"}, "response": {"content": "x" * size}}
        for size in SIZES
    ),
]
LAST_WORD_S: Final = 2
SWEEP_S: Final = 1


def chunked(text: str) -> bytes:
    """A request that workers leave to the fallback."""
    body = json.dumps(asking(text)).encode()
    head = f"POST {CONVERSE} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n"
    return head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@contextmanager
def prepared(**options: Any) -> Iterator[tuple[str, Plane]]:
    with plane(FIXTURES, threads=1, **options) as (url, serving):
        for size in SIZES:
            # Compiled: what is waited for is its way out.
            assert ask(url, "POST", CONVERSE, asking(f"<{size}>")).complete
        wait_for(serving, connections=0)
        yield url, serving


def widen(one: Connection | Http2) -> None:
    """Have it over sooner."""
    one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)


def test_an_answer_that_is_read_late_outlives_a_stop() -> None:
    with prepared() as (url, serving), ExitStack() as stack:
        readers = [stack.enter_context(connect(url, receive_buffer=SMALL)) for _ in SIZES]
        for size, reader in zip(SIZES, readers, strict=True):
            reader.socket.sendall(chunked(f"<{size}>"))
            reader.socket.recv(1, socket.MSG_PEEK)
        stopping = threading.Thread(target=serving.stop, args=(3600,))
        stopping.start()
        # Nobody but them is waited for, for longer than who says nothing.
        time.sleep(LAST_WORD_S + 2 * SWEEP_S)
        for reader in readers:
            widen(reader)
            assert reader.reply().complete
            reader.close()
        stopping.join()
    assert serving.figures().client_left == 0


def test_an_answer_over_http_2_that_is_read_slowly_outlives_a_stop() -> None:
    with prepared() as (url, serving):
        reader = Http2(url, window=1 << 20, receive_buffer=SMALL)
        stream = reader.ask_for(CONVERSE, asking(f"<{SIZES[0]}>"))
        answer = reader.answers[stream]
        while not answer.body:
            reader.read()
        stopping = threading.Thread(target=serving.stop, args=(3600,))
        stopping.start()
        began = time.monotonic()
        while not answer.ended:
            if time.monotonic() - began > LAST_WORD_S + 2 * SWEEP_S:
                widen(reader)
            seen = len(answer.body)
            reader.read()
            if len(answer.body) > seen:
                reader.send(WindowUpdateFrame(stream, len(answer.body) - seen))
            time.sleep(0.01)
        assert len(answer.body) == int(answer.headers["content-length"])
        reader.close()
        stopping.join()


@pytest.mark.parametrize("together", [True, False])
def test_half_a_head_behind_a_request_breaks_no_answer(together: bool) -> None:
    with prepared(head_timeout=0.05) as (url, _), ExitStack() as stack:
        readers = [stack.enter_context(connect(url, receive_buffer=SMALL)) for _ in SIZES]
        for size, reader in zip(SIZES, readers, strict=True):
            request = chunked(f"<{size}>")
            reader.socket.sendall(request + b"G" * together)
            if not together:
                reader.socket.recv(1, socket.MSG_PEEK)
                reader.socket.sendall(b"G")
        # All of it is with the fallback, or on its way; and the limits have been looked at.
        time.sleep(3 * SWEEP_S)
        for reader in readers:
            widen(reader)
            assert reader.reply().complete
            if together:
                # hyper alone has seen that a head began: more of it begins the time limit.
                reader.socket.sendall(b"E")
            assert reader.reply().status == 408


@pytest.mark.parametrize("way", ["worker", "fallback", "tls"])
def test_requests_after_the_last_answer_do_not_reset_it(way: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {}
    trusting = None
    if way == "tls":
        options["tls"] = self_signed(["localhost"])
        trusting = tmp_path / "certificate.pem"
        trusting.write_text(options["tls"][0])
    large = {"match": {"userMessage": "large"}, "response": {"content": "x" * 1_000_000}}
    with plane([large], threads=1, **options) as (url, _):
        with connect(url, trusting=trusting) as first:
            assert first.ask("POST", CONVERSE, asking("large")).complete
        with connect(url, trusting=trusting, receive_buffer=SMALL) as one:
            request = chunked("large")
            if way == "worker":
                body = json.dumps(asking("large"))
                head = f"POST {CONVERSE} HTTP/1.1\r\nhost: t\r\ncontent-length: {len(body)}\r\n\r\n"
                request = (head + body).encode()
            last = request.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)
            one.socket.sendall(last + b"GET /health HTTP/1.1\r\nhost: t\r\n\r\n" * 3000)
            time.sleep(0.1)
            widen(one)
            assert one.reply().complete
            assert one.socket.recv(1) == b""


def test_a_connection_above_the_limit_is_refused_while_it_still_sends() -> None:
    with plane(FIXTURES, max_connections=1) as (url, serving), connect(url) as only:
        assert only.ask("POST", CONVERSE, asking("hello")).status == 200
        for _ in range(10):
            with connect(url) as one:
                one.socket.sendall(b"POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 200000\r\n\r\n")
                for _ in range(20):
                    time.sleep(0.001)
                    one.socket.sendall(b"x" * 10_000)
                reply = one.reply()
            assert (reply.status, reply.error_type) == (503, "ServiceUnavailableException")
        assert serving.figures().refused == 10
        # It is not in anybody's way.
        assert only.ask("POST", CONVERSE, asking("hello")).status == 200
        wait_for(serving, connections=1)

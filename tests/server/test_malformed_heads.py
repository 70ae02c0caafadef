"""Heads that are malformed or too long: a worker says what is wrong, and hyper gives the status."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames._core import Plane, self_signed
from tests.support.http2_client import Http2, http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, Reply, asking, connect
from tests.support.native_server import at_rest, paced, plane, wait_for

PACED: Final = "a little at a time"
FIXTURES: Final = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hi."}},
    paced(PACED, gap_ms=5),
]
HELLO: Final = asking("hello")
CHUNKING: Final = "transfer-encoding: chunked"
CHUNKED: Final = (
    f"POST {CONVERSE} HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n".encode()
)
MAX_HEAD_BYTES: Final = 65_536
MAX_HEADERS: Final = 100
# Who serves it: a worker, or what is behind it, without TLS and with it.
WAYS: Final = ("worker", "fallback", "tls")
# The lines, and the status that a worker and that hyper gives.
BAD: Final = [
    ("no colon", 400, 400),
    ("x : y", 400, 400),
    ("x: folded\r\n y", 400, 400),
    ("content-length: 1\r\ncontent-length: 2", 400, 400),
    ("content-length: 18446744073709551615", 400, 431),
    ("transfer-encoding: gzip", 400, 400),
    ("x: " + "y" * MAX_HEAD_BYTES, 431, 431),
    ("x: " + "y" * 1_000_000, 431, 431),
    ("\r\n".join(["x: y"] * MAX_HEADERS), 431, 431),
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    made = self_signed(["localhost"])
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_text(made[0])
    return *made, path


@pytest.fixture(scope="module")
def plain() -> Iterator[tuple[str, Plane]]:
    with plane(FIXTURES, threads=1) as served:
        yield served


@pytest.fixture(scope="module")
def secure(certificate: tuple[str, str, Path]) -> Iterator[tuple[str, Plane]]:
    with plane(FIXTURES, threads=1, tls=certificate[:2]) as served:
        yield served


@pytest.fixture(params=WAYS)
def way(
    request: pytest.FixtureRequest,
    plain: tuple[str, Plane],
    secure: tuple[str, Plane],
    certificate: tuple[str, str, Path],
) -> Iterator["Way"]:
    """A way to be served; hold after the test that nothing is left of it."""
    (url, serving), trusting = (secure, certificate[2]) if request.param == "tls" else (plain, None)
    line = "GET /health HTTP/1.1" if request.param == "fallback" else f"POST {CONVERSE} HTTP/1.1"
    yield Way(url, serving, trusting, line, request.param == "worker")
    with connect(url, trusting=trusting) as connection:
        assert connection.ask("POST", CONVERSE, HELLO).status == 200
    at_rest(serving)


class Way:
    def __init__(
        self, url: str, serving: Plane, trusting: Path | None, line: str, by_worker: bool
    ) -> None:
        self.url, self.serving, self.trusting, self.line = url, serving, trusting, line
        self.by_worker = by_worker

    def head(self, *lines: str) -> bytes:
        return "\r\n".join([self.line, "host: test", *lines, "", ""]).encode()

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        with connect(self.url, trusting=self.trusting) as connection:
            yield connection


def is_last(connection: Connection, status: int, typed: bool = True) -> Reply:
    """Assert that an error of that status comes, and nothing behind it."""
    reply = connection.reply()
    assert reply.status == status
    assert reply.headers["connection"] == "close"
    if typed:
        assert reply.error_type == "ValidationException"
        assert reply.json["message"]
    assert connection.socket.recv(1) == b""
    return reply


@pytest.mark.parametrize(("lines", "by_worker", "by_hyper"), BAD)
def test_malformed_heads_are_refused(way: Way, lines: str, by_worker: int, by_hyper: int) -> None:
    before = at_rest(way.serving).refused
    with way.connected() as connection:
        connection.socket.sendall(way.head(lines))
        is_last(connection, by_worker if way.by_worker else by_hyper, typed=way.by_worker)
    assert at_rest(way.serving).refused == before + 1


@pytest.mark.parametrize("lines", ["host: another", "transfer-encoding: gzip, chunked"])
def test_what_hyper_accepts_and_may_mislead_is_refused(way: Way, lines: str) -> None:
    before = at_rest(way.serving).refused
    with way.connected() as connection:
        connection.socket.sendall(way.head(lines) + b"0\r\n\r\n")
        is_last(connection, 400)
    assert at_rest(way.serving).refused == before + 1


@pytest.mark.parametrize(
    "lines", [("content-length: 4", CHUNKING), (CHUNKING, "content-length: 4")]
)
def test_a_length_beside_chunks_smuggles_no_request(way: Way, lines: tuple[str, str]) -> None:
    smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n"
    with way.connected() as connection:
        connection.socket.sendall(way.head(*lines) + smuggled)
        # RFC 9112, 6.1: refused, or read by its chunks; and the last of its connection.
        reply = connection.reply()
        assert reply.headers["connection"] == "close"
        assert reply.status in ((400,) if way.by_worker else (400, 404))
        assert connection.socket.recv(1) == b""


@pytest.mark.parametrize("length", ["4 ", "+4", "0x4", "4, 4", "4;4", "-4", ""])
def test_a_length_that_is_not_digits_smuggles_no_request(way: Way, length: str) -> None:
    with way.connected() as connection:
        connection.socket.sendall(way.head(f"content-length: {length}") + b"GET ")
        if length.strip().isdigit():
            assert connection.reply().status in (400, 404)
            assert connection.ask("POST", CONVERSE, HELLO).status == 200
        else:
            is_last(connection, 400, typed=way.by_worker)


def test_bare_line_feeds_end_the_same_lines_every_way(way: Way) -> None:
    # RFC 9112, 2.2 allows them. Both readers see one request with two bytes of body.
    head = way.head("content-length: 2").replace(b"\r\n", b"\n")
    with way.connected() as connection:
        connection.socket.sendall(head + b"[]")
        assert connection.reply().status in (400, 404)
        assert connection.ask("POST", CONVERSE, HELLO).status == 200


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/3.0",
        "GET nowhere:at:all HTTP/1.1",
        "GET /a b HTTP/1.1",
        "G\x00T / HTTP/1.1",
        "PRI * HTTP/2.0\r\n\r\nno preface",
        "\x16\x03\x01\x02\x00\x01",
    ],
)
def test_malformed_first_lines_are_refused(way: Way, line: str) -> None:
    with way.connected() as connection:
        connection.socket.sendall(f"{line}\r\nhost: test\r\n\r\n".encode())
        is_last(connection, 400, typed=False)


def test_a_worker_refuses_a_target_with_a_fragment(plain: tuple[str, Plane]) -> None:
    with connect(plain[0]) as connection:
        connection.socket.sendall(f"POST {CONVERSE}#top HTTP/1.1\r\nhost: test\r\n\r\n".encode())
        is_last(connection, 400)


def test_a_head_has_the_same_bounds_every_way(way: Way) -> None:
    fits = way.head("x: ")
    fits = way.head("x: " + "y" * (MAX_HEAD_BYTES - len(fits)))
    with way.connected() as connection:
        for _ in range(2):
            connection.socket.sendall(fits)
            # There is no app, and no body.
            assert connection.reply().status in (400, 404)
        connection.socket.sendall(fits.replace(b"x: ", b"xy: "))
        is_last(connection, 431, typed=way.by_worker)


def test_a_head_without_end_is_answered_before_it_has_all_come(way: Way) -> None:
    with way.connected() as connection:
        connection.socket.sendall(way.head("x: ")[:-4])
        for _ in range(MAX_HEAD_BYTES // 1024):
            connection.socket.sendall(b"y" * 1024)
        is_last(connection, 431, typed=way.by_worker)


def test_a_head_byte_by_byte_is_as_bad(way: Way) -> None:
    with way.connected() as connection:
        for byte in way.head("no colon"):
            connection.socket.sendall(bytes([byte]))
        is_last(connection, 400, typed=way.by_worker)


def test_what_was_asked_before_is_answered_before(way: Way) -> None:
    with way.connected() as connection:
        connection.send("POST", CONVERSE_STREAM, asking(PACED))
        connection.send("POST", CONVERSE, HELLO)
        connection.socket.sendall(way.head("no colon"))
        replies = [connection.reply(), connection.reply()]
        is_last(connection, 400, typed=way.by_worker)
    assert [(reply.status, reply.complete) for reply in replies] == [(200, True)] * 2


def test_a_connection_that_was_served_is_held_to_the_same(way: Way) -> None:
    with way.connected() as connection:
        for _ in range(3):
            assert connection.ask("POST", CONVERSE, HELLO).status == 200
            connection.socket.sendall(CHUNKED + b"1;x=y\r\na\r\n0\r\nx: y\r\n\r\n")
            assert connection.reply().status == 400
        connection.socket.sendall(way.head("no colon"))
        # Since the first body in chunks, the connection has been hyper's.
        is_last(connection, 400, typed=False)


def test_a_long_body_is_answered_though_more_is_on_its_way(way: Way) -> None:
    with way.connected() as connection:
        connection.socket.sendall(
            f"POST {CONVERSE} HTTP/1.1\r\nhost: test\r\ncontent-length: 999999999\r\n\r\n".encode()
        )
        connection.socket.settimeout(20)
        piece = b" " * 1_000_000
        for _ in range(101):
            connection.socket.sendall(piece)
        # Some of it is never read.
        is_last(connection, 400)


@pytest.mark.parametrize("leaves", [True, False])
def test_who_is_refused_and_stays_is_let_go(way: Way, leaves: bool) -> None:
    with way.connected() as connection:
        connection.socket.sendall(way.head("no colon"))
        is_last(connection, 400, typed=way.by_worker)
        if leaves:
            connection.socket.shutdown(socket.SHUT_WR)
        wait_for(way.serving, connections=0)


@pytest.fixture(params=["plain", "secure"])
def two(
    request: pytest.FixtureRequest,
    plain: tuple[str, Plane],
    secure: tuple[str, Plane],
    certificate: tuple[str, str, Path],
) -> Iterator[Http2]:
    url, trusting = (secure[0], certificate[2]) if request.param == "secure" else (plain[0], None)
    with http2(url, trusting=trusting) as connection:
        yield connection
        assert connection.ask(CONVERSE, HELLO).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "y" * MAX_HEAD_BYTES},
        {f"x{n}": "y" * 2000 for n in range(MAX_HEADERS)},
        {f"x{n}": "y" * 100 for n in range(600)},
        {f"x{n}": "y" for n in range(MAX_HEADERS + 1)},
    ],
)
def test_a_head_of_http_2_above_a_bound_is_refused_alone(
    two: Http2, headers: dict[str, str]
) -> None:
    going_on = two.ask_for(CONVERSE_STREAM, asking(PACED))
    for path in (CONVERSE, "/health"):
        reply = two.reply(two.open_in_pieces(path, headers))
        assert (reply.status, reply.error_type) == (431, "ValidationException")
        assert reply.json["message"]
    assert two.reply(going_on).complete


def test_far_above_it_the_status_says_it_alone(two: Http2) -> None:
    headers = {f"x{n}": "y" * 2000 for n in range(5 * MAX_HEAD_BYTES // 2000)}
    reply = two.reply(two.open_in_pieces(CONVERSE, headers))
    assert (reply.status, reply.body) == (431, b"")


def test_a_target_counts(two: Http2) -> None:
    headers = {"x": "y" * 1000}
    for length, status in ((MAX_HEAD_BYTES - 2000, 404), (MAX_HEAD_BYTES - 1000, 431)):
        reply = two.reply(two.open_in_pieces("/" + "m" * length, headers))
        assert (reply.status, bool(reply.error_type)) == (status, True)

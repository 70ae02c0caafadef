"""What hostile and clumsy clients do. Each attack lasts as long as its ``with`` block."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

from hyperframe.frame import (
    ContinuationFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

from tests.support.http2_client import CANCEL, PREFACE, Http2, http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, asking, connect
from tests.support.native_server import paced

ENDLESS: Final[Any] = paced("for ever and ever and ever", gap_ms=3_600_000)
LARGE: Final[Any] = {
    "match": {"userMessage": "large"},
    "response": {"content": "x" * 5_000_000},
    "chunkSize": 4096,
}
FIXTURES: Final = [ENDLESS, LARGE, paced("a little at a time", gap_ms=2)]
MANY: Final = 200
"""Connections of an attack, where each does some work."""
CROWD: Final = 1000
"""Connections that only are there."""
STREAMS: Final = 20
"""Streams of each HTTP/2 connection."""
READERS: Final = 40
"""Who never reads, for each of whom the system fills its own buffers."""
UNMOVED_S: Final = 0.2
"""After how long a client sees that nothing is taken from it any more."""

_RESET: Final = struct.pack("ii", 1, 0)


def vanish(leaving: Connection | Http2 | socket.socket) -> None:
    """Leave by a reset."""
    one = leaving if isinstance(leaving, socket.socket) else leaving.socket
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    leaving.close()


@contextmanager
def crowd(url: str, count: int) -> Iterator[list[Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(url)) for _ in range(count)]


@contextmanager
def _http2_crowd(url: str, count: int) -> Iterator[list[Http2]]:
    with ExitStack() as stack:
        yield [stack.enter_context(http2(url)) for _ in range(count)]


def _drip(connections: list[Connection], data: bytes) -> None:
    """Send to all of them the same, byte by byte."""
    for at in range(len(data)):
        for connection in connections:
            connection.socket.sendall(data[at : at + 1])


def _head(path: str = CONVERSE, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: test", *lines, ""]).encode()


@contextmanager
def heads_byte_by_byte(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        _drip(connections, _head()[:50])
        yield


@contextmanager
def bodies_byte_by_byte(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for connection in connections:
            connection.socket.sendall(_head(CONVERSE, "content-length: 1000") + b"\r\n")
        _drip(connections, b'{"messages": [{"role": "user", ')
        yield


@contextmanager
def chunks_byte_by_byte(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for connection in connections:
            connection.socket.sendall(_head(CONVERSE, "transfer-encoding: chunked") + b"\r\n")
        _drip(connections, b"ffff\r\n" + b" " * 30)
        yield


@contextmanager
def silence(url: str) -> Iterator[None]:
    with crowd(url, CROWD):
        yield


@contextmanager
def resets_at_once(url: str) -> Iterator[None]:
    for _ in range(CROWD):
        vanish(Connection(url))
    yield


@contextmanager
def resets_in_a_head(url: str) -> Iterator[None]:
    for _ in range(CROWD):
        connection = Connection(url)
        connection.socket.sendall(_head())
        vanish(connection)
    yield


@contextmanager
def resets_in_streams(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for connection in connections:
            connection.send("POST", CONVERSE_STREAM, asking("for ever and ever and ever"))
            connection.socket.recv(1)
        yield
        for connection in connections:
            vanish(connection)


@contextmanager
def goodbyes_in_streams(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for connection in connections:
            connection.send("POST", CONVERSE_STREAM, asking("for ever and ever and ever"))
            connection.socket.recv(1)
        yield


@contextmanager
def readers_that_never_read(url: str) -> Iterator[None]:
    with crowd(url, READERS) as connections:
        for connection in connections:
            connection.send("POST", CONVERSE_STREAM, asking("large"))
        yield


@contextmanager
def piles_of_requests(url: str) -> Iterator[None]:
    """More than is kept stands behind an answer that does not end."""
    body = json.dumps(asking("hello")).encode()
    request = _head(CONVERSE, f"content-length: {len(body)}") + b"\r\n" + body
    with crowd(url, MANY // 4) as connections:
        for connection in connections:
            connection.send("POST", CONVERSE_STREAM, asking("for ever and ever and ever"))
            connection.socket.setblocking(False)
            with suppress(BlockingIOError):
                connection.send_until_closed(request * 100, 1000)
        yield


@contextmanager
def heads_too_long(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for connection in connections:
            with suppress(OSError):
                connection.socket.sendall(_head(CONVERSE, "x: " + "y" * 100_000))
        yield


@contextmanager
def resets_in_streams_of_http_2(url: str) -> Iterator[None]:
    with _http2_crowd(url, MANY // STREAMS) as connections:
        for connection in connections:
            _open_streams(connection)
        yield
        for connection in connections:
            vanish(connection)


@contextmanager
def streams_reset_one_by_one(url: str) -> Iterator[None]:
    with _http2_crowd(url, MANY // STREAMS) as connections:
        for connection in connections:
            for stream in _open_streams(connection):
                connection.send(RstStreamFrame(stream, CANCEL))
        yield


@contextmanager
def rapid_resets(url: str) -> Iterator[None]:
    """Each stream is taken back in the moment it is opened (CVE-2023-44487)."""
    with http2(url) as connection:
        with suppress(OSError):
            for _ in range(5000):
                stream = connection.open(CONVERSE_STREAM)
                connection.send(RstStreamFrame(stream, CANCEL))
        yield


@contextmanager
def heads_without_end(url: str) -> Iterator[None]:
    """A head goes on and on in CONTINUATION frames (CVE-2024-27316)."""
    with http2(url) as connection:
        stream = connection.open(CONVERSE, flags=())
        with suppress(OSError):
            for _ in range(20_000):
                connection.send(ContinuationFrame(stream, b"\x00\x01x\x7f\x00" + b"y" * 127))
        yield


@contextmanager
def pings_and_settings_unread(url: str) -> Iterator[None]:
    """Every frame wants an answer, and none is read."""
    with http2(url) as connection:
        connection.socket.settimeout(UNMOVED_S)
        frames: list[Frame] = [PingFrame(opaque_data=b"ping pin"), SettingsFrame()]
        flood = b"".join(frame.serialize() for frame in frames * 1000)
        with suppress(OSError):
            for _ in range(1000):
                connection.socket.sendall(flood)
        yield


@contextmanager
def goodbyes_of_http_2(url: str) -> Iterator[None]:
    """A connection for each request, with a GOAWAY behind it."""
    for _ in range(MANY):
        with http2(url) as connection:
            stream = connection.ask_for(CONVERSE_STREAM, asking("hello"))
            connection.send(GoAwayFrame(last_stream_id=0))
            assert connection.reply(stream).complete
    yield


@contextmanager
def readers_of_http_2_that_never_read(url: str) -> Iterator[None]:
    """The windows are as wide as they can be: nothing but the reader holds the answers up."""
    with _http2_crowd(url, READERS // STREAMS) as connections:
        for connection in connections:
            for _ in range(STREAMS):
                connection.ask_for(CONVERSE_STREAM, asking("large"))
        yield


@contextmanager
def halves_of_prefaces(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for connection in connections:
            connection.socket.sendall(PREFACE[:10])
        yield


@contextmanager
def frames_of_the_wrong_kind(url: str) -> Iterator[None]:
    with crowd(url, MANY) as connections:
        for number, connection in enumerate(connections):
            wrong = HeadersFrame(2 + number % 2, b"\xff" * 20, flags=("END_HEADERS",))
            with suppress(OSError):
                connection.socket.sendall(PREFACE + wrong.serialize())
        yield


def _open_streams(connection: Http2) -> list[int]:
    asked = asking("for ever and ever and ever")
    streams = [connection.ask_for(CONVERSE_STREAM, asked) for _ in range(STREAMS)]
    while not all(connection.answers[stream].body for stream in streams):
        connection.read()
    return streams


def burst(url: str, count: int) -> list[socket.socket]:
    """Begin so many connections at once; return them when the kernel has made them all."""
    parts = urlsplit(url)
    sockets = []
    for _ in range(count):
        one = socket.socket()
        one.setblocking(False)
        with suppress(BlockingIOError):
            one.connect((parts.hostname, parts.port))
        sockets.append(one)
    return sockets


ATTACKS: Final = {
    attack.__name__.replace("_", " "): attack
    for attack in (
        heads_byte_by_byte,
        bodies_byte_by_byte,
        chunks_byte_by_byte,
        silence,
        resets_at_once,
        resets_in_a_head,
        resets_in_streams,
        goodbyes_in_streams,
        readers_that_never_read,
        piles_of_requests,
        heads_too_long,
        resets_in_streams_of_http_2,
        streams_reset_one_by_one,
        rapid_resets,
        heads_without_end,
        pings_and_settings_unread,
        goodbyes_of_http_2,
        readers_of_http_2_that_never_read,
        halves_of_prefaces,
        frames_of_the_wrong_kind,
    )
}

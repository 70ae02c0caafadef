"""Lateness is the server's own: each paced write counts once, and who reads slowly not at all."""

import socket
import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hyperframe.frame import WindowUpdateFrame

from bedrock_frames import decode_all
from bedrock_frames._core import Plane
from tests.support.http2_client import WIDE, Http2, http2
from tests.support.http_client import CONVERSE_STREAM, Connection, ask, asking, connect
from tests.support.native_server import at_rest, paced, plane, wait_for

pytestmark = pytest.mark.realtime

ONCE: Final = "large, and all at once"
PIECES: Final = "large, and piece by piece"
LITTLE: Final = "little by little, and for longer than it takes to make all of the large one due"
FIXTURES: Final[list[Any]] = [
    {
        "match": {"userMessage": ONCE},
        "response": {"content": "x" * 8_000_000},
        "chunkSize": 100_000,
        "timing": {"ttft_ms": 1, "gap_ms": 0},
    },
    {
        "match": {"userMessage": PIECES},
        "response": {"content": "x" * 10_000_000},
        "chunkSize": 100_000,
        "timing": {"ttft_ms": 1, "gap_ms": 2},
    },
    paced(LITTLE, gap_ms=10),
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Plane]]:
    with plane(FIXTURES, threads=1) as (url, serving):
        # Compiled: what is waited for is its way out.
        for text in (ONCE, PIECES):
            assert ask(url, "POST", CONVERSE_STREAM, asking(text)).complete
        yield url, serving


def counted(serving: Plane) -> int:
    return at_rest(serving).lateness.total


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_a_write_that_goes_out_in_pieces_counts_once(
    served: tuple[str, Plane], version: str
) -> None:
    url, serving = served
    before = counted(serving)
    with connect(url) if version == "h1" else http2(url) as one:
        if isinstance(one, Connection):
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            assert one.ask("POST", CONVERSE_STREAM, asking(ONCE)).complete
        else:
            assert one.ask(CONVERSE_STREAM, asking(ONCE)).complete
    assert counted(serving) == before + 1


def unread(one: Connection | Http2) -> int:
    if isinstance(one, Connection):
        one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        one.send("POST", CONVERSE_STREAM, asking(PIECES))
        return 0
    return one.ask_for(CONVERSE_STREAM, asking(PIECES))


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_a_write_that_waits_for_its_reader_does_not_count(
    served: tuple[str, Plane], version: str
) -> None:
    url, serving = served
    whole = ask(url, "POST", CONVERSE_STREAM, asking(PIECES))
    before = counted(serving)
    little = ask(url, "POST", CONVERSE_STREAM, asking(LITTLE))
    of_little = counted(serving) - before
    before = counted(serving)
    with connect(url) if version == "h1" else http2(url) as one:
        stream = unread(one)
        wait_for(serving, streams=1)
        # Meanwhile all of the other becomes due, and little of it is taken.
        assert ask(url, "POST", CONVERSE_STREAM, asking(LITTLE)).body != b""
        wait_for(serving, streams=1)
        reply = one.reply() if isinstance(one, Connection) else one.reply(stream)
    assert reply.body.count(b"x") == whole.body.count(b"x")
    assert len(decode_all(little.body)) > of_little > 0
    # It has a hundred writes; what a socket takes before it is full is less than half of it.
    assert counted(serving) - before < of_little + 50


def test_who_has_no_room_for_the_first_frame_does_not_count() -> None:
    with plane([paced(LITTLE, gap_ms=10, ttft_ms=5)]) as (url, serving):
        with http2(url, window=0) as connection:
            stream = connection.ask_for(CONVERSE_STREAM, asking(LITTLE))
            while not connection.answers[stream].headers:
                connection.read()
            began = time.monotonic()
            # Meanwhile all of it becomes due.
            assert ask(url, "POST", CONVERSE_STREAM, asking(LITTLE)).complete
            shut_for = time.monotonic() - began
            connection.send(WindowUpdateFrame(stream, WIDE))
            assert connection.reply(stream).complete
        lateness = at_rest(serving).lateness
    assert lateness.at_most(shut_for / 2) == lateness.total > 0

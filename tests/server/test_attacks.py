"""Hostile and clumsy clients: the server goes on, and nothing is left of them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.hostile_clients import (
    ATTACKS,
    FIXTURES,
    READERS,
    burst,
    crowd,
    readers_of_http_2_that_never_read,
    readers_that_never_read,
    vanish,
)
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, ask, asking
from tests.support.native_server import needs_files
from tests.support.serve_process import Attack, Watched, needs_proc, watched

pytestmark = needs_proc

BURST: Final = 10_000
HELD_BYTES: Final = 320 << 10
"""What one reader that stands still may hold: a piece of 256 KiB, and what is around it."""

STREAMED: Final = "requests_total{operation=converse-stream,status=200}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("attacked")
    # The journal keeps bodies on purpose: a mebibyte each would hide what is not given back.
    small = ["--journal-body-bytes", "65536"]
    with watched(folder, FIXTURES, "--threads", "2", *small) as server:
        # What is made the first time, and how much that takes, is not the attackers'.
        assert ask(server.url, "POST", CONVERSE_STREAM, asking("large")).complete
        yield server


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_is_left_of_an_attack(server: Watched, attack: Attack) -> None:
    server.withstands(attack)


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_memory_of_large_requests_is_given_back(server: Watched, framing: str) -> None:
    server.serves()
    server.settle()
    before = server.resident_bytes()
    for _ in range(2):
        with crowd(server.url, 30) as connections:
            for connection in connections:
                connection.socket.sendall(large_head(framing))
                connection.socket.sendall(b"1000000\r\n" if framing == "chunks" else b"")
            for _ in range(16):
                for connection in connections:
                    connection.socket.sendall(b" " * (1 << 20))
            for connection in connections:
                connection.socket.sendall(b"\r\n0\r\n\r\n" if framing == "chunks" else b"")
            # Blanks are no JSON.
            assert {connection.reply().status for connection in connections} == {400}
        server.settle()
    # A thirtieth of what there was at a time.
    assert server.resident_bytes() - before < 16 << 20


def large_head(framing: str) -> bytes:
    how = "transfer-encoding: chunked" if framing == "chunks" else f"content-length: {16 << 20}"
    return f"POST {CONVERSE} HTTP/1.1\r\nhost: test\r\n{how}\r\n\r\n".encode()


@needs_files(BURST)
def test_ten_thousand_connects_in_a_burst_are_all_taken(server: Watched) -> None:
    @contextmanager
    def all_at_once(url: str) -> Iterator[None]:
        sockets = burst(url, BURST)
        server.wait_for(connections=BURST + 1)
        yield
        assert [s for s in sockets if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)] == []
        for one in sockets:
            vanish(one)

    server.withstands(all_at_once)


@pytest.mark.parametrize("attack", [readers_that_never_read, readers_of_http_2_that_never_read])
def test_who_never_reads_holds_little_and_slows_only_itself(tmp_path: Path, attack: Attack) -> None:
    with watched(tmp_path, FIXTURES) as server:
        # Compiled, and said once: what follows is theirs.
        assert ask(server.url, "POST", CONVERSE_STREAM, asking("large")).complete
        before = server.resident_bytes()
        with attack(server.url):
            server.wait_for(**{STREAMED: 1 + READERS})
            assert ask(server.url, "POST", CONVERSE_STREAM, asking("a little at a time")).complete
            held = server.resident_bytes() - before
        server.settle()

    assert held < READERS * HELD_BYTES

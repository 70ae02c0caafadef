"""Hostile and clumsy clients: the server goes on, and nothing is left of them."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.attacks import (
    ATTACKS,
    FIXTURES,
    READERS,
    burst,
    readers_of_http_2_that_never_read,
    readers_that_never_read,
    vanish,
)
from tests.http_client import CONVERSE_STREAM, ask, asking
from tests.planes import needs_files
from tests.watching import Attack, Watched, needs_proc, watched

pytestmark = needs_proc

BURST: Final = 10_000
HELD_BYTES: Final = 320 << 10
"""What one reader that stands still may hold: a piece of 256 KiB, and what is around it."""

STREAMED: Final = "requests_total{operation=converse-stream,status=200}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("attacked")
    with watched(folder, FIXTURES, "--threads", "2") as server:
        # What is made the first time, and how much that takes, is not the attackers'.
        assert ask(server.url, "POST", CONVERSE_STREAM, asking("large")).complete
        yield server


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_nothing_is_left_of_an_attack(server: Watched, attack: Attack) -> None:
    server.withstands(attack)


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

"""What ``serve`` says of itself: where it listens, and nothing that is not the user's business."""

import logging
import re
import socket
from pathlib import Path

import pytest

from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, ask, asking
from tests.support.serve_command import fixture_file, served


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_the_log_names_every_address_and_how_to_reach_it(asgi: bool, tmp_path: Path) -> None:
    options = ["--no-control", "--host", "0.0.0.0", *["--asgi"] * asgi]  # noqa: S104
    with served(fixture_file(tmp_path), *options) as running:
        found = re.fullmatch(r"listening on http://0\.0\.0\.0:([0-9]+)\n", running.first_line)
        assert found
        here = f"http://127.0.0.1:{found[1]}"
        assert ask(here, "POST", CONVERSE, asking("hello")).status == 200
        assert running.end() == (0, "")
    assert (
        f"Listening on http://0.0.0.0:{found[1]}, all addresses: here, it is {here}" in running.log
    )


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_a_host_of_ipv6_may_stand_in_brackets(host: str, asgi: bool, tmp_path: Path) -> None:
    with served(fixture_file(tmp_path), "--host", host, *["--asgi"] * asgi) as running:
        assert re.fullmatch(r"listening on http://\[::1\]:[0-9]+\n", running.first_line)
        assert ask(running.url, "POST", CONVERSE, asking("hello")).status == 200
    with Server(fixture_file(tmp_path), host=host, asgi=asgi) as server:
        assert ask(server.url, "POST", CONVERSE, asking("hello")).status == 200


def test_a_native_server_logs_no_lines_of_uvicorn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(fixture_file(tmp_path)) as running:
        assert ask(running.url, "GET", "/health").status == 200
        assert running.end() == (0, "")
    assert "Listening on" in running.log
    assert "uvicorn" not in running.log

    caplog.set_level(logging.DEBUG)
    with Server() as server:
        assert ask(server.url, "GET", "/health").status == 200
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]

"""Servers in tests that stop the clock."""

import subprocess
import sys
from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, ask, asking
from tests.support.native_server import paced, until

TEXT: Final = "in its own time"
FIXTURES: Final[list[Any]] = [paced(TEXT, ttft_ms=20, gap_ms=5)]

FROZEN_FIRST: Final = """
import freezegun

with freezegun.freeze_time("2020-01-01"):
    from tests.server.test_frozen_clock import serves_in_time

    serves_in_time(asgi={asgi})
"""


def serves_in_time(*, asgi: bool) -> None:
    with Server(FIXTURES, asgi=asgi) as server:
        for path in (CONVERSE, CONVERSE_STREAM):
            reply = ask(server.url, "POST", path, asking(TEXT))
            assert (reply.status, reply.complete) == (200, True)


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_timed_answers_are_sent_while_the_clock_is_stopped(asgi: bool) -> None:
    freezegun = pytest.importorskip("freezegun")
    with Server(FIXTURES, asgi=asgi) as before, freezegun.freeze_time("2020-01-01"):
        serves_in_time(asgi=asgi)
        assert ask(before.url, "POST", CONVERSE_STREAM, asking(TEXT)).complete


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_timed_answers_are_sent_where_the_clock_was_stopped_before(asgi: bool) -> None:
    pytest.importorskip("freezegun")
    command = [sys.executable, "-c", FROZEN_FIRST.format(asgi=asgi)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
@pytest.mark.parametrize("path", [CONVERSE, CONVERSE_STREAM])
def test_durations_are_measured_by_a_clock_that_runs(asgi: bool, path: str) -> None:
    freezegun = pytest.importorskip("freezegun")
    with freezegun.freeze_time("2020-01-01"), Server(FIXTURES, asgi=asgi) as server:
        ask(server.url, "POST", path, asking(TEXT))
        ask(server.url, "POST", "/model/m/no-such-operation", {})

        def durations() -> list[float]:
            _, entries = server.parts.engine.journal()
            return [entry.duration for entry in entries if entry.duration is not None]

        measured = until(lambda: durations() if len(durations()) == 2 else None)

    assert all(0 <= duration < 60 for duration in measured)

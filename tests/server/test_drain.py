"""How a server ends: what was begun is finished, and nothing new is taken."""

import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames import decode_all
from tests.support.http2_client import Http2, http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, ask, asking, connect
from tests.support.serve_command import Served, fixture_file, served
from tests.support.serve_process import wait_for_samples

pytestmark = pytest.mark.realtime

PACED: Final[dict[str, Any]] = {"timing": {"ttft_ms": 20, "gap_ms": 20}}
ENDLESS: Final[dict[str, Any]] = {"timing": {"ttft_ms": 0, "gap_ms": 3_600_000}}
DRAINING: Final = "Waiting for connections"


def begin(connection: Connection | Http2) -> int:
    """Ask for a stream, and wait until it has begun."""
    if isinstance(connection, Connection):
        connection.send("POST", CONVERSE_STREAM, asking("hello"))
        connection.socket.recv(1, socket.MSG_PEEK)
        return 0
    stream = connection.ask_for(CONVERSE_STREAM, asking("hello"))
    while not connection.answers[stream].body:
        connection.read()
    return stream


def ask_to_end(running: Served) -> None:
    """Send SIGTERM, and wait until it waits for what is under way."""
    running.process.send_signal(signal.SIGTERM)
    assert running.wait_for_log(DRAINING)


def connect_again_and_again(url: str) -> None:
    """The listener is closed by a thread of its own: it may take a few; who waits then is reset."""
    for _ in range(100_000):
        with suppress(ConnectionResetError):
            Connection(url).close()


@pytest.mark.parametrize("streams", [1, 50])
def test_streams_of_both_protocols_come_to_their_end(tmp_path: Path, streams: int) -> None:
    with (
        served(fixture_file(tmp_path, **PACED)) as running,
        http2(running.url) as two,
    ):
        ones = [Connection(running.url) for _ in range(streams)]
        for one in ones:
            begin(one)
        over_2 = [begin(two) for _ in range(streams)]
        ask_to_end(running)
        replies = [*(one.reply() for one in ones), *map(two.reply, over_2)]
        two.read_to_the_end()
        for one in ones:
            assert one.socket.recv(1) == b""
            one.close()

        assert running.wait() == (0, "")
    assert all(reply.complete for reply in replies)
    assert {decode_all(reply.body)[-1].event_type for reply in replies} == {"metadata"}
    assert two.went_away is not None
    assert two.went_away.error_code == 0
    assert "Lateness: of" in running.log
    assert "Traceback" not in running.log


def test_a_draining_server_accepts_no_connection(tmp_path: Path) -> None:
    with served(fixture_file(tmp_path, **ENDLESS)) as running, connect(running.url) as connection:
        begin(connection)
        ask_to_end(running)
        with pytest.raises(ConnectionRefusedError):
            connect_again_and_again(running.url)
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == (0, "")


def test_a_draining_server_accepts_no_new_stream_on_an_old_connection(tmp_path: Path) -> None:
    # The old one is still under way when the other is asked for.
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 0, "gap_ms": 200})
    with served(fixtures) as running, http2(running.url) as connection:
        old = begin(connection)
        ask_to_end(running)
        while connection.went_away is None or connection.went_away.last_stream_id > old:
            connection.read()
        new = connection.ask_for(CONVERSE, asking("hello"))
        assert connection.reply(old).complete
        connection.read_to_the_end()

        assert connection.answers[new].headers == {}
        assert running.wait() == (0, "")


@pytest.mark.parametrize("how", ["timeout", "second signal"])
@pytest.mark.parametrize("protocol", [Connection, Http2])
def test_the_wait_has_an_end(
    tmp_path: Path, how: str, protocol: type[Connection] | type[Http2]
) -> None:
    drain = "50ms" if how == "timeout" else "1000s"
    with served(fixture_file(tmp_path, **ENDLESS), "--drain-timeout", drain) as running:
        connection = protocol(running.url)
        stream = begin(connection)
        ask_to_end(running)
        if how == "second signal":
            running.process.send_signal(signal.SIGTERM)
        if isinstance(connection, Connection):
            assert not connection.reply().complete
        else:
            connection.read_to_the_end()
            assert not connection.answers[stream].ended
        connection.close()

        assert running.wait() == (0, "")
    assert "Traceback" not in running.log


@pytest.mark.parametrize("how", ["timeout", "second signal"])
def test_the_portable_tier_cuts_and_counts_too(tmp_path: Path, how: str) -> None:
    drain = "500ms" if how == "timeout" else "1000s"
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 0, "gap_ms": 3_600_000})
    with (
        served(fixtures, "--asgi", "--drain-timeout", drain) as running,
        connect(running.url) as streaming,
        connect(running.url) as waiting,
    ):
        begin(streaming)
        waiting.send("POST", CONVERSE, asking("hello"))
        assert wait_for_samples(running.url, requests_in_flight=2.0)
        running.process.send_signal(signal.SIGTERM)
        assert running.wait_for_log("Shutting down")
        if how == "second signal":
            running.process.send_signal(signal.SIGTERM)
        assert not streaming.reply().complete
        # It gets no answer at all, as from the native tier.
        with pytest.raises(ConnectionError):
            waiting.reply()
        assert running.wait() == (0, "")
    (line,) = [line for line in running.log.splitlines() if "Cut" in line]
    assert "WARNING" in line
    assert "Cut 2 answers that were under way" in line
    assert "ERROR" not in running.log


@pytest.mark.parametrize(
    ("how", "why"),
    [("timeout", "the drain timeout of 0.5 s is over"), ("second signal", "asked to end again")],
)
def test_answers_that_are_cut_are_counted(tmp_path: Path, how: str, why: str) -> None:
    count = 20
    drain = "500ms" if how == "timeout" else "1000s"
    with (
        served(fixture_file(tmp_path, **ENDLESS), "--drain-timeout", drain) as running,
        http2(running.url) as two,
        ExitStack() as stack,
    ):
        ones = [stack.enter_context(connect(running.url)) for _ in range(count)]
        for one in ones:
            begin(one)
        begin(two)
        ask_to_end(running)
        if how == "second signal":
            running.process.send_signal(signal.SIGTERM)
        assert running.wait() == (0, "")
    (line,) = [line for line in running.log.splitlines() if "Cut" in line]
    assert "WARNING" in line
    assert f"Cut {count + 1} answers that were under way: {why}" in line
    assert f"{count + 1} open, {count + 1} answers under way" in running.log
    # Without a bound there is no verdict.
    assert "Lateness: of" in running.log.splitlines()[-1]
    assert "Times were" not in running.log


def test_an_incomplete_request_is_waited_for_and_counted_as_no_answer(tmp_path: Path) -> None:
    options = ["--drain-timeout", "300ms", "--threads", "1"]
    with served(fixture_file(tmp_path), *options) as running, connect(running.url) as connection:
        assert connection.ask("GET", "/health").status == 200
        connection.socket.sendall(b"POST ")
        ask_to_end(running)
        assert "1 open, 0 answers under way" in running.log
        assert running.wait() == (0, "")
    assert "Cut" not in running.log


def test_the_last_line_reports_how_late_writes_were(tmp_path: Path) -> None:
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 1, "gap_ms": 1})
    with served(fixtures, "--max-lateness", "0s", "--threads", "1") as running:
        reply = ask(running.url, "POST", CONVERSE_STREAM, asking("hello"))
        assert running.end() == (3, "")

    writes = len(decode_all(reply.body)) - 1
    (line,) = [line for line in running.log.splitlines() if "Times were" in line]
    assert "Times were NOT kept" in line
    assert "allowed are 0 ms" in line
    assert 0 < int(line.partition(" of ")[2].split()[0]) <= writes


def test_a_signal_that_another_thread_takes_ends_it_all_the_same(tmp_path: Path) -> None:
    # It comes while the main thread waits, and does not interrupt that.
    script = f"""
import signal, threading, time
from bedrock_frames import fixtures
from bedrock_frames.server import create_app
from bedrock_frames.server.native import Place, serve

def take() -> None:
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

def on_ready(url: str) -> None:
    threading.Thread(target=take).start()

app = create_app(fixtures.load([{str(fixture_file(tmp_path))!r}]))
serve(app, Place(port=0), on_ready=on_ready)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")

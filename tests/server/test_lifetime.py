"""Servers that are started and stopped by hand, and those that a process ends without stopping."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, ask, asking, connect
from tests.support.native_server import until

HELLO: Final[list[Any]] = [{"match": {}, "response": {"content": "Hi."}}]
ENDLESS: Final[list[Any]] = [
    {
        "match": {},
        "response": {"content": "never to its end"},
        "timing": {"ttft_ms": 1, "gap_ms": 3_600_000},
    }
]
SECONDS: Final = 60
"""What a process may take that would otherwise never end."""

HEAD: Final = """
import http.client, json, os, sys, threading
from contextlib import ExitStack
from bedrock_frames.server import Server

def made(**options):
    return Server([{"match": {}, "response": {"content": "Hi."}}], asgi=ASGI, **options)

def ask(server):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", "/model/m/converse", b'{"messages": []}')
    answer = connection.getresponse()
    assert (answer.status, len(answer.read()) > 0) == (200, True)
    fixture = {"match": {"userMessage": "x"}, "response": {"content": "another"}}
    body = json.dumps({"fixtures": [fixture]})
    connection.request("POST", "/__control/fixtures?position=first", body)
    assert connection.getresponse().read() == b'{"added":1}'
"""

LEFT_BEHIND: Final = {
    "global": ("s = made(); s.__enter__(); ask(s)", 0),
    "started": ("s = made().start(); ask(s)", 0),
    "without a name": ("ask(made().start())", 0),
    "stack": ("stack = ExitStack(); ask(stack.enter_context(made()))", 0),
    "class attribute": ("class Case: server = made()\nask(Case.server.start())", 0),
    "cycle": ("a = {'s': made()}; a['a'] = a; ask(a['s'].start()); del a", 0),
    "function": ("def f():\n    s = made()\n    ask(s.start())\nf()", 0),
    "sys.exit": ("s = made().start(); ask(s); sys.exit(3)", 3),
    "exception": ("s = made().start(); ask(s); raise SystemExit('no')", 1),
    "generator": ("def g():\n    with made() as s:\n        yield s\nit = g(); ask(next(it))", 0),
    "thread": ("t = threading.Thread(target=lambda: ask(made().start())); t.start(); t.join()", 0),
    "module": ("import types\nm = types.ModuleType('m'); m.s = made(); ask(m.s.start())", 0),
    "two": ("a, b = made().start(), made().start(); ask(a); ask(b)", 0),
    "watching": ("s = made(watch=os.getcwd()).start(); ask(s)", 0),
}

UNITTEST: Final = """
import unittest
from bedrock_frames.server import Server

def setUpModule():
    global server
    server = Server().start()

class Case(unittest.TestCase):
    def test_something(self):
        self.assertTrue(server.url)

unittest.main()
"""


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=folder,
    )


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
@pytest.mark.parametrize("form", LEFT_BEHIND)
def test_a_process_ends_with_a_server_that_was_not_stopped(
    form: str, asgi: bool, tmp_path: Path
) -> None:
    script, code = LEFT_BEHIND[form]
    done = run(
        f"ASGI = {asgi}\n{HEAD}\n{script}\nprint('end')"
        if code == 0
        else f"ASGI = {asgi}\n{HEAD}\n{script}",
        tmp_path,
    )
    said = "no\n" if form == "exception" else ""
    assert (done.returncode, done.stderr) == (code, said)


def test_a_unittest_module_need_not_stop_its_server(tmp_path: Path) -> None:
    done = run(UNITTEST, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_an_interrupt_ends_a_process_with_a_server_and_an_answer_under_way(
    asgi: bool, tmp_path: Path
) -> None:
    script = f"""
import signal, threading
from bedrock_frames.server import Server
# A shell ignores it for what it runs in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
server = Server({ENDLESS!r}, asgi={asgi}, drain_timeout=3600).start()
print(server.url, flush=True)
threading.Event().wait()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with connect(url) as connection:
            connection.send("POST", CONVERSE_STREAM, asking("hello"))
            assert connection.socket.recv(1) == b"H"
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=SECONDS)
    assert process.returncode == -signal.SIGINT
    assert "Cut 1 answers that were under way: the process ends" in log
    assert log.count("Traceback") == 1


def test_threads_are_answered_after_the_main_thread_has_ended(tmp_path: Path) -> None:
    script = """
def late():
    threading.main_thread().join()
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", "/model/m/converse", b'{"messages": []}')
    print(connection.getresponse().status)

server = made().start()
threading.Thread(target=late).start()
"""
    done = run(f"ASGI = False\n{HEAD}\n{script}", tmp_path)
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_a_server_is_started_and_stopped_by_hand_again_and_again(asgi: bool) -> None:
    server = Server(HELLO, asgi=asgi)
    server.stop()
    for _ in range(3):
        assert server.start() is server
        url = server.url
        assert ask(url, "POST", CONVERSE, asking("hello")).status == 200
        server.stop()
        server.stop()
        with pytest.raises(RuntimeError, match="does not run"):
            server.url  # noqa: B018
        with pytest.raises(ConnectionRefusedError):
            Connection(url)
    server.__exit__(None, None, None)


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_a_server_that_is_entered_twice_says_so_and_stays_in_use(asgi: bool) -> None:
    with Server(HELLO, asgi=asgi) as server:
        for again in (server.__enter__, server.start):
            with pytest.raises(RuntimeError, match="runs already"):
                again()
        gc.collect()
        assert ask(server.url, "POST", CONVERSE, asking("hello")).status == 200


def test_a_server_that_could_not_start_may_be_started_later() -> None:
    with Server(HELLO) as first:
        port = int(first.url.rpartition(":")[2])
        second = Server(HELLO, port=port)
        with pytest.raises(OSError, match="in use"):
            second.start()
    assert second.start().url == f"http://127.0.0.1:{port}"
    second.stop()


def test_the_garbage_collector_stops_no_server() -> None:
    def started() -> str:
        return Server(HELLO).start().url

    url = started()
    gc.collect()
    assert ask(url, "POST", CONVERSE, asking("hello")).status == 200


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_a_forked_child_leaves_its_parents_server_alone(asgi: bool, tmp_path: Path) -> None:
    script = f"""
ASGI = {asgi}
{HEAD}
import time
for form in ("leaves", "ends", "lives"):
    told, tell = os.pipe()
    with made() as server:
        ask(server)
        child = os.fork()
        if child == 0:
            if form == "ends":
                ask(server)
                sys.exit(5)
            if form == "lives":
                os.close(tell)
                os.read(told, 1)
                os._exit(5)
            begin = time.monotonic()
            # The end of a with block.
            server.__exit__(None, None, None)
            os._exit(5 if time.monotonic() - begin < 4 else 6)
        if form != "lives":
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        ask(server)
        port = int(server.url.rpartition(":")[2])
    # The port is free, though the child may still live.
    import socket
    socket.create_server(("127.0.0.1", port)).close()
    os.close(tell)
    if form == "lives":
        os.waitpid(child, 0)
print("end")
"""
    done = run(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_an_interrupt_while_it_drains_cuts_answers_and_leaves_no_thread(
    asgi: bool, request: pytest.FixtureRequest
) -> None:
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, old))
    before = set(threading.enumerate())
    server = Server(ENDLESS, asgi=asgi, drain_timeout=3600).start()
    with connect(server.url) as connection:
        connection.send("POST", CONVERSE_STREAM, asking("hello"))
        assert connection.socket.recv(1) == b"H"

        def interrupt() -> None:
            # It drains once it takes no more connections.
            until(lambda: not takes_connections(url))
            os.kill(os.getpid(), signal.SIGINT)

        url = server.url
        interrupter = threading.Thread(target=interrupt)
        interrupter.start()
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            server.stop()
        assert time.monotonic() - begin < SECONDS
        interrupter.join()
    until(lambda: set(threading.enumerate()) <= before, "without its threads")


def takes_connections(url: str) -> bool:
    try:
        Connection(url).close()
    except OSError:
        return False
    return True

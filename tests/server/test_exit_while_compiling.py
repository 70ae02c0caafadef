"""Processes that end while Python still makes an answer: with their exit code, and no other."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.support.http_client import CONVERSE, asking, connect
from tests.support.serve_command import served

WITH_A_CALLABLE: Final = """
import http.client, threading, time
from bedrock_frames.server import Server

begun = threading.Event()

def answer(request):
    begun.set()
    while True:
        time.sleep(0.001)

with Server([{"match": {}, "response": answer}], drain_timeout=0) as server:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("POST", "/model/m/converse", b'{"messages": []}')
    assert begun.wait(20)
print("the end")
"""


def test_a_callable_that_never_returns_does_not_keep_a_process_or_end_it() -> None:
    command = [sys.executable, "-c", WITH_A_CALLABLE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")


def test_a_server_that_makes_answers_ends_at_once_where_it_has_to(tmp_path: Path) -> None:
    fixtures = tmp_path / "fixtures.json"
    repeating = {"match": {}, "response": {"content": "{{userMessage}}", "template": True}}
    fixtures.write_text(json.dumps({"fixtures": [repeating]}))
    for _ in range(3):
        with served(fixtures, "--drain-timeout", "0s") as running, ExitStack() as stack:
            for _ in range(300):
                connection = stack.enter_context(connect(running.url))
                connection.send("POST", CONVERSE, asking("w " * 20_000))
            assert running.end() == (0, "")

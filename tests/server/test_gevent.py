"""Servers in a process whose threads are greenlets, as they are where Locust is imported."""

import subprocess
import sys
from typing import Final

import pytest

SCRIPT: Final = """
import http.client, sys

{order}
import gevent

FIXTURES = [
    {{"match": {{"userMessage": "now"}}, "response": {{"content": "Hi."}}}},
    {{
        "match": {{"userMessage": "paced"}},
        "response": {{"content": "a few words"}},
        "timing": {{"ttft_ms": 20, "gap_ms": 20}},
    }},
    {{"match": {{}}, "response": lambda request: {{"content": request.user_message}}}},
]

def ask(server, text, operation):
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    body = '{{"messages": [{{"role": "user", "content": [{{"text": "%s"}}]}}]}}' % text
    connection.request("POST", f"/model/m/{{operation}}", body)
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return answer.read()

def session(server):
    assert b"Hi." in ask(server, "now", "converse")
    assert b"messageStop" in ask(server, "paced", "converse-stream")
    assert b"called" in ask(server, "called", "converse")
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    connection.request("GET", "/metrics")
    assert b"bedrock_frames_requests" in connection.getresponse().read()

with Server(FIXTURES, asgi={asgi}) as server:
    gevent.joinall([gevent.spawn(session, server) for _ in range(5)], raise_error=True)
left = Server(FIXTURES, asgi={asgi}).start()
session(left)
print("end")
"""
PATCH: Final = "from gevent import monkey; monkey.patch_all()"
IMPORT: Final = "from bedrock_frames.server import Server"


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
@pytest.mark.parametrize("order", [f"{PATCH}\n{IMPORT}", f"{IMPORT}\n{PATCH}"])
def test_greenlets_are_served(order: str, asgi: bool) -> None:
    pytest.importorskip("gevent")
    command = [sys.executable, "-c", SCRIPT.format(order=order, asgi=asgi)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "end\n"), done.stderr

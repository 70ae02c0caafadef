"""The app on ASGI hosts that are not ours, and mounted under another app."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames import decode_all
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, ask, asking, connect

APP: Final = """
from starlette.applications import Starlette
from starlette.routing import Mount

from bedrock_frames.server import create_app


def fixture(text, **options):
    response = {"content": "A few words, one after the other."}
    return {"match": {"userMessage": text}, "response": response, **options}


app = create_app([
    fixture("now"),
    fixture("paced", timing={"ttft_ms": 20, "gap_ms": 5}),
    fixture("cut", truncateAfterChunks=3),
    fixture("slow", timing={"ttft_ms": 5, "gap_ms": 3_600_000}),
])
outer = Starlette(routes=[Mount("/some where", app=app)])
"""

HOSTS: Final = {
    "uvicorn": ["--port", "{port}", "hosted:app"],
    "uvicorn on asyncio and h11": [
        *("--port", "{port}", "--loop", "asyncio", "--http", "h11", "hosted:app")
    ],
    "uvicorn, mounted": ["--port", "{port}", "hosted:outer"],
    "granian": ["--interface", "asgi", "--port", "{port}", "hosted:app"],
    "hypercorn": ["--bind", "127.0.0.1:{port}", "hosted:app"],
}


@contextmanager
def hosted(name: str, folder: Path) -> Iterator[str]:
    """Run a host in a folder; yield the app's URL."""
    module = name.split()[0].strip(",")
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    (folder / "hosted.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [argument.format(port=port) for argument in HOSTS[name]]
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_open(url, process)
            yield url
        finally:
            process.terminate()


def wait_until_open(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            Connection(url).close()
        except ConnectionRefusedError:
            continue
        return
    pytest.fail("the host ended at once")


@pytest.mark.parametrize("name", HOSTS)
def test_the_app_is_the_same_on_every_host(name: str, tmp_path: Path) -> None:
    prefix = "/some%20where" if "mounted" in name else ""
    arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fmine/converse"
    with hosted(name, tmp_path) as url:
        stream = prefix + CONVERSE_STREAM
        now, paced = (ask(url, "POST", stream, asking(text)) for text in ("now", "paced"))
        assert (now.status, now.complete, paced.status, paced.complete) == (200, True, 200, True)
        kinds = [[m.event_type for m in decode_all(reply.body)] for reply in (now, paced)]
        assert kinds[0] == kinds[1]
        assert kinds[0][-1] == "metadata"

        cut = ask(url, "POST", stream, asking("cut"))
        assert (cut.status, cut.complete, len(decode_all(cut.body))) == (200, False, 3)

        whole = ask(url, "POST", prefix + CONVERSE, asking("paced"))
        assert len(whole.body) == int(whole.headers["content-length"])
        assert ask(url, "POST", prefix + arn, asking("now")).status == 200

        for _ in range(3):
            with connect(url) as connection:
                connection.send("POST", stream, asking("slow"))
                connection.socket.recv(10)
        figures = b""
        for _ in range(1000):
            figures = ask(url, "GET", f"{prefix}/metrics").body
            if b"\nbedrock_frames_streams_active 0.0" in figures:
                break
        assert b"\nbedrock_frames_disconnects_total 3.0" in figures
        journal = ask(url, "GET", f"{prefix}/__control/journal").json
        assert journal[4]["model"] == "arn:aws:bedrock:us-east-1:1:inference-profile/mine"
        assert [entry["response"]["outcome"] for entry in journal] == [
            *("delivered", "delivered", "cut", "delivered", "delivered"),
            *["client_left"] * 3,
        ]

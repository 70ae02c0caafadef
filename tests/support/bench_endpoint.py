"""An endpoint that answers what a test says, right or wrong."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote

import bedrock_frames as bf

EVENT_STREAM: Final = "application/vnd.amazon.eventstream"
TEXT: Final = ("A little ", "at a ", "time.")


def event(name: str, payload: dict[str, Any], content_type: str = "application/json") -> bytes:
    """Return an event's frame."""
    headers = {":event-type": name, ":content-type": content_type, ":message-type": "event"}
    return bf.encode(headers, json.dumps(payload).encode())


def exception(name: str, message: str) -> bytes:
    """Return an exception's frame."""
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return bf.encode(headers, json.dumps({"message": message}).encode())


def delta(text: str) -> bytes:
    """Return the frame of some text."""
    return event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})


START: Final = event("messageStart", {"role": "assistant"})
BLOCK_STOP: Final = event("contentBlockStop", {"contentBlockIndex": 0})
STOP: Final = event("messageStop", {"stopReason": "end_turn"})
METADATA: Final = event(
    "metadata",
    {
        "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8},
        "metrics": {"latencyMs": 7},
    },
)
FRAMES: Final = (START, *map(delta, TEXT), BLOCK_STOP, STOP, METADATA)
"""A right answer."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """An answer: its pieces are sent one by one, each when the one before was."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": EVENT_STREAM})
    pieces: tuple[bytes, ...] = FRAMES


def refusal(status: int, name: str) -> Said:
    """Return an error as the service says it."""
    headers = {"content-type": "application/json", "x-amzn-errortype": name}
    return Said(status=status, headers=headers, pieces=(b'{"message":"no"}',))


Answer = Callable[[str, bytes], Said]


@contextmanager
def endpoint(answer: Answer) -> Iterator[str]:
    """Serve what a function of operation and body says; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            said = answer(unquote(self.path).rpartition("/")[2], body)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in said.pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base has that name)
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

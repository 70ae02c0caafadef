"""Runs of the load generator, and raw servers that answer it with whatever bytes a test wants."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from bedrock_frames._core import LoadRun
from tests.support import wire_format as wire

STREAM: Final = "application/vnd.amazon.eventstream"
CLOSED: Final = {"kind": "closed", "concurrency": 1}

Script = Callable[[socket.socket, bytes], object]
"""What a server does with a connection and the request that came on it; it closes on ``False``."""


def event(name: str, payload: object) -> bytes:
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return wire.encode(headers, json.dumps(payload, separators=(",", ":")).encode())


def exception(name: str) -> bytes:
    headers = {":message-type": "exception", ":exception-type": name}
    return wire.encode(headers, b'{"message":"no"}')


def answer(*texts: str, tokens: int = 5) -> list[bytes]:
    """Return the frames of a right answer."""
    return [
        event("messageStart", {"role": "assistant"}),
        *(
            event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": t}})
            for t in texts
        ),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "end_turn"}),
        event(
            "metadata",
            {
                "metrics": {"latencyMs": 1},
                "usage": {"inputTokens": 1, "outputTokens": tokens, "totalTokens": tokens + 1},
            },
        ),
    ]


def http(body: bytes, *, status: str = "200 OK", kind: str = STREAM, head: str = "") -> bytes:
    """Return a whole answer with a length."""
    lines = (
        f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{head}content-length: {len(body)}\r\n\r\n"
    )
    return lines.encode() + body


def chunked(*parts: bytes, kind: str = STREAM) -> bytes:
    """Return a whole answer in chunks."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    chunks = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)
    return head.encode() + chunks + b"0\r\n\r\n"


def sending(data: bytes) -> Script:
    """Answer every request with these bytes."""
    return lambda connection, _: connection.sendall(data)


def closing_after(data: bytes) -> Script:
    """Answer with these bytes, and close."""

    def script(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(data)
        return False

    return script


def reset(connection: socket.socket) -> None:
    """Cut a connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_request(connection: socket.socket) -> bytes | None:
    """Return one request, head and body; ``None`` when there are no more."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        if end:
            lengths = [
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length:")
            ]
            if len(body) >= sum(lengths):
                return data
        more = connection.recv(65536)
        if not more:
            return None
        data += more


@contextmanager
def server(script: Script) -> Iterator[str]:
    """Serve HTTP/1.1 until the block ends; yield the URL."""

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (request := read_request(connection)) is not None:
                if script(connection, request) is False:
                    return

    with listening(serve) as url:
        yield url


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen on a free port, a thread for each connection, until the block ends; yield the URL."""
    connections: list[socket.socket] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        threads = [threading.Thread(target=accept)]
        threads[0].start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def start(url: str, **options: object) -> LoadRun:
    """Start a run of the model ``m``, with one user unless told otherwise."""
    run = LoadRun(json.dumps({"url": url, "model": "m", "arrivals": CLOSED, **options}))
    run.start()
    return run


def result(run: LoadRun) -> dict[str, Any]:
    """Wait for a run's end and return what it found."""
    assert run.wait(60)
    found: dict[str, Any] = json.loads(run.result())
    return found


def drive(url: str, **options: object) -> dict[str, Any]:
    """Run to the end."""
    return result(start(url, **options))

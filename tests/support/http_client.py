"""A client that says to a socket exactly what a test wants said, and reads what comes back."""

import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

MODEL: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"
CONVERSE: Final = f"/model/{MODEL}/converse"
CONVERSE_STREAM: Final = f"/model/{MODEL}/converse-stream"
JSON: Final = {"content-type": "application/json"}


def asking(text: str) -> dict[str, Any]:
    """Return the body of a Converse request."""
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool
    """Whether the response ended as its framing says: all of its length, or its last chunk."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_type(self) -> str | None:
        return self.headers.get("x-amzn-errortype")


def open_socket(
    url: str,
    trusting: Path | None = None,
    speaking: str = "http/1.1",
    *,
    receive_buffer: int | None = None,
) -> socket.socket:
    """Connect; by TLS, with a protocol that ALPN agrees on, where a certificate is given.

    A ``receive_buffer`` is one from the start, so that the server never sends more than fits.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    plain = socket.socket(socket.AF_INET6 if ":" in parts.hostname else socket.AF_INET)
    plain.settimeout(20)
    if receive_buffer is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        plain.connect((parts.hostname, parts.port))
    except OSError:
        plain.close()
        raise
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if trusting is None:
        return plain
    context = ssl.create_default_context(cafile=trusting)
    context.set_alpn_protocols([speaking])
    secure = context.wrap_socket(plain, server_hostname="localhost")
    assert secure.selected_alpn_protocol() == speaking
    return secure


class Connection:
    """One connection, kept alive."""

    def __init__(
        self, url: str, *, trusting: Path | None = None, receive_buffer: int | None = None
    ) -> None:
        self._host = urlsplit(url).netloc
        self.socket = open_socket(url, trusting, receive_buffer=receive_buffer)
        self._file = self.socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = JSON,
        *,
        length: int | None = None,
    ) -> None:
        """Send a request; ``length`` is what it claims its body to have."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        lines = [
            f"{method} {path} HTTP/1.1",
            f"host: {self._host}",
            f"content-length: {length or len(data)}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + data)

    def send_until_closed(self, piece: bytes, pieces: int) -> None:
        """Send the same piece again and again.

        Raises:
            OSError: the other side has closed the connection.
        """
        for _ in range(pieces):
            self.socket.sendall(piece)

    def reply(self) -> Reply:
        """Read one response.

        Raises:
            ConnectionError: the connection ended before a whole head was there.
        """
        lines = []
        while (line := self._file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode().strip())
        if line == b"" or not lines:
            raise ConnectionError("no response")
        pairs = (text.split(":", 1) for text in lines[1:])
        headers = {name.lower(): value.strip() for name, value in pairs}
        body, complete = self._body(headers)
        return Reply(status=int(lines[0].split()[1]), headers=headers, body=body, complete=complete)

    def _body(self, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        if headers.get("transfer-encoding") != "chunked":
            length = int(headers.get("content-length", "0"))
            body = self._file.read(length)
            return body, len(body) == length
        body = b""
        while True:
            size = self._file.readline()
            if not size.endswith(b"\r\n"):
                return body, False
            piece = self._file.read(int(size, 16) + 2)
            body += piece[:-2]
            if size == b"0\r\n":
                return body, piece == b"\r\n"

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] = JSON,
    ) -> Reply:
        self.send(method, path, body, headers)
        return self.reply()


@contextmanager
def connect(
    url: str, *, trusting: Path | None = None, receive_buffer: int | None = None
) -> Iterator[Connection]:
    connection = Connection(url, trusting=trusting, receive_buffer=receive_buffer)
    try:
        yield connection
    finally:
        connection.close()


def ask(
    url: str,
    method: str,
    path: str,
    body: bytes | Mapping[str, Any] | None = None,
    headers: Mapping[str, str] = JSON,
    *,
    trusting: Path | None = None,
) -> Reply:
    """Ask once, on a connection of its own."""
    with connect(url, trusting=trusting) as connection:
        return connection.ask(method, path, body, headers)

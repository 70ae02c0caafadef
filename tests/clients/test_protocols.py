"""What clients speak: to a plain port, and where TLS lets them choose."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Final

import pytest

from tests.clients.running import Client, Endpoints

HTTP1: Final = "HTTP/1.1"
HTTP2: Final = "HTTP/2"

SPOKEN: Final = {
    "boto3": HTTP1,
    "boto3-tls": HTTP1,
    "aiobotocore": HTTP1,
    "aiobotocore-tls": HTTP1,
    "anthropic": HTTP1,
    "anthropic-tls": HTTP1,
    "aws-sdk-go": HTTP1,
    "aws-sdk-go-tls": HTTP2,
    "aws-sdk-java": HTTP2,
    "aws-sdk-java-tls": HTTP2,
    "aws-sdk-java-http1": HTTP1,
    "aws-sdk-java-http1-tls": HTTP1,
    "aws-sdk-js": HTTP2,
    "aws-sdk-js-tls": HTTP2,
    "aws-sdk-js-http1": HTTP1,
    "aws-sdk-rust": HTTP1,
    "aws-sdk-rust-tls": HTTP2,
}
"""By how a client comes. Nobody asks for an upgrade: HTTP/2 on a plain port is prior knowledge."""


class Listener(ThreadingTCPServer):
    """Hears the first word of every connection, and ends it."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = tls
        self.heard: set[bytes] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"


class Handler(BaseRequestHandler):
    """Listens to one connection."""

    server: Listener

    def handle(self) -> None:
        """Take the method of HTTP/1.1, or what HTTP/2 says in its place."""
        tls = self.server.tls
        with (
            tls.wrap_socket(self.request, server_side=True) if tls else self.request as connection,
            connection.makefile("rb") as said,
        ):
            self.server.heard.add(said.read(4))


@contextmanager
def listening(tls: ssl.SSLContext | None) -> Iterator[Listener]:
    with Listener(tls) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()


@pytest.fixture
def context(endpoints: Endpoints, tmp_path: Path) -> ssl.SSLContext:
    """TLS that offers what the server offers."""
    key = tmp_path / "key.pem"
    key.write_text(endpoints.key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(endpoints.certificate, key)
    made.set_alpn_protocols(["h2", "http/1.1"])
    return made


@pytest.mark.parametrize(("client", "spoken"), SPOKEN.items(), indirect=["client"])
def test_a_client_speaks_what_the_documents_say(
    client: Client, spoken: str, context: ssl.SSLContext
) -> None:
    with listening(context if client.kind.secure else None) as listener:
        replace(client, url=listener.url).ask("hello", stream=False)
        heard = listener.heard

    assert heard == {b"PRI " if spoken == HTTP2 else b"POST"}

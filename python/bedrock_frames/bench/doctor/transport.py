"""Examines the protocols of an endpoint: TLS, HTTP/2 by negotiation, HTTP/2 by prior knowledge."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bedrock_frames.bench.doctor.exchange import describe
from bedrock_frames.bench.doctor.finding import Finding, note, right, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.bench.doctor.exchange import Endpoint

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The connection preface, and an empty SETTINGS frame (RFC 9113, 3.4)."""
_SETTINGS: Final = 4
_HEAD: Final = 9
NO_H2: Final = "no HTTP/2: the JavaScript and Java SDKs use it by default"


def examine_transport(endpoint: Endpoint) -> Iterator[Finding]:
    """Yield findings about the connection itself."""
    parts = urlsplit(endpoint.url)
    secure = parts.scheme == "https"
    address = (parts.hostname or "", parts.port or (443 if secure else 80))
    try:
        with socket.create_connection(address, timeout=endpoint.timeout) as plain:
            yield from _negotiated(endpoint, plain, address[0]) if secure else _prior(plain)
    except OSError as error:
        yield wrong("connection", describe(error))


def _prior(plain: socket.socket) -> Iterator[Finding]:
    plain.sendall(PREFACE)
    head = b""
    try:
        while len(head) < _HEAD and (data := plain.recv(_HEAD - len(head))):
            head += data
    except OSError:
        head = b""
    if len(head) == _HEAD and head[3] == _SETTINGS:
        yield right("http/2", "spoken by prior knowledge")
    else:
        yield note("http/2", NO_H2)


def _negotiated(endpoint: Endpoint, plain: socket.socket, host: str) -> Iterator[Finding]:
    context = endpoint.tls()
    context.set_alpn_protocols(["h2", "http/1.1"])
    try:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            believed = "not looked at" if endpoint.insecure else "believed"
            yield right("tls", f"{secure.version()}, certificate {believed}")
            chosen = secure.selected_alpn_protocol()
    except ssl.SSLError as error:
        yield wrong("tls", describe(error))
        return
    if chosen == "h2":
        yield right("http/2", "negotiated")
    else:
        yield note("http/2", NO_H2)

"""One request and its answer, with the time of every read."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bedrock_frames.bench.options.auth import Auth

MOST_BYTES: Final = 32 * 2**20
"""The limit of bytes that are read of an answer."""
_READ: Final = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, or how it failed. Times are in seconds since the request was sent."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """With lower-case names."""
    head_at: float = 0.0
    reads: tuple[tuple[float, bytes], ...] = ()
    failure: str | None = None
    """Why it could not be read to its end."""

    @property
    def body(self) -> bytes:
        """All that was read."""
        return b"".join(data for _, data in self.reads)

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The endpoint's address and the credentials."""

    url: str
    auth: Auth
    headers: tuple[tuple[str, str], ...] = ()
    ca_file: Path | None = None
    insecure: bool = False
    timeout: float = 30.0
    clock: Callable[[], float] = time.monotonic

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context, with the certificates to trust."""
        context = ssl.create_default_context(cafile=None if self.ca_file is None else self.ca_file)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def connect(self) -> HTTPConnection:
        """Return a connection, not yet open."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return HTTPSConnection(host, parts.port, timeout=self.timeout, context=self.tls())
        return HTTPConnection(host, parts.port, timeout=self.timeout)

    def ask(self, model: str, operation: str, body: bytes) -> Answer:
        """Send one request and read its answer."""
        base = urlsplit(self.url).path.rstrip("/")
        path = f"{base}/model/{quote(model, safe='')}/{operation}"
        headers = {"content-type": "application/json", **dict(self.headers)}
        headers |= self.credentials(path, body, headers)
        connection = self.connect()
        try:
            return self._exchange(connection, path, body, headers)
        finally:
            connection.close()

    def _exchange(
        self, connection: HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        began = self.clock()
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            return Answer(failure=describe(error))
        head_at = self.clock() - began
        reads: list[tuple[float, bytes]] = []
        failure = None
        try:
            while data := response.read1(_READ):
                reads.append((self.clock() - began, data))
                if sum(len(data) for _, data in reads) > MOST_BYTES:
                    failure = f"the answer is longer than {MOST_BYTES // 2**20} MiB"
                    break
        except (OSError, HTTPException) as error:
            failure = describe(error)
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            head_at=head_at,
            reads=tuple(reads),
            failure=failure,
        )

    def credentials(self, path: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers with the credentials."""
        if self.auth.kind == "bearer":
            return {"authorization": f"Bearer {self.auth.token}"}
        if self.auth.kind != "sigv4":
            return {}
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        parts = urlsplit(self.url)
        keys = Credentials(*self.auth.keys())
        request = AWSRequest(
            "POST", f"{parts.scheme}://{parts.netloc}{path}", dict(headers), data=body
        )
        SigV4Auth(keys, "bedrock", self.auth.region or "").add_auth(request)
        return dict(request.headers.items())


def describe(error: Exception) -> str:
    """Describe briefly why an exchange failed."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not believed: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {error}".rstrip(": ")

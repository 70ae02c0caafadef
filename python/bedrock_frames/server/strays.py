"""Requests for other AWS services, which a global ``AWS_ENDPOINT_URL`` leads here.

The signature's credential scope names the service. The answer says which variable to set instead,
as an error of the protocol that was spoken, so that the client's exception shows it.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from starlette.responses import Response

from bedrock_frames.server.endpoint import ClientLeft, read_body, target_of
from bedrock_frames.server.seldom import Seldom
from bedrock_frames.server.typed import on_http_exception

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from bedrock_frames._core import Engine

_LOG: Final = logging.getLogger(__name__)

READ: Final = 65_536
"""Bytes of a body that are read and kept."""
MAX_SERVICES: Final = 64
"""The limit of services that are counted by name."""
OTHERS: Final = "other"
LOG_SECONDS: Final = 60.0
"""Seconds between two log lines about the same service."""

_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_CREDENTIAL: Final = re.compile(r"Credential=([^,\s]+)")
_FORM: Final = "application/x-www-form-urlencoded"
_XML: Final = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
"""Services of REST-XML whose errors are not wrapped."""
_WRAPPED_XML: Final = frozenset({"cloudfront", "route53"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """A request for another service: which one, and how it is answered."""

    service: str | None
    what: str
    protocol: str
    content_type: str = ""

    @property
    def message(self) -> str:
        """The message that the client gets."""
        return (
            f"{self.what} is not served here; set AWS_ENDPOINT_URL_BEDROCK_RUNTIME instead of "
            "AWS_ENDPOINT_URL"
        )

    @property
    def status(self) -> int:
        """The status that services of the protocol give what they do not know.

        S3's is 501, for there a 404 means that an object does not exist.
        """
        return {"query": 400, "ec2": 400, "s3": 501}.get(self.protocol, 404)

    def response(self, request_id: str) -> Response:
        """Return the error of the protocol."""
        write = _WRITERS[self.protocol]
        body, headers = write(self, request_id)
        return Response(body, self.status, {"x-amzn-requestid": request_id, **headers})


def read_stray(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Stray | None:
    """Tell which service was asked, and how; None for what no AWS client sends."""
    service = _service(headers, query)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    target = headers.get("x-amz-target", "")
    form = query if "Action=" in query else ""
    if content_type == _FORM:
        form = body.decode(errors="replace")
    action = parse_qs(form).get("Action", [""])[0] if form else ""
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        protocol = "cbor"
    elif target:
        protocol = "json"
    elif action:
        protocol = "ec2" if service == "ec2" else "query"
    elif service in _XML:
        protocol = "s3"
    elif service in _WRAPPED_XML:
        protocol = "query"
    else:
        protocol = "rest-json"
    unsigned = target.rpartition(".")[0] or action
    if service is None and not (unsigned and _NAME.fullmatch(unsigned.replace("_", "-"))):
        return None
    what = service or unsigned
    if what.startswith("bedrock"):
        what = f"{what} ({method} {path[:200]})"
    return Stray(service=service, what=what, protocol=protocol, content_type=content_type)


def _service(headers: Mapping[str, str], query: str) -> str | None:
    """Return the service of the credential scope, ``KEY/date/region/service/aws4_request``."""
    authorization = headers.get("authorization", "")
    asked = parse_qs(query)
    if authorization.startswith("AWS ") or "AWSAccessKeyId" in asked:
        # The signature before SigV4, which S3 alone still takes.
        return "s3"
    found = _CREDENTIAL.search(authorization)
    scope = found[1] if found else asked.get("X-Amz-Credential", [""])[0]
    parts = unquote(scope).split("/")
    # Without a region, in a signature of several regions (SigV4A).
    if len(parts) < 4 or parts[-1] != "aws4_request" or not _NAME.fullmatch(parts[-2]):
        return None
    return parts[-2].lower()


def _json(stray: Stray, request_id: str) -> tuple[bytes, dict[str, str]]:  # noqa: ARG001
    body = {"__type": _CODE, "message": stray.message}
    kind = stray.content_type if stray.content_type.startswith("application/x-amz-json") else ""
    return json.dumps(body).encode(), {"content-type": kind or "application/x-amz-json-1.0"}


def _rest_json(stray: Stray, request_id: str) -> tuple[bytes, dict[str, str]]:  # noqa: ARG001
    body = json.dumps({"message": stray.message}).encode()
    return body, {"content-type": "application/json", "x-amzn-errortype": _CODE}


def _query(stray: Stray, request_id: str) -> tuple[bytes, dict[str, str]]:
    return _xml(
        f"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>"
        f"{escape(stray.message)}</Message></Error><RequestId>{request_id}</RequestId>"
        "</ErrorResponse>"
    )


def _ec2(stray: Stray, request_id: str) -> tuple[bytes, dict[str, str]]:
    return _xml(
        f"<Response><Errors><Error><Code>InvalidAction</Code><Message>{escape(stray.message)}"
        f"</Message></Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )


def _s3(stray: Stray, request_id: str) -> tuple[bytes, dict[str, str]]:
    body, headers = _xml(
        f"<Error><Code>NotImplemented</Code><Message>{escape(stray.message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return body, {**headers, "x-amz-request-id": request_id}


def _cbor(stray: Stray, request_id: str) -> tuple[bytes, dict[str, str]]:  # noqa: ARG001
    texts = ("__type", _CODE, "message", stray.message)
    body = b"\xa2" + b"".join(map(_cbor_text, texts))
    return body, {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


def _cbor_text(text: str) -> bytes:
    """Write a text string of fewer than 65,536 bytes (RFC 8949, 3.1)."""
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2, "big") + data


def _xml(text: str) -> tuple[bytes, dict[str, str]]:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return (declaration + text).encode(), {"content-type": "text/xml"}


_CODE: Final = "UnknownOperationException"
_WRITERS: Final = {
    "json": _json,
    "rest-json": _rest_json,
    "query": _query,
    "ec2": _ec2,
    "s3": _s3,
    "cbor": _cbor,
}


class Strays:
    """Answers what no route takes, and counts what other services should have got."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._seldom = Seldom(LOG_SECONDS, clock)
        self.counts: Counter[str] = Counter()

    async def on_http_exception(self, request: Request, error: Exception) -> Response:
        """Answer a request that the router refuses."""
        if getattr(error, "status_code", 500) not in (404, 405):
            return await on_http_exception(request, error)
        try:
            body, _ = await read_body(request.receive, READ)
        except ClientLeft:
            body = b""
        # Of several headers of one name, an SDK sends none that matters here.
        headers = {name: request.headers[name] for name in request.headers}
        stray = read_stray(
            request.method, request.url.path, request.url.query, headers, body[:READ]
        )
        if stray is None:
            return await on_http_exception(request, error)
        request_id = self._engine.note_foreign(
            request.method,
            target_of(request.scope),
            request.scope["headers"],
            body,
            arrived=time.time(),
            status=stray.status,
        )
        self._count(stray, request)
        return stray.response(request_id)

    def _count(self, stray: Stray, request: Request) -> None:
        name = stray.service or OTHERS
        if name not in self.counts and len(self.counts) >= MAX_SERVICES:
            name = OTHERS
        self.counts[name] += 1
        more = self._seldom.take(name)
        if more is not None:
            _LOG.warning(
                "%s %.200r: %s%s",
                request.method,
                request.url.path,
                stray.message,
                f" ({more} more since the last line)" if more else "",
            )

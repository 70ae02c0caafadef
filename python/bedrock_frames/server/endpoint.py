"""Bedrock's own paths, as plain ASGI: read the request, ask the engine, send the answer.

An answer that is due at once is one message, whatever its number of frames: a message a frame costs
eight times as much. Paced answers go to the ticker.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.routing import BaseRoute, Match

from bedrock_frames._core import Pending, scan
from bedrock_frames.server.pacing import pace
from bedrock_frames.server.typed import refusal

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from bedrock_frames._core import Answer, Engine
    from bedrock_frames.server.metrics import Counts
    from bedrock_frames.server.pacing import Outcome

PREFIXES: Final = ("/model/", "/guardrail/", "/guardrail-checks/", "/async-invoke")
"""How the paths of Bedrock Runtime begin. The engine knows them exactly, and is spared the rest."""

DRAIN_FACTOR: Final = 4
"""How many times the limit is read, and thrown away, before a body that is too long is answered."""


class ClientLeft(Exception):  # noqa: N818 - clients may
    """The client has gone before its request was there."""


class BedrockRoute(BaseRoute):
    """Takes Bedrock's paths out of the router. As ASGI app, it takes any path."""

    def __init__(
        self, engine: Engine, counts: Counts, *, max_body_bytes: int, max_in_flight: int
    ) -> None:
        self._engine = engine
        self._counts = counts
        self._max_body = max_body_bytes
        self._max_in_flight = max_in_flight

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by the path's beginning alone: which operation it is, the engine says."""
        if scope["type"] == "http" and _path(scope).startswith(PREFIXES):
            return Match.FULL, {}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        counts = self._counts
        counts.in_flight += 1
        try:
            if counts.in_flight > self._max_in_flight:
                await refusal(
                    503,
                    f"This server answers {self._max_in_flight} requests at a time",
                    name="ServiceUnavailableException",
                )(scope, receive, send)
            else:
                await self._answer(scope, receive, send)
        except ClientLeft:
            counts.disconnects += 1
        finally:
            counts.in_flight -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, whole = await read_body(receive, self._max_body)
        start = time.monotonic()
        answer = self._engine.begin(
            scope["method"], _target(scope), scope["headers"], body, arrived=time.time()
        )
        if isinstance(answer, Pending):
            # Not on the event loop, where every stream would wait for it.
            answer = await asyncio.to_thread(answer.finish)
        if answer is None:
            await refusal(
                404,
                f"This server has no route for {scope['method']} {_path(scope)}",
                name="UnknownOperationException",
            )(scope, receive, send)
            return

        head = _head(answer, close=not whole)
        writes = answer.writes
        if len(writes) == 1 and writes[0][0] <= 0 and answer.abort_after is None:
            # First, for who has read the answer may look into the journal at once.
            self._settle(answer, "delivered", len(answer.body))
            await send(head)
            await send({"type": "http.response.body", "body": answer.body})
        else:
            await self._pace(answer, head, start, scope, receive, send)

    async def _pace(
        self,
        answer: Answer,
        head: Message,
        start: float,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._counts.streams += 1
        try:
            await pace(
                scope,
                receive,
                send,
                head,
                answer.body,
                answer.writes,
                start=start,
                cut_after=answer.abort_after,
                observer=_Watch(self, answer),
            )
        finally:
            self._counts.streams -= 1

    def _settle(self, answer: Answer, outcome: Outcome, sent: int) -> None:
        if outcome == "delivered":
            frames = answer.frames
        else:
            frames = len(scan(answer.body[:sent])) if answer.stream else 0
            self._counts.disconnects += outcome == "interrupted"
        if answer.stream:
            self._counts.frames += frames
        self._counts.body_bytes += sent
        self._engine.settle(answer.request_id, outcome, frames)


class _Watch:
    """Tells the figures and the journal how a paced answer goes."""

    def __init__(self, route: BedrockRoute, answer: Answer) -> None:
        self._late = route._counts.late
        self._settle = route._settle
        self._answer = answer

    def wrote(self, lateness: float, end: int) -> None:  # noqa: ARG002
        self._late(lateness)

    def ended(self, outcome: Outcome, sent: int) -> None:
        self._settle(self._answer, outcome, sent)


async def read_body(receive: Receive, limit: int) -> tuple[bytes, bool]:
    """Read a request's body; return it, and whether all of it was read.

    Of a body above the limit one byte more than that is kept, enough to see that it is too long.
    The rest is read and thrown away, for a client that is still sending would not see the answer;
    but not without end.

    Raises:
        ClientLeft: it left first.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body, True

    kept, seen, more = bytearray(body[: limit + 1]), len(body), message.get("more_body", False)
    while more and seen <= limit * DRAIN_FACTOR:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        seen += len(piece)
        kept += piece[: limit + 1 - len(kept)]
        more = message.get("more_body", False)
    return bytes(kept), not more


def _head(answer: Answer, *, close: bool) -> Message:
    headers = answer.headers
    if not answer.stream:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    if close:
        headers.append((b"connection", b"close"))
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


def _path(scope: Scope) -> str:
    """Return the decoded path below the point where the app is mounted."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _target(scope: Scope) -> bytes:
    """Return the raw path, below the point where the app is mounted, and the query.

    ``scope["path"]`` is decoded, so that an ARN's ``%2F`` could not be told from a ``/``.
    """
    root: str = scope.get("root_path", "")
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        raw = quote(scope["path"]).encode()
    if root:
        raw = raw.removeprefix(quote(root).encode())
    query: bytes = scope["query_string"]
    return raw + b"?" + query if query else raw

"""Bedrock's own paths, as plain ASGI: read the request, ask the engine, send the answer.

An answer that is due at once is one message, whatever its number of frames: a message a frame costs
eight times as much. While an answer is paced, long or was compiled, the client may leave.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Match

from bedrock_frames._core import BEDROCK_PREFIXES, DRAIN_FACTOR, Pending, Playback
from bedrock_frames.server.pacing import PIECE_BYTES, Responder, monotonic
from bedrock_frames.server.threads import in_thread
from bedrock_frames.server.typed import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bedrock_frames._core import Answer, Engine
    from bedrock_frames.server.metrics import Counts


LAST_WORD: Final = 2.0
"""Seconds in which a client that was refused while it sends may read why."""


SHORT_BYTES: Final = 65_536
"""A body of so many bytes at most is read before it is refused."""


class ClientLeft(Exception):  # noqa: N818 - clients may
    """The client has gone before its request was there."""


class BedrockRoute(BaseRoute):
    """Takes Bedrock's paths out of the router. As ASGI app, it takes any path."""

    def __init__(
        self,
        engine: Engine,
        counts: Counts,
        *,
        max_body_bytes: int,
        max_in_flight: int,
        cors: str | None = None,
    ) -> None:
        self._serve: ASGIApp = self._answer_one
        if cors is not None:
            self._serve = CORSMiddleware(
                self._answer_one,
                allow_origins=[cors],
                allow_methods=["POST"],
                allow_headers=["*"],
                allow_private_network=True,
                expose_headers=["*"],
            )
        self._engine = engine
        self._counts = counts
        self._max_body = max_body_bytes
        self._max_in_flight = max_in_flight

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by the path's beginning alone: which operation it is, the engine says."""
        if scope["type"] == "http" and _path(scope).startswith(BEDROCK_PREFIXES):
            return Match.FULL, {}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the preflight of one."""
        await self._serve(scope, receive, send)

    async def _answer_one(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            counts.ends["client_left"] += 1
        finally:
            counts.in_flight -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._engine.refuses(scope["method"], target_of(scope)):
            await self._refuse(scope, receive, send)
            return
        given, whole = await read_body(receive, self._max_body)
        start = monotonic()
        answer = self._engine.begin(
            scope["method"], target_of(scope), scope["headers"], given, arrived=time.time()
        )
        made = False
        if isinstance(answer, Pending):
            # Not on the event loop, where every stream would wait for it.
            answer, made = await in_thread(answer.finish), True
        if answer is None:
            await refusal(
                404,
                f"This server has no route for {scope['method']} {_path(scope)}",
                name="UnknownOperationException",
            )(scope, receive, send)
            return

        responder = self._responder(answer, send, start, close=not whole)
        if made or answer.paced or len(answer.body) > PIECE_BYTES:
            await responder.respond(receive)
        else:
            await responder.respond_at_once()

    def _responder(self, answer: Answer, send: Send, start: float, *, close: bool) -> Responder:
        return Responder(
            Playback(answer),
            _head(answer, close=close),
            send,
            engine=self._engine,
            counts=self._counts,
            start=start,
        )

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by its head alone: its body may never end, and is thrown away.

        A short body is read first, where it comes: the connection can go on then.
        """
        start, body, whole = monotonic(), b"", False
        if _is_short(scope["headers"]):
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORD):
                    body, whole = await read_body(receive, SHORT_BYTES)
        answer = self._engine.answer(
            scope["method"], target_of(scope), scope["headers"], body, arrived=time.time()
        )
        assert answer is not None  # noqa: S101 - for the type checker
        if whole:
            await self._responder(answer, send, start, close=False).respond_at_once()
            return

        async def send_and_read(message: Message) -> None:
            if not message.get("body"):
                await send(message)
                return
            # All of it, and not yet the end: a host that closes the connection while the client
            # sends would take the answer back.
            await send({**message, "more_body": True})
            with suppress(TimeoutError, ClientLeft):
                async with asyncio.timeout(LAST_WORD):
                    await read_body(receive, 0, self._max_body)
            await send({"type": "http.response.body", "body": b""})

        await self._responder(answer, send_and_read, start, close=True).respond_at_once()


async def read_body(receive: Receive, limit: int, most: int | None = None) -> tuple[bytes, bool]:
    """Read a request's body; return it, and whether all of it was read.

    Of a body above the limit one byte more than that is kept, enough to see that it is too long.
    The rest is read and thrown away, for a client that is still sending would not see the answer;
    but not without end: ``most`` bytes, or a few times the limit.

    Raises:
        ClientLeft: it left first.
    """
    most = limit * DRAIN_FACTOR if most is None else most
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and len(body) <= limit:
        return body, True

    kept, seen, more = bytearray(body[: limit + 1]), len(body), message.get("more_body", False)
    while more and seen <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        seen += len(piece)
        kept += piece[: limit + 1 - len(kept)]
        more = message.get("more_body", False)
    return bytes(kept), not more


def _is_short(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Say whether a head promises a short body, or none."""
    named = dict(headers)
    length = named.get(b"content-length", b"0")
    if b"transfer-encoding" in named or not length.isdigit() or len(length) > 9:
        return False
    return int(length) <= SHORT_BYTES


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


def target_of(scope: Scope) -> bytes:
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

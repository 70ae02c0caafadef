"""One answer over ASGI: a task asks the playback what is due, and sends it.

This tier is the simple one, for in-process tests, for mounting, and for any ASGI host. It uses only
what ASGI and asyncio promise. Speed is the native tier's job.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Send

    from bedrock_frames._core import Engine, Playback, Settlement
    from bedrock_frames.server.metrics import Counts

End: TypeAlias = Literal["delivered", "client_left", "stalled", "cut", "stopped", "failed"]
"""Why a playback ended."""

monotonic: Final = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if sys.platform == "linux" else time.monotonic
)
"""The clock of :func:`time.monotonic`, also where freezegun stops that in a test."""

PIECE_BYTES: Final = 262_144
"""The longest piece that is sent at a time: hosts keep what they are given for a reader that stands
still, and tell only of those who leave before the last of it."""

STALL_SECONDS: Final = 120.0
"""How long a host's ``send`` may wait for a client that does not read on."""

RESOLUTION: Final = 0.001
"""Event loops count milliseconds. Sleeps are rounded up to them, or would end too early."""


class ConnectionCut(Exception):  # noqa: N818 - nothing has gone wrong
    """Ends a response before the end of its body, so that the host closes the connection."""


class Responder:
    """Sends one answer, and accounts for it once: to the journal and to the metrics.

    Args:
        playback: the answer.
        head: the ASGI message that starts the response.
        start: the time of ``clock`` at which the request was there.
    """

    def __init__(
        self,
        playback: Playback,
        head: Message,
        send: Send,
        *,
        engine: Engine,
        counts: Counts,
        start: float,
        clock: Callable[[], float] = monotonic,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._playback = playback
        self._head: Message | None = head
        self._send = send
        self._engine = engine
        self._counts = counts
        self._start = start
        self._clock = clock
        self._stall_seconds = stall_seconds
        self._told: Settlement | None = None
        self._stopped_by: End | None = None
        self._sending_since: float | None = None

    async def respond(self, receive: Receive) -> None:
        """Send everything at its time; return when it is over or the client has left.

        Raises:
            ConnectionCut: the fixture cuts the answer, or the client does not read on. Let it pass,
                and the host closes the connection.
        """
        end: End = "failed"
        is_paced = self._playback.is_paced
        self._counts.streams += is_paced
        try:
            end = await self._run_while_client_is_there(receive)
        except asyncio.CancelledError:
            end = "stopped"
            raise
        finally:
            self._counts.streams -= is_paced
            self._settle(end)
        if end in {"cut", "stalled"}:
            raise ConnectionCut

    async def respond_at_once(self) -> None:
        """Send an answer that is neither paced nor long, without looking whether it is wanted."""
        end: End = "failed"
        try:
            end = await self._run()
        except asyncio.CancelledError:
            end = "stopped"
            raise
        except OSError:
            end = "client_left"
        finally:
            self._settle(end)

    async def _run_while_client_is_there(self, receive: Receive) -> End:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs every coroutine in a task
        loop = asyncio.get_running_loop()

        def stop(end: End) -> None:
            self._stopped_by = end
            task.cancel()

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            # Hosts say so at the end of every response, too.
            if self._told is None:
                stop("client_left")

        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer
            since = self._sending_since
            left = self._stall_seconds - (0 if since is None else self._clock() - since)
            if left > 0:
                timer = loop.call_later(math.ceil(left / RESOLUTION) * RESOLUTION, look)
            else:
                stop("stalled")

        timer = loop.call_later(self._stall_seconds, look)
        watcher = asyncio.create_task(watch())
        try:
            # A client that has left already is sent nothing.
            await asyncio.sleep(0)
            return await self._run()
        except OSError:
            return "client_left"  # how hosts of ASGI 2.4 and later say it
        except asyncio.CancelledError:
            if self._stopped_by is None or task.uncancel():
                raise
            return self._stopped_by
        finally:
            watcher.cancel()
            timer.cancel()

    async def _run(self) -> End:
        playback = self._playback
        while (step := playback.next(self._now(), PIECE_BYTES)) is not None:
            if isinstance(step, bytes):
                await self._send_piece(step)
            else:
                left = math.ceil((step - self._now()) / RESOLUTION)
                await asyncio.sleep(max(left, 0) * RESOLUTION)
        return "cut" if playback.is_cut else "delivered"

    async def _send_piece(self, piece: bytes) -> None:
        self._sending_since = self._clock()
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(head)
        goes_on = not self._playback.is_complete
        if not goes_on:
            # Before it goes: a client that has read all of it may look into the journal at once.
            self._told = self._playback.finish("delivered", self._now())
            self._engine.settle(self._told)
        if piece or not goes_on:
            message = {"type": "http.response.body", "body": piece, "more_body": goes_on}
            await self._send(message)
        self._sending_since = None
        for lateness in self._playback.sent(len(piece), self._now()):
            self._counts.late(lateness)

    def _settle(self, end: End) -> None:
        settlement = self._told if end == "delivered" else None
        if settlement is None:
            settlement = self._playback.finish(end, self._now())
            self._engine.settle(settlement)
        self._counts.settled(settlement)

    def _now(self) -> float:
        return self._clock() - self._start

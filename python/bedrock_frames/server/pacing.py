"""Bytes at the times at which they are due, for thousands of streams on one event loop.

A task or a timer a stream costs more than the sending itself, and sleeping from frame to frame
drifts. So the :mod:`ticker <bedrock_frames.server.ticker>` runs all streams of a loop: at each tick
it joins what one stream has due into one message, and runs the host's ``send`` by hand. Most hosts
complete it at once; where ``send`` suspends, for a slow reader, the stream's own task takes over
and comes back to the ticker when the host is ready again. A host that has ``PIECES`` is spared its
own ``send`` for what is neither the beginning of a body nor its end.

:class:`PacedResponse` is a Starlette response and works in any asyncio app, under any middleware.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from starlette.responses import Response

from bedrock_frames.server import ticker
from bedrock_frames.server.handover import Suspended, begin, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.background import BackgroundTask
    from starlette.types import Message, Receive, Scope, Send

    from bedrock_frames.server.ticker import Ticker

Write: TypeAlias = tuple[float, int]
"""Seconds after the start at which bytes are due, and the offset in the body where they end."""


class Writes(Protocol):
    """Any sequence of writes; times and offsets never fall."""

    def __len__(self) -> int: ...
    def __getitem__(self, key: int, /) -> Write: ...
    def __iter__(self) -> Iterator[Write]: ...


Outcome: TypeAlias = Literal["delivered", "client_left", "cut"]
"""How a stream ended: all was sent, the client left, or it was cut as asked."""


WritePiece: TypeAlias = "Callable[[bytes], bool]"
"""Writes a piece of a body that has begun and goes on, or returns False: ``send`` has to."""

PIECES: Final = "bedrock_frames.pieces"
"""An ASGI extension, whose ``write`` is the host's :data:`WritePiece`.

A coroutine a frame, through the ``send`` of every middleware and of the host, costs as much as the
system call under it. It is for hosts that know what runs in them: a middleware that changes bodies
would not see these pieces.
"""


PIECE_BYTES: Final = 262_144
"""The longest piece that is sent at a time: hosts keep what they are given for a reader that stands
still, and tell only of those who leave before the last of it."""


class ConnectionCut(Exception):  # noqa: N818 - nothing has gone wrong
    """Ends a response without its end, so that the host closes the connection."""


class Observer(Protocol):
    """Is told what a stream does, on the event loop: be quick."""

    def wrote(self, lateness: float, end: int) -> None:
        """Note that a write due ``lateness`` seconds ago goes out, up to byte ``end``."""

    def ended(self, outcome: Outcome, sent: int) -> None:
        """Note how it ends, ``sent`` bytes of its body having gone out. Called once.

        Before the last of them goes: who has read all of it may ask at once what was noted.
        """


class PacedResponse(Response):
    """A response whose body goes out in pieces, each at its time.

    Args:
        body: all of it.
        writes: what is due when.
        start: the time of :func:`time.monotonic` that deadlines count from; None: when it is sent.
        cut_after: close the connection then, having sent the body up to that offset.
        whole: announce the length of the body; otherwise the host chunks it.
    """

    def __init__(
        self,
        body: bytes,
        writes: Writes,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        start: float | None = None,
        cut_after: Write | None = None,
        whole: bool = False,
        observer: Observer | None = None,
        on: Ticker | None = None,
    ) -> None:
        super().__init__(None, status_code, headers, media_type, background)
        self.raw_headers = [h for h in self.raw_headers if h[0] != b"content-length"]
        if whole:
            self.raw_headers.append((b"content-length", b"%d" % len(body)))
        self.body = body
        self._writes = writes
        self._start = start
        self._cut_after = cut_after
        self._observer = observer
        self._on = on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await pace(
            scope,
            receive,
            send,
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            },
            bytes(self.body),
            self._writes,
            start=self._start,
            cut_after=self._cut_after,
            observer=self._observer,
            on=self._on,
        )
        if self.background is not None:
            await self.background()


async def pace(
    scope: Scope,
    receive: Receive,
    send: Send,
    head: Message,
    body: bytes,
    writes: Writes,
    *,
    start: float | None = None,
    cut_after: Write | None = None,
    observer: Observer | None = None,
    on: Ticker | None = None,
) -> None:
    """Send a response at its times; return when it is over or the client has left.

    The arguments are those of :class:`PacedResponse`; ``head`` is the ASGI message that starts it.

    Raises:
        ConnectionCut: ``cut_after`` has come. Let it pass, and the host closes the connection.
    """
    on = ticker.current() if on is None else on
    writes = writes or [(0.0, len(body))]
    stream = _Stream(
        send,
        scope.get("extensions", {}).get(PIECES, {}).get("write"),
        head,
        body,
        writes if cut_after is None else _until(cut_after, writes),
        start=on.clock() if start is None else start,
        cut=cut_after is not None,
        observer=observer,
        on=on,
    )
    outcome: Outcome = "client_left"
    try:
        outcome = await _run_while_there(stream, receive)
    finally:
        stream.note_end(outcome, stream.sent)
    if outcome == "cut":
        raise ConnectionCut


def _until(cut_after: Write, writes: Writes) -> list[Write]:
    """Return the writes before a cut, none beyond its offset, and the cut itself as the last."""
    when, offset = cut_after
    return [(due, min(end, offset)) for due, end in writes if due < when] + [(when, offset)]


async def _run_while_there(stream: _Stream, receive: Receive) -> Outcome:
    """Run a stream, and stop it when the client leaves."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio runs every coroutine in a task
    left = False

    async def watch() -> None:
        nonlocal left
        while (await receive())["type"] != "http.disconnect":
            pass
        # Hosts say so at the end of every response, too.
        if not stream.complete:
            left = True
            stream.stop()
            task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        return await stream.run(task)
    except OSError:
        return "client_left"  # how hosts of ASGI 2.4 and later say that the client has left
    except asyncio.CancelledError:
        if not left or task.uncancel():
            raise
        return "client_left"
    finally:
        watcher.cancel()


class _Stream:
    """One response on its way: a runner for the ticker, and a task that waits for it."""

    __slots__ = (
        "_body",
        "_context",
        "_cut",
        "_due",
        "_ended",
        "_head",
        "_next",
        "_observer",
        "_send",
        "_start",
        "_task",
        "_ticker",
        "_turn",
        "_write_piece",
        "_writes",
        "complete",
        "sent",
        "waiting",
    )

    def __init__(
        self,
        send: Send,
        write_piece: WritePiece | None,
        head: Message,
        body: bytes,
        writes: Writes,
        *,
        start: float,
        cut: bool,
        observer: Observer | None,
        on: Ticker,
    ) -> None:
        self._send = send
        self._write_piece = write_piece
        self._head: Message | None = head
        self._body = body
        self._writes = writes
        self._next = 0
        self._start = start
        self._due = start + writes[0][0]
        self._cut = cut
        self._observer = observer
        self._ended = False
        self._ticker = on
        self._turn: asyncio.Future[Suspended | None]
        self.waiting = False
        self.complete = False
        self.sent = 0

    async def run(self, task: asyncio.Task[object]) -> Outcome:
        """Send everything; return how it ended. Cancel ``task``, which runs it, to stop."""
        self._task, self._context = task, contextvars.copy_context()
        try:
            while self._next < len(self._writes):
                self._turn = task.get_loop().create_future()
                self._ticker.add(self._due, self)
                suspended = await self._turn
                if suspended is not None:
                    await finish(suspended)
        finally:
            self.stop()
        return "cut" if self._cut else "delivered"

    def stop(self) -> None:
        """Have the ticker send no more of it: a tick may come before the task that is cancelled."""
        if self.waiting:
            self._ticker.discard(self)

    def step(self, now: float) -> float | None:
        """Write what is due; return when the next write is, None where the task has to go on."""
        turn, suspended = self._turn, None
        try:
            end, last = self._take(now)
            if last or not self._goes_on(end):
                suspended = begin(self._send_up_to(end, last=last), self._task, self._context)
        except BaseException as error:
            if not turn.done():
                turn.set_exception(error)
        else:
            if suspended is None and self._next < len(self._writes):
                return self._due
            if not turn.done():
                turn.set_result(suspended)
        self.waiting = False
        return None

    def note_end(self, outcome: Outcome, sent: int) -> None:
        """Tell the observer, unless it has been told."""
        if self._observer is not None and not self._ended:
            self._observer.ended(outcome, sent)
        self._ended = True

    def _take(self, now: float) -> tuple[int, bool]:
        """Take all that is due; return where it ends, and whether the body ends there."""
        writes, observer, passed = self._writes, self._observer, now - self._start
        while True:
            due, end = writes[self._next]
            if observer is not None:
                observer.wrote(passed - due, end)
            self._next += 1
            if self._next == len(writes):
                return end, not self._cut
            due = writes[self._next][0]
            if due > passed:
                self._due = self._start + due
                return end, False

    def _goes_on(self, end: int) -> bool:
        """Write the next piece of a body that has begun past ``send``, where the host has a way."""
        if self._write_piece is None or self._head is not None or end - self.sent > PIECE_BYTES:
            return False
        if end > self.sent and not self._write_piece(self._body[self.sent : end]):
            return False
        self.sent = end
        return True

    async def _send_up_to(self, end: int, *, last: bool) -> None:
        """Send more of the body; before the first of it, the head of the response."""
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(head)
        while end - self.sent > PIECE_BYTES:
            await self._send_piece(self.sent + PIECE_BYTES, more=True)
        if last:
            self.note_end("delivered", end)
        if last or end > self.sent:
            await self._send_piece(end, more=not last)
        self.complete = last

    async def _send_piece(self, end: int, *, more: bool) -> None:
        begin, body = self.sent, self._body
        piece = body if end - begin == len(body) else body[begin:end]
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        self.sent = end

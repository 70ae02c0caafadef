"""The other side of an ASGI app, on a virtual clock."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.types import Message, Send

from bedrock_frames.server.pacing import Outcome, PacedResponse, Write
from bedrock_frames.server.ticker import Ticker
from tests.support.virtual_loop import VirtualLoop

BODY: Final = b"aabbbcccc"
WRITES: Final = [(0.010, 2), (0.030, 5), (0.050, 9)]


class Client:
    """The other side of an ASGI app: notes what comes and when, leaves when told.

    Times are milliseconds to the nearest 5: a tick may come up to one of them late.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.messages: list[tuple[int, Message]] = []
        self._left = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.messages.append((round(self.loop.now / 0.005) * 5, message))

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self._left.set()

    @property
    def pieces(self) -> list[tuple[int, bytes, bool]]:
        """(time, bytes, whether more follows) of every body message."""
        return [
            (at, message["body"], message["more_body"])
            for at, message in self.messages
            if message["type"] == "http.response.body"
        ]

    @property
    def starts(self) -> list[tuple[int, int]]:
        return [(at, m["status"]) for at, m in self.messages if m["type"] == "http.response.start"]


class Notes:
    def __init__(self) -> None:
        self.written: list[tuple[float, int]] = []
        self.end: tuple[Outcome, int] | None = None

    def wrote(self, lateness: float, end: int) -> None:
        self.written.append((lateness, end))

    def ended(self, outcome: Outcome, sent: int) -> None:
        assert self.end is None
        self.end = (outcome, sent)


def response(
    loop: VirtualLoop, writes: Sequence[Write] = WRITES, body: bytes = BODY, **options: Any
) -> PacedResponse:
    options.setdefault("on", Ticker(loop, clock=loop.time))
    return PacedResponse(body, writes, **options)


async def exchange(client: Client, app: PacedResponse, send: Send | None = None) -> None:
    await app({"type": "http"}, client.receive, send or client.send)


class SlowHost:
    """Takes a message at once, until it is told to wait: then ``send`` suspends."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.open = asyncio.Event()
        self.open.set()
        self.tasks: set[object] = set()

    async def send(self, message: Message) -> None:
        self.tasks.add(asyncio.current_task())
        await self.open.wait()
        self.tasks.add(asyncio.current_task())
        await self.client.send(message)

"""The other side of an ASGI app, on a virtual clock."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.types import Message, Send

from bedrock_frames._core import Engine, JournalEntry, Plan, Playback
from bedrock_frames.server.metrics import Counts
from bedrock_frames.server.pacing import Responder
from tests.support.engine_requests import EVENT_STREAM, ask, conversation, engine, rule, user
from tests.support.virtual_loop import VirtualLoop

FRAMES: Final = (b"aa", b"bbb", b"cccc")
BODY: Final = b"".join(FRAMES)
PACED: Final = {"recorded": {"ttft_ms": 10.0, "delays_ms": [20.0]}}
"""Frames are due after 10, 30 and 50 ms."""


class Client:
    """The other side of an ASGI app: notes what comes and when, leaves when told.

    Times are milliseconds to the nearest 5: a sleep may last up to one of them longer.
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


class Exchange:
    """One answer of an engine, on its way to a client."""

    def __init__(
        self,
        loop: VirtualLoop,
        frames: Sequence[bytes] = FRAMES,
        *,
        timing: Any = PACED,
        stall_seconds: float = 60,
        **cut: Any,
    ) -> None:
        plan = Plan(headers=EVENT_STREAM, frames=frames, steps=[0] * len(frames))
        self.engine: Engine = engine([rule(timing=timing, **cut)], lambda *_: plan)
        answer = ask(self.engine, conversation(user("hello")), operation="converse-stream")
        self.client = Client(loop)
        self.counts = Counts()
        self._loop = loop
        self._playback = Playback(answer)
        self._stall_seconds = stall_seconds

    async def run(self, send: Send | None = None) -> None:
        responder = Responder(
            self._playback,
            {"type": "http.response.start", "status": 200, "headers": []},
            send or self.client.send,
            engine=self.engine,
            counts=self.counts,
            start=self._loop.time(),
            clock=self._loop.time,
            stall_seconds=self._stall_seconds,
        )
        await responder.respond(self.client.receive)

    @property
    def entry(self) -> JournalEntry:
        _, [entry] = self.engine.journal()
        return entry

    def ended(self) -> tuple[str, int, int]:
        """Return outcome, frames and bytes, which the journal and the metrics agree on."""
        entry, counts = self.entry, self.counts
        assert counts.streams == 0
        assert counts.frames == entry.sent_frames
        ends = {end: count for end, count in counts.ends.items() if count}
        outcome = entry.outcome
        expected = {} if outcome == "delivered" else {outcome: 1}
        assert ends in (expected, {"stopped": 1} if outcome == "cut" else expected)
        return outcome, entry.sent_frames, counts.body_bytes


class SlowHost:
    """Takes a message at once, until it is told to wait: then ``send`` suspends."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Message) -> None:
        await self.open.wait()
        await self.client.send(message)

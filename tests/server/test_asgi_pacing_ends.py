"""Paced responses whose host suspends, whose client leaves, or which are cut on purpose."""

import asyncio
import gc
from collections.abc import Awaitable, Generator
from contextvars import ContextVar
from typing import Any, Final

import pytest
from starlette.types import Message

from bedrock_frames.server.pacing import PIECE_BYTES, PIECES, ConnectionCut, Write
from bedrock_frames.server.ticker import Ticker
from tests.support.asgi_client import BODY, Client, Notes, SlowHost, exchange, response
from tests.support.virtual_loop import VirtualLoop, run


def test_a_host_that_suspends_holds_up_its_own_stream_only() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        slow, quick = Client(loop), Client(loop)
        host = SlowHost(slow)
        loop.call_later(0.005, host.open.clear)
        loop.call_later(0.040, host.open.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(exchange(slow, response(loop, on=ticker), host.send))
            group.create_task(exchange(quick, response(loop, on=ticker)))

        assert [at for at, _, _ in quick.pieces] == [10, 30, 50]
        # What fell due meanwhile is joined, and the rest is on time again.
        assert [piece for _, piece, _ in slow.pieces] == [b"aa", b"bbb", b"cccc"]
        assert [at for at, _, _ in slow.pieces] == [40, 40, 50]

    run(main)


def test_a_host_writes_what_goes_on_past_send_unless_it_has_to_wait() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        written: list[tuple[int, bytes]] = []
        is_full = False

        def write_piece(piece: bytes) -> bool:
            if is_full:
                return False
            written.append((round(loop.now / 0.005) * 5, piece))
            return True

        def fill_up() -> None:
            nonlocal is_full
            is_full = True

        loop.call_later(0.040, fill_up)
        writes = [(0.010, 2), (0.020, 5), (0.030, 6), (0.050, 8), (0.060, 9)]
        scope = {"type": "http", "extensions": {PIECES: {"write": write_piece}}}
        await response(loop, writes)(scope, client.receive, client.send)

        assert written == [(20, b"bbb"), (30, b"c")]
        assert client.pieces == [(10, b"aa", True), (50, b"cc", True), (60, b"c", False)]

    run(main)


def test_send_runs_in_the_task_of_the_response() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        host = SlowHost(client)
        loop.call_later(0.020, host.open.clear)
        loop.call_later(0.040, host.open.set)
        task = loop.create_task(exchange(client, response(loop), host.send))
        await task

        assert host.tasks == {task}
        assert b"".join(piece for _, piece, _ in client.pieces) == BODY

    run(main)


def test_send_sees_the_context_of_the_response() -> None:
    name: ContextVar[str] = ContextVar("name")

    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        seen: list[str] = []

        async def send(message: Message) -> None:
            seen.append(name.get("none"))
            await client.send(message)

        async def answer() -> None:
            name.set("mine")
            await exchange(client, response(loop), send)

        await loop.create_task(answer())
        assert seen == ["mine"] * 4

    run(main)


def test_a_send_with_a_timeout_of_its_own_works() -> None:
    """``asyncio.timeout`` needs a current task, which a bare callback does not have."""

    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)

        async def send(message: Message) -> None:
            async with asyncio.timeout(1):
                await client.send(message)

        await exchange(client, response(loop), send)
        assert len(client.pieces) == 3

    run(main)


class AtOnce:
    """What some hosts written in C or Rust return: an awaitable that is no coroutine."""

    def __await__(self) -> Generator[Any, None, None]:
        return iter(())  # type: ignore[return-value] # not a generator is the point


def test_any_awaitable_is_accepted() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        sent: list[Message] = []

        def send(message: Message) -> Awaitable[None]:
            sent.append(message)
            return AtOnce()

        await exchange(client, response(loop), send)
        assert [m["body"] for m in sent[1:]] == [b"aa", b"bbb", b"cccc"]

    run(main)


def test_a_future_that_is_not_done_will_do() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)

        def send(message: Message) -> Awaitable[None]:
            client.messages.append((0, message))
            done = loop.create_future()
            loop.call_later(0.003, done.set_result, None)
            return done

        await exchange(client, response(loop), send)
        assert len(client.pieces) == 3

    run(main)


@pytest.mark.parametrize("suspends", [False, True])
def test_an_error_of_send_is_raised_by_the_response(suspends: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        notes = Notes()

        async def send(message: Message) -> None:  # noqa: ARG001
            if suspends:
                await asyncio.sleep(0.001)
            raise RuntimeError("broken")

        with pytest.raises(RuntimeError, match="broken"):
            await exchange(Client(loop), response(loop, on=ticker, observer=notes), send)
        assert notes.end == ("client_left", 0)
        assert len(ticker) == 0

    run(main)


@pytest.mark.parametrize("suspends", [False, True])
def test_an_os_error_of_send_means_that_the_client_left(suspends: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        notes = Notes()

        async def send(message: Message) -> None:  # noqa: ARG001
            if suspends:
                await asyncio.sleep(0.001)
            raise OSError

        await exchange(Client(loop), response(loop, observer=notes), send)
        assert notes.end == ("client_left", 0)

    run(main)


def test_a_client_that_leaves_frees_its_stream() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        client, notes = Client(loop), Notes()
        loop.call_later(0.020, client.leave)
        await exchange(client, response(loop, on=ticker, observer=notes))

        assert loop.now == pytest.approx(0.020)
        assert notes.end == ("client_left", 2)
        assert len(ticker) == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def test_streams_that_were_left_are_not_held_until_their_deadline() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        clients = [Client(loop) for _ in range(50)]

        async def start() -> None:
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    slow = response(loop, [(3600.0, 9)], on=ticker)
                    group.create_task(exchange(client, slow))
                await asyncio.sleep(0.01)
                for client in clients[1:]:
                    client.leave()
                await asyncio.sleep(0.01)
                gc.collect()
                held = [o for o in gc.get_objects() if type(o).__name__ == "_Stream"]
                assert len(ticker) == 1
                assert len(held) <= 3
                clients[0].leave()

        await start()
        assert len(ticker) == 0

    run(main)


def test_a_client_that_leaves_while_the_host_waits_frees_its_stream() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        client, notes = Client(loop), Notes()
        host = SlowHost(client)
        host.open.clear()
        loop.call_later(0.020, client.leave)
        await exchange(client, response(loop, on=ticker, observer=notes), host.send)

        assert notes.end == ("client_left", 0)
        assert len(ticker) == 0

    run(main)


def test_a_client_that_has_left_before_it_begins_is_sent_nothing() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        client.leave()
        await exchange(client, response(loop, [(0.0, 9)], observer=notes))

        assert client.messages == []
        assert notes.end == ("client_left", 0)

    run(main)


LONG: Final = bytes(3 * PIECE_BYTES + 1)


def test_what_is_long_goes_in_pieces() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        writes = [(0.010, 1), (0.020, len(LONG) - 1), (0.030, len(LONG))]
        scope = {"type": "http", "extensions": {PIECES: {"write": pytest.fail}}}
        await response(loop, writes, LONG, observer=notes)(scope, client.receive, client.send)

        assert [(at, len(piece), more) for at, piece, more in client.pieces] == [
            (10, 1, True),
            *[(20, PIECE_BYTES, True)] * 2,
            (20, PIECE_BYTES - 1, True),
            (30, 1, False),
        ]
        assert notes.end == ("delivered", len(LONG))

    run(main)


def test_a_client_that_leaves_amid_what_is_due_at_once_is_interrupted() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        host = SlowHost(client)

        async def send(message: Message) -> None:
            await host.send(message)
            if len(client.pieces) == 2:
                host.open.clear()

        loop.call_later(0.020, client.leave)
        await exchange(client, response(loop, [(0.0, len(LONG))], LONG, observer=notes), send)

        assert [len(piece) for _, piece, _ in client.pieces] == [PIECE_BYTES] * 2
        assert notes.end == ("client_left", 2 * PIECE_BYTES)

    run(main)


def test_a_host_that_reports_the_end_as_a_disconnect_has_delivered() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()

        async def send(message: Message) -> None:
            await client.send(message)
            if not message.get("more_body", True):
                client.leave()

        await exchange(client, response(loop, observer=notes), send)
        assert notes.end == ("delivered", 9)

    run(main)


def test_the_end_is_noted_before_the_client_can_know_of_it() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        noted: list[bool] = []

        async def send(message: Message) -> None:
            noted.append(notes.end is not None)
            await client.send(message)

        await exchange(client, response(loop, observer=notes), send)
        assert noted == [False, False, False, True]

    run(main)


def test_cancelling_the_response_is_not_taken_for_a_client_that_left() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        task = loop.create_task(exchange(Client(loop), response(loop, on=ticker)))
        loop.call_later(0.020, task.cancel)

        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(ticker) == 0

    run(main)


@pytest.mark.parametrize(
    ("cut", "pieces"),
    [
        ((0.030, 5), [(10, b"aa", True), (30, b"bbb", True)]),
        ((0.040, 3), [(10, b"aa", True), (30, b"b", True)]),
        ((0.020, 5), [(10, b"aa", True), (20, b"bbb", True)]),
        ((0.020, 2), [(10, b"aa", True)]),
        ((0.0, 0), []),
        ((0.090, 9), [(10, b"aa", True), (30, b"bbb", True), (50, b"cccc", True)]),
    ],
)
def test_a_cut_sends_what_was_promised_and_ends_without_an_end(
    cut: Write, pieces: list[tuple[int, bytes, bool]]
) -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        with pytest.raises(ConnectionCut):
            await exchange(client, response(loop, cut_after=cut, observer=notes))

        assert client.pieces == pieces
        assert len(client.starts) == 1
        assert loop.now >= cut[0] - 1e-9
        assert notes.end == ("cut", cut[1])

    run(main)

"""Paced responses: deadlines, joined writes, hosts that suspend, clients that leave, cuts."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import ContextVar
from typing import Any, Final

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Scope, Send

from bedrock_frames.server.pacing import ConnectionCut, Outcome, PacedResponse, Write
from bedrock_frames.server.ticker import Ticker
from tests.virtual_loop import VirtualLoop, run

BODY: Final = b"aabbbcccc"
WRITES: Final = [(0.010, 2), (0.030, 5), (0.050, 9)]


class Client:
    """The other side of an ASGI app: notes what comes and when, leaves when told."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.messages: list[tuple[float, Message]] = []
        self._left = asyncio.Event()

    async def send(self, message: Message) -> None:
        self.messages.append((round(self.loop.now, 6), message))

    async def receive(self) -> Message:
        await self._left.wait()
        return {"type": "http.disconnect"}

    def leave(self) -> None:
        self._left.set()

    @property
    def pieces(self) -> list[tuple[float, bytes, bool]]:
        """(time, bytes, whether more follows) of every body message."""
        return [
            (at, message["body"], message["more_body"])
            for at, message in self.messages
            if message["type"] == "http.response.body"
        ]

    @property
    def starts(self) -> list[tuple[float, int]]:
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


def test_every_piece_goes_out_at_its_time() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, status_code=203))

        assert client.starts == [(0.010, 203)]
        assert client.pieces == [
            (0.010, b"aa", True),
            (0.030, b"bbb", True),
            (0.050, b"cccc", False),
        ]

    run(main)


def test_deadlines_count_from_the_start_that_is_given() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, start=loop.time() - 0.025))

        assert [at for at, _, _ in client.pieces] == [0.001, 0.005, 0.025]

    run(main)


def test_what_is_due_at_the_same_tick_is_one_message() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        writes = [(0.0101, 2), (0.0104, 5), (0.0109, 9)]
        await exchange(client, response(loop, writes, observer=notes))

        assert client.pieces == [(0.011, BODY, False)]
        assert [end for _, end in notes.written] == [2, 5, 9]
        assert all(0 <= lateness < 0.001 for lateness, _ in notes.written)
        assert notes.end == ("delivered", 9)

    run(main)


def test_nothing_is_early_and_nothing_drifts() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        writes = [(0.0207 * (k + 1), k + 1) for k in range(500)]
        await exchange(client, response(loop, writes, bytes(500), observer=notes))

        assert len(notes.written) == 500
        assert all(-1e-9 <= lateness <= 0.001 + 1e-9 for lateness, _ in notes.written)

    run(main)


def test_many_streams_share_one_timer() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        clients = [Client(loop) for _ in range(200)]
        writes = [(0.02 * (k + 1), k + 1) for k in range(10)]
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(exchange(client, response(loop, writes, bytes(10), on=ticker)))

        assert all(len(client.pieces) == 10 for client in clients)
        assert loop.timers <= 11
        assert len(ticker) == 0

    run(main)


def test_an_idle_ticker_has_no_timer() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        await exchange(Client(loop), response(loop, on=ticker))
        timers = loop.timers
        await asyncio.sleep(10)

        assert loop.timers == timers + 1  # the sleep's own

    run(main)


def test_a_body_without_writes_goes_out_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, []))

        assert [piece for _, *piece in client.pieces] == [[BODY, False]]

    run(main)


def test_an_empty_body_is_a_whole_response() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, [(0.01, 0)], b""))

        assert client.pieces == [(0.01, b"", False)]

    run(main)


@pytest.mark.parametrize(("whole", "length"), [(True, [b"9"]), (False, [])])
def test_the_length_is_announced_only_if_asked(whole: bool, length: list[bytes]) -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, whole=whole, media_type="text/plain"))
        headers = client.messages[0][1]["headers"]

        assert [value for name, value in headers if name == b"content-length"] == length
        assert (b"content-type", b"text/plain; charset=utf-8") in headers

    run(main)


def test_a_background_task_runs_after_the_last_piece() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        ran: list[float] = []
        task = BackgroundTask(lambda: ran.append(loop.now))
        await exchange(client, response(loop, background=task))

        assert len(ran) == 1
        assert ran[0] >= 0.05

    run(main)


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

        assert [at for at, _, _ in quick.pieces] == [0.010, 0.030, 0.050]
        # What fell due meanwhile is joined, and the rest is on time again.
        assert [piece for _, piece, _ in slow.pieces] == [b"aa", b"bbb", b"cccc"]
        assert [at for at, _, _ in slow.pieces] == [0.040, 0.041, 0.050]

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


def test_an_awaitable_that_is_no_coroutine_will_do() -> None:
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
            client.messages.append((loop.now, message))
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
        assert notes.end == ("interrupted", 0)
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
        assert notes.end == ("interrupted", 0)

    run(main)


def test_a_client_that_leaves_frees_its_stream() -> None:
    async def main(loop: VirtualLoop) -> None:
        ticker = Ticker(loop, clock=loop.time)
        client, notes = Client(loop), Notes()
        loop.call_later(0.020, client.leave)
        await exchange(client, response(loop, on=ticker, observer=notes))

        assert loop.now == pytest.approx(0.020)
        assert notes.end == ("interrupted", 2)
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

        assert notes.end == ("interrupted", 0)
        assert len(ticker) == 0

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
        ((0.030, 5), [(0.010, b"aa", True), (0.030, b"bbb", True)]),
        ((0.040, 3), [(0.010, b"aa", True), (0.030, b"b", True)]),
        ((0.020, 5), [(0.010, b"aa", True), (0.020, b"bbb", True)]),
        ((0.020, 2), [(0.010, b"aa", True)]),
        ((0.0, 0), []),
        ((0.090, 9), [(0.010, b"aa", True), (0.030, b"bbb", True), (0.050, b"cccc", True)]),
    ],
)
def test_a_cut_sends_what_was_promised_and_ends_without_an_end(
    cut: Write, pieces: list[tuple[float, bytes, bool]]
) -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        with pytest.raises(ConnectionCut):
            await exchange(client, response(loop, cut_after=cut, observer=notes))

        assert client.pieces == pieces
        assert len(client.starts) == 1
        assert loop.now >= cut[0] - 1e-9
        assert notes.end == ("aborted", cut[1])

    run(main)


class Passing(BaseHTTPMiddleware):
    async def dispatch(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        return await call_next(request)


def test_it_is_a_response_of_any_starlette_app_under_any_middleware() -> None:
    async def main(loop: VirtualLoop) -> None:
        async def stream(request: Request) -> Response:  # noqa: ARG001
            return response(loop, headers={"x-mine": "1"})

        app = Starlette(routes=[Route("/stream", stream)], middleware=[Middleware(Passing)] * 2)
        client = Client(loop)
        scope: Scope = {
            "type": "http", "method": "GET", "path": "/stream", "root_path": "", "headers": [],
            "query_string": b"", "server": ("test", 80), "scheme": "http", "http_version": "1.1",
        }  # fmt: skip
        requests: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return requests.pop() if requests else await client.receive()

        await app(scope, receive, client.send)
        assert (b"x-mine", b"1") in client.messages[0][1]["headers"]
        assert b"".join(piece for _, piece, _ in client.pieces) == BODY
        assert [at for at, piece, _ in client.pieces if piece] == [0.010, 0.030, 0.050]

    run(main)

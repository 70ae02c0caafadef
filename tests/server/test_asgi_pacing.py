"""Paced responses: deadlines, joined writes, headers, and life under middlewares."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Scope

from bedrock_frames.server.ticker import Ticker
from tests.support.asgi_client import BODY, Client, Notes, exchange, response
from tests.support.virtual_loop import VirtualLoop, run


def test_every_piece_goes_out_at_its_time() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, status_code=203))

        assert client.starts == [(10, 203)]
        assert client.pieces == [
            (10, b"aa", True),
            (30, b"bbb", True),
            (50, b"cccc", False),
        ]

    run(main)


def test_deadlines_count_from_the_start_that_is_given() -> None:
    async def main(loop: VirtualLoop) -> None:
        client = Client(loop)
        await exchange(client, response(loop, start=loop.time() - 0.025))

        assert [at for at, _, _ in client.pieces] == [0, 5, 25]

    run(main)


def test_what_is_due_at_the_same_tick_is_one_message() -> None:
    async def main(loop: VirtualLoop) -> None:
        client, notes = Client(loop), Notes()
        writes = [(0.0101, 2), (0.0104, 5), (0.0109, 9)]
        await exchange(client, response(loop, writes, observer=notes))

        assert client.pieces == [(10, BODY, False)]
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

        assert client.pieces == [(10, b"", False)]

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

        async def note() -> None:
            ran.append(loop.now)

        await exchange(client, response(loop, background=BackgroundTask(note)))

        assert len(ran) == 1
        assert ran[0] >= 0.05

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
        assert [at for at, piece, _ in client.pieces if piece] == [10, 30, 50]

    run(main)

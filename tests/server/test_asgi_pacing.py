"""Answers over ASGI: what is due goes out at its time, and one account says how they ended."""

import asyncio
from typing import Any, Final

import pytest
from starlette.types import Message

from bedrock_frames.server.pacing import PIECE_BYTES, ConnectionCut
from tests.support.asgi_client import BODY, FRAMES, Exchange, SlowHost
from tests.support.virtual_loop import VirtualLoop, run

LONG: Final = bytes(3 * PIECE_BYTES + 1)
AT_ONCE: Final = {"latency_ms": 0.0}


def test_every_piece_goes_out_at_its_time() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop)
        await exchange.run()

        assert exchange.client.starts == [(10, 200)]
        assert exchange.client.pieces == [
            (10, b"aa", True),
            (30, b"bbb", True),
            (50, b"cccc", False),
        ]
        assert exchange.ended() == ("delivered", 3, len(BODY))
        assert sum(exchange.counts.lateness_buckets) == 3

    run(main)


def test_nothing_is_early_and_nothing_drifts() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, [b"x"] * 500, timing={"latency_ms": 20.7})
        await exchange.run()

        assert loop.now == pytest.approx(500 * 0.0207, abs=0.002)
        lateness = exchange.entry.lateness
        assert lateness is not None
        assert 0 <= lateness <= 0.0011

    run(main)


def test_a_host_that_suspends_holds_up_its_own_stream_only() -> None:
    async def main(loop: VirtualLoop) -> None:
        slow, quick = Exchange(loop), Exchange(loop)
        host = SlowHost(slow.client)
        loop.call_later(0.005, host.open.clear)
        loop.call_later(0.040, host.open.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(slow.run(host.send))
            group.create_task(quick.run())

        assert [at for at, _, _ in quick.client.pieces] == [10, 30, 50]
        # What became due meanwhile is on its way at once, and the rest is on time again.
        assert [piece for _, piece, _ in slow.client.pieces] == list(FRAMES)
        assert [at for at, _, _ in slow.client.pieces] == [40, 40, 50]
        assert slow.entry.lateness == pytest.approx(0.030, abs=0.002)

    run(main)


def test_an_answer_that_is_due_at_once_is_one_message() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, timing=AT_ONCE)
        await exchange.run()

        assert exchange.client.pieces == [(0, BODY, False)]
        assert exchange.entry.lateness is None

    run(main)


def test_what_is_long_goes_in_pieces() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, [LONG], timing=AT_ONCE)
        await exchange.run()

        pieces = [(len(piece), more) for _, piece, more in exchange.client.pieces]
        assert pieces == [*[(PIECE_BYTES, True)] * 3, (1, False)]
        assert exchange.ended() == ("delivered", 1, len(LONG))

    run(main)


@pytest.mark.parametrize("waits", [False, True])
def test_a_client_that_leaves_ends_its_stream(waits: bool) -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop)
        host = SlowHost(exchange.client)
        if waits:
            loop.call_later(0.015, host.open.clear)
        loop.call_later(0.040, exchange.client.leave)
        await exchange.run(host.send)

        assert loop.now == pytest.approx(0.040)
        sent = 2 if waits else 5
        assert exchange.ended() == ("client_left", 1 if waits else 2, sent)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def test_a_client_that_has_left_before_it_begins_is_sent_nothing() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, timing=AT_ONCE)
        exchange.client.leave()
        await exchange.run()

        assert exchange.client.messages == []
        assert exchange.ended() == ("client_left", 0, 0)

    run(main)


@pytest.mark.parametrize(
    ("error", "outcome"), [(OSError, "client_left"), (RuntimeError, "failed")], ids=["os", "other"]
)
@pytest.mark.parametrize("suspends", [False, True])
def test_an_error_of_send_ends_the_answer(
    error: type[Exception], outcome: str, suspends: bool
) -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop)

        async def send(message: Message) -> None:
            if suspends:
                await asyncio.sleep(0.001)
            if message["type"] == "http.response.body":
                raise error("broken")

        if outcome == "failed":
            with pytest.raises(error, match="broken"):
                await exchange.run(send)
        else:
            await exchange.run(send)
        assert exchange.ended() == (outcome, 0, 0)

    run(main)


def test_a_client_that_does_not_read_on_is_given_up() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, stall_seconds=2)
        host = SlowHost(exchange.client)
        loop.call_later(0.015, host.open.clear)
        with pytest.raises(ConnectionCut):
            await exchange.run(host.send)

        assert 2.03 <= loop.now <= 4.1
        assert exchange.ended() == ("stalled", 1, 2)

    run(main)


def test_a_slow_stream_is_not_taken_for_a_client_that_does_not_read_on() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, timing={"latency_ms": 10_000.0}, stall_seconds=2)
        await exchange.run()
        assert exchange.ended() == ("delivered", 3, 9)

    run(main)


def test_a_host_that_reports_the_end_as_a_disconnect_has_delivered() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop)

        async def send(message: Message) -> None:
            await exchange.client.send(message)
            if not message.get("more_body", True):
                exchange.client.leave()
                await asyncio.sleep(0.001)

        await exchange.run(send)
        assert exchange.ended() == ("delivered", 3, 9)

    run(main)


def test_the_journal_knows_the_end_before_the_client_can() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop)
        known: list[str] = []

        async def send(message: Message) -> None:
            await exchange.client.send(message)
            known.append(exchange.entry.outcome)

        await exchange.run(send)
        assert known == [*["pending"] * 3, "delivered"]

    run(main)


def test_a_stop_of_the_host_is_not_taken_for_a_client_that_left() -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop)
        task = loop.create_task(exchange.run())
        loop.call_later(0.020, task.cancel)

        with pytest.raises(asyncio.CancelledError):
            await task
        assert exchange.ended() == ("cut", 1, 2)
        assert exchange.counts.ends["stopped"] == 1

    run(main)


@pytest.mark.parametrize(
    ("cut", "at", "pieces"),
    [
        ({"truncate_after_frames": 2}, 0.030, [(10, b"aa", True), (30, b"bbb", True)]),
        ({"truncate_after_frames": 0}, 0.0, []),
        ({"disconnect_after_ms": 20.0}, 0.020, [(10, b"aa", True)]),
        ({"disconnect_after_ms": 5.0}, 0.005, []),
    ],
)
def test_a_cut_sends_what_was_promised_and_ends_without_an_end(
    cut: dict[str, Any], at: float, pieces: list[tuple[int, bytes, bool]]
) -> None:
    async def main(loop: VirtualLoop) -> None:
        exchange = Exchange(loop, **cut)
        with pytest.raises(ConnectionCut):
            await exchange.run()

        assert exchange.client.pieces == pieces
        assert len(exchange.client.starts) == 1
        assert loop.now >= at - 1e-9
        sent = sum(len(piece) for _, piece, _ in pieces)
        assert exchange.ended() == ("cut", len(pieces), sent)
        assert exchange.counts.ends["cut"] == 1

    run(main)

"""Heads of responses go out with what follows them, and never later than the loop's turn."""

import asyncio
from collections.abc import Iterable
from typing import Final

from bedrock_frames.server.joining import JoiningTransport
from tests.support.virtual_loop import VirtualLoop, run

HEAD: Final = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire(asyncio.Transport):
    """Notes each system call that a transport would make."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.calls: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append(b"".join(list_of_data))

    def close(self) -> None:
        self.calls.append(b"close")


def test_a_head_goes_out_with_what_follows_at_once() -> None:
    async def main(loop: VirtualLoop) -> None:
        wire = Wire()
        transport = JoiningTransport(wire, loop)
        transport.write(HEAD)
        transport.write(b"body")
        transport.write(b"more")
        await asyncio.sleep(0)

        assert wire.calls == [HEAD + b"body", b"more"]

    run(main)


def test_a_head_alone_goes_out_in_the_same_turn() -> None:
    async def main(loop: VirtualLoop) -> None:
        wire = Wire()
        transport = JoiningTransport(wire, loop)
        transport.write(HEAD)
        assert wire.calls == []
        await asyncio.sleep(0)
        assert wire.calls == [HEAD]
        transport.write(b"body")
        assert wire.calls == [HEAD, b"body"]

    run(main)


def test_a_body_that_looks_like_a_head_is_not_lost() -> None:
    async def main(loop: VirtualLoop) -> None:
        wire = Wire()
        transport = JoiningTransport(wire, loop)
        for piece in (HEAD, HEAD, HEAD):
            transport.write(piece)
        await asyncio.sleep(0)

        assert b"".join(wire.calls) == HEAD * 3

    run(main)


def test_closing_writes_the_head_first() -> None:
    async def main(loop: VirtualLoop) -> None:
        wire = Wire()
        transport = JoiningTransport(wire, loop)
        transport.write(HEAD)
        transport.close()
        await asyncio.sleep(0)

        assert wire.calls == [HEAD, b"close"]

    run(main)


def test_everything_else_is_the_transport_s_own() -> None:
    async def main(loop: VirtualLoop) -> None:
        transport = JoiningTransport(Wire(), loop)

        assert transport.get_extra_info("peername") == ("127.0.0.1", 1)

    run(main)

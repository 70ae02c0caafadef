"""One system call for the head of a response and what follows it at once.

uvicorn writes them one after the other, and event loops write at once. On loopback a system call
is a third of what an answer costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class JoiningTransport:
    """A transport that holds a head back until the next write, or the end of the loop's turn."""

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Write, in order, soon."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.writelines((head, data))
        # A body that begins so is held back too, which does no harm.
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close, when all has been written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

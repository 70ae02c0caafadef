"""uvicorn with limits, a drain timeout and a quiet log."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bedrock_frames._core import IDLE_SECONDS, MAX_HEAD_BYTES
from bedrock_frames.server.files import is_own
from bedrock_frames.server.pacing import ConnectionCut
from bedrock_frames.server.threads import DaemonThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from starlette.types import ASGIApp


_LOG: Final = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 0.001
"""Seconds between two looks at whether a thread has begun to serve."""

_AT_ONCE: Final = 2.0
"""Seconds that an app has to end at once, before it is left behind."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request head does not end, and refuses malformed heads."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("Request head too long.")

    def on_message_begin(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if reason := _malformed(self.headers, self.parser.get_http_version()):
            # The parser stops, and uvicorn answers by a 400.
            raise ValueError(reason)
        super().on_headers_complete()


def _malformed(headers: list[tuple[bytes, bytes]], version: str) -> str | None:
    """Return why a head is refused that the parser takes: RFC 9112, sections 3.2 and 6.1."""
    hosts = sum(name == b"host" for name, _ in headers)
    if hosts > 1 or (hosts == 0 and version != "1.0"):
        return "a request has one Host header"
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and codings != [b"chunked"]:
        return "the one transfer coding of a request is chunked"
    return None


class OwnProtocol(BoundedProtocol):
    """Accepts connections over the Unix socket from this process only: the native server's."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not is_own(transport.get_extra_info("socket")):
            transport.abort()


class Host(uvicorn.Server):
    """Runs an app on a socket until :attr:`should_exit` is set or a signal comes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        drain_timeout: float,
        max_connections: int,
        on_ready: Callable[[], object] = str,
        private: bool = False,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=OwnProtocol if private else BoundedProtocol,
                loop="auto",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=4096,
                limit_concurrency=max_connections,
                timeout_keep_alive=IDLE_SECONDS,
            )
        )
        self._drain_timeout = drain_timeout
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        logging.getLogger("uvicorn.error").addFilter(_EXPECTED)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the socket, and say so."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was asked, for as long as the drain timeout gives it."""
        timeout = self._drain_timeout
        # A timeout of 0 asks for the cut: not worth a warning.
        level = logging.WARNING if timeout else logging.INFO
        why = f"the drain timeout of {timeout:g} s is over"
        end = asyncio.get_running_loop().call_later(timeout, self._give_up, why, level)
        try:
            await super().shutdown(sockets)
        finally:
            end.cancel()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop; when asked again, give up what is still being answered."""
        if self.should_exit:
            self.give_up("asked to end again")
        self.should_exit = True

    def give_up(self, why: str) -> None:
        """Wait no longer for answers under way. May be called from any thread."""
        self._drain_timeout = 0
        if self._loop is not None:
            # Where the loop has been closed, nothing is under way.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._give_up, why, logging.WARNING)

    def _give_up(self, why: str, level: int) -> None:
        under_way = list(self.server_state.tasks)
        if under_way:
            _LOG.log(level, "Cut %d answers that were under way: %s", len(under_way), why)
        # First, so that answers that have not begun do not become an HTTP 500.
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in under_way:
            task.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT while it runs, and end as if there had been none: exit code 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class HostThread:
    """An app that runs on a socket, in a thread, until it is stopped.

    Raises:
        RuntimeError: it does not start.
    """

    def __init__(
        self,
        app: ASGIApp,
        listening: socket.socket,
        *,
        drain_timeout: float,
        max_connections: int,
        private: bool = False,
    ) -> None:
        self._host = Host(
            app, drain_timeout=drain_timeout, max_connections=max_connections, private=private
        )
        self._listening = listening
        self._at_once = False
        self._thread = DaemonThread(self._run, name="bedrock-app")
        try:
            while not self._host.started:
                if self._thread.wait(_LOOK_AGAIN):
                    raise RuntimeError("The server did not start: its log says why")
        except BaseException:
            self.stop(at_once=True)
            raise

    def listening(self) -> set[int]:
        """Return the file descriptors that it listens on: event loops may have duplicated it."""
        sockets = (one for server in self._host.servers for one in server.sockets)
        return {self._listening.fileno(), *(one.fileno() for one in sockets)}

    def stop(self, *, at_once: bool = False) -> None:
        """Answer what was asked, for as long as the drain timeout gives it; or ``at_once``, not.

        An exception meanwhile, such as that of a signal, ends the wait.
        """
        self._host.should_exit = True
        try:
            if not at_once:
                self._thread.wait()
        finally:
            self._at_once = True
            self._host.give_up("the process ends")
            self._thread.wait(_AT_ONCE)

    def _run(self) -> None:
        ident = threading.get_ident()
        _host_threads.add(ident)
        try:
            self._host.run(sockets=[self._listening])
        except RuntimeError:
            # asyncio stops its executor in a thread, which cannot be started when a process ends.
            if not self._at_once:
                raise
        finally:
            _host_threads.discard(ident)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; port 0 is any free one.

    Raises:
        OSError: the address is in use, or not one of this machine. Its ``filename`` is the address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=4096)
    except OSError as error:
        reason, _, _ = (error.strerror or str(error)).partition(" (while")
        raise OSError(error.errno, reason, f"{host}:{port}") from None


def url_of(host: str, port: int, *, secure: bool = False) -> str:
    """Return the URL under which clients of this machine reach an address that is listened on."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{'https' if secure else 'http'}://{shown}:{port}"


class _Expected(logging.Filter):
    """Keeps out of the log what is not an error: connections cut as asked, streams ended by a stop.

    And what uvicorn says of its start and stop, in threads of ours: the server says that itself.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.INFO and record.thread in _host_threads:
            return False
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, ConnectionCut | asyncio.CancelledError)


_EXPECTED: Final = _Expected()

_host_threads: Final[set[int]] = set()
"""Idents of the threads in which apps run."""

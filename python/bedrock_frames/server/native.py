"""The native server in front of an app.

Bedrock's paths are answered by threads of the extension, on every core and without the GIL, from
the app's own engine. All other paths go through to the app, which uvicorn runs on a Unix socket
that no other process sees: one port, one process, one state.
"""

from __future__ import annotations

import logging
import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from bedrock_frames import bounds
from bedrock_frames._core import (
    MAX_CONNECTIONS,
    MAX_IN_FLIGHT,
    Plane,
    processors,
    raise_open_files,
    self_signed,
)
from bedrock_frames.server.app import parts_of
from bedrock_frames.server.files import (
    claim,
    kept_while_running,
    private_socket,
    read_pems,
    room_for,
)
from bedrock_frames.server.host import HostThread, url_of
from bedrock_frames.server.lifetime import Lifetime
from bedrock_frames.server.native_metrics import source_of
from bedrock_frames.server.threads import DaemonThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack
    from pathlib import Path
    from types import FrameType, TracebackType

    from starlette.applications import Starlette

    from bedrock_frames._core import Figures

_LOG: Final = logging.getLogger(__name__)

_APP_DRAIN: Final = 1.0
"""Seconds for the app's own answers, which are short."""

_AT_ONCE: Final = 3.0
"""Seconds to wait for threads after they were asked to end at once."""

_TO_COUNT: Final = 1.0
"""Seconds after the drain timeout in which what is cut is counted before it is cut."""

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""Who a certificate of our own is for, beside the host that is listened on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a native server listens, and its options.

    Raises:
        ValueError: an option is out of its range.
    """

    host: str = "127.0.0.1"
    port: int = 0
    uds: Path | None = None
    """A Unix socket to listen on too: a write costs a third there."""
    tls: bool = False
    certificate: tuple[Path, Path] | None = None
    """Certificate and key as PEM files; with ``tls`` and without them, one is made."""
    threads: int | None = None
    """By default as many as there are processors."""
    max_connections: int = MAX_CONNECTIONS
    """Fewer where the limit of open files leaves room for fewer."""
    max_in_flight: int = MAX_IN_FLIGHT

    def __post_init__(self) -> None:
        bounds.check(
            port=self.port,
            threads=self.threads,
            max_connections=self.max_connections,
            max_in_flight=self.max_in_flight,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A native server that is running."""

    plane: Plane
    url: str
    certificate: Path | None
    """The certificate to trust, where it is one of our own."""
    threads: int
    max_connections: int
    """For how many there is room."""


class NativeServer:
    """A native server and its app, for a ``with`` block, or from ``start`` to ``stop``.

    Raises:
        ValueError: ``drain_timeout`` is out of its range.
    """

    def __init__(self, app: Starlette, place: Place, *, drain_timeout: float = 30.0) -> None:
        bounds.check_seconds(drain_timeout=drain_timeout)
        self._app = app
        self._place = place
        self._drain_timeout = drain_timeout
        self._lifetime = Lifetime()
        self._running: Running | None = None

    def start(self) -> Running:
        """Listen and answer, until :meth:`stop`.

        Raises:
            RuntimeError: it runs already.
            OSError: the place cannot be listened on.
        """
        return self._lifetime.begin(self._start)

    def stop(self, *, at_once: bool = False) -> None:
        """Answer what was asked, for the drain timeout, and end; or ``at_once``, cut it.

        Does nothing where it does not run. An exception meanwhile, such as KeyboardInterrupt, cuts
        what is still being answered.
        """
        self._lifetime.end(at_once=at_once)

    def __enter__(self) -> Running:
        return self.start()

    def _start(self, stack: ExitStack) -> Running:
        place, lifetime = self._place, self._lifetime
        given = None if place.certificate is None else read_pems(*place.certificate)
        if place.uds is not None:
            claim(place.uds)
            stack.callback(place.uds.unlink, missing_ok=True)
        listening, address, remove = private_socket()
        stack.callback(remove)
        host = HostThread(
            self._app,
            listening,
            drain_timeout=_APP_DRAIN,
            max_connections=place.max_connections,
            private=True,
        )
        lifetime.in_child(host.listening())
        stack.callback(lambda: host.stop(at_once=lifetime.at_once))
        running = self._running = self._listen(stack, address, given)
        lifetime.in_child(running.plane.listening())
        figures = parts_of(self._app).figures
        stack.callback(figures.take_from(source_of(running.plane)))
        stack.callback(self._stop, running)
        return running

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def give_up(self) -> None:
        """Wait no longer for answers under way. May be called from a signal handler."""
        if self._running is not None:
            cut = partial(_cut, self._running.plane, "asked to end again")
            DaemonThread(cut, name="bedrock-cut")

    def _listen(self, stack: ExitStack, app: str, given: tuple[str, str] | None) -> Running:
        place = self._place
        pems, certificate = given, None
        if given is None and place.tls:
            pems = self_signed([*{*LOCAL_NAMES, place.host}])
            # The key stays in memory: nothing but the certificate is for others.
            certificate, remove = kept_while_running(pems[0])
            stack.callback(remove)
        threads = processors() if place.threads is None else place.threads
        max_connections = room_for(place.max_connections, threads=threads)
        plane = Plane(
            parts_of(self._app).engine,
            host=place.host,
            port=place.port,
            uds=place.uds,
            app=app,
            threads=threads,
            tls=pems,
            max_connections=max_connections,
            max_in_flight=place.max_in_flight,
            cors=parts_of(self._app).cors,
        )
        return Running(
            plane=plane,
            url=url_of(*plane.addresses[0], secure=pems is not None),
            certificate=certificate,
            threads=threads,
            max_connections=max_connections,
        )

    def _stop(self, running: Running) -> None:
        plane, timeout = running.plane, self._drain_timeout
        if self._lifetime.at_once:
            # Without a thread: where a process ends, none can be started.
            _cut(plane, "the process ends")
            return
        # In a thread, for while this one waits in it no signal handler could run.
        stop = DaemonThread(partial(plane.stop, timeout + _TO_COUNT), name="bedrock-stop")
        try:
            if not stop.wait(timeout):
                # A timeout of 0 asks for the cut: not worth a warning.
                level = logging.WARNING if timeout else logging.INFO
                _cut(plane, f"the drain timeout of {timeout:g} s is over", level)
            stop.wait()
        except BaseException as error:
            _cut(plane, f"{type(error).__name__} while they were waited for")
            stop.wait(_AT_ONCE)
            raise


def _cut(plane: Plane, why: str, level: int = logging.WARNING) -> None:
    """Stop a native server at once, and log the answers that this cuts."""
    figures = plane.figures()
    if figures.in_flight:
        _LOG.log(level, "Cut %d answers that were under way: %s", figures.in_flight, why)
    plane.stop(0)


def serve(
    app: Starlette,
    place: Place,
    *,
    drain_timeout: float = 30.0,
    max_lateness: float | None = None,
    on_ready: Callable[[str], object] = str,
) -> bool:
    """Serve until SIGTERM or SIGINT; then answer what was asked, for ``drain_timeout`` seconds.

    A second signal ends the wait. ``on_ready`` is given the URL once requests are answered.

    Returns:
        Whether the server kept its times: 99 % of all paced writes at most ``max_lateness`` seconds
        late. True where that is None.

    Raises:
        OSError: the place cannot be listened on.
        ValueError: a duration is out of its range.
    """
    bounds.check_seconds(max_lateness=max_lateness)
    parts_of(app).control.check_exposure(place.host)
    soft, hard = raise_open_files()
    asked_to_end = threading.Event()
    server = NativeServer(app, place, drain_timeout=drain_timeout)

    def end() -> None:
        if asked_to_end.is_set():
            server.give_up()
        asked_to_end.set()

    with _signals(end) as signalled, server as running:
        _LOG.info(
            "Limits: %s open files (hard %s), %d connections, %d threads",
            soft or "unlimited",
            hard or "unlimited",
            running.max_connections,
            running.threads,
        )
        if running.certificate is not None:
            _LOG.info("Made a certificate: trust %s", running.certificate)
        on_ready(running.url)
        while not asked_to_end.is_set():
            signalled.recv(1)
        figures = running.plane.figures()
        if figures.connections:
            _LOG.info(
                "Waiting for connections to close: %d open, %d answers under way",
                figures.connections,
                figures.in_flight,
            )
    return _report(running.plane.figures(), max_lateness)


def _report(figures: Figures, max_lateness: float | None) -> bool:
    """Say in one line how late writes were, and whether that was allowed."""
    late = figures.lateness
    worst, most = late.quantile(1.0), late.quantile(0.99)
    kept = max_lateness is None or most <= max_lateness
    if max_lateness is None:
        verdict, allowed = "Lateness", ""
    else:
        verdict = "Times were kept" if kept else "Times were NOT kept"
        allowed = f"; allowed are {max_lateness * 1000:g} ms"
    _LOG.log(
        logging.INFO if kept else logging.ERROR,
        "%s: of %d paced writes 99 %% were at most %.1f ms late, all at most %.1f ms%s",
        verdict,
        late.total,
        most * 1000,
        worst * 1000,
        allowed,
    )
    return kept


@contextmanager
def _signals(on_signal: Callable[[], object]) -> Iterator[socket.socket]:
    """Handle SIGTERM and SIGINT with a function meanwhile.

    Yields a socket that has a byte to read when a signal has come. Waiting for
    a lock instead may never end: a signal that comes just before, or to another thread, does not
    wake it.
    """

    def handler(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        on_signal()

    signalled, signalling = socket.socketpair()
    with signalled, signalling:
        signalling.setblocking(False)
        wakeup = signal.set_wakeup_fd(signalling.fileno(), warn_on_full_buffer=False)
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, handler) for number in numbers}
        try:
            yield signalled
        finally:
            for number, old in before.items():
                signal.signal(number, old)
            signal.set_wakeup_fd(wakeup)

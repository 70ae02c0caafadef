"""Starting and stopping a server: in the foreground, and in a thread."""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from bedrock_frames.server.app import create_app, parts_of
from bedrock_frames.server.host import Host, listen, url_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

    from starlette.applications import Starlette

    from bedrock_frames.server.app import Parts
    from bedrock_frames.server.catalog import FixtureSource, StrPath


class Options(TypedDict, total=False):
    """The options of :func:`create_app <bedrock_frames.server.create_app>`."""

    seed: int
    strict: bool
    padding: bool
    timing: Mapping[str, object] | None
    journal_entries: int
    journal_body_bytes: int
    max_body_bytes: int
    max_sessions: int
    max_in_flight: int
    watch: Sequence[StrPath]


def serve(
    app: Starlette,
    *,
    host: str = "127.0.0.1",
    port: int = 4010,
    drain_timeout: float = 30.0,
    max_connections: int = 20_000,
    on_ready: Callable[[str], object] = str,
) -> None:
    """Serve until SIGTERM or SIGINT; then answer what was asked, for ``drain_timeout`` seconds.

    ``on_ready`` is given the URL once requests are answered.

    Raises:
        OSError: the address cannot be listened on.
    """
    with listen(host, port) as listening, _collecting_seldom():
        Host(
            app,
            drain_timeout=drain_timeout,
            max_connections=max_connections,
            on_ready=lambda: on_ready(url_of(listening)),
        ).run(sockets=[listening])


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Let the garbage collector run less often than for programs that are not servers.

    Its full collections walk every fixture and every stream: they took a fifth of the time of a
    loaded server, in pauses that made frames late.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class Server:
    """A server in a thread, for the length of a ``with`` block.

    ::

        with Server("fixtures/") as server:
            boto3.client("bedrock-runtime", endpoint_url=server.url)
    """

    def __init__(
        self,
        fixtures: FixtureSource = (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        drain_timeout: float = 5.0,
        max_connections: int = 20_000,
        **options: Unpack[Options],
    ) -> None:
        self._app = create_app(fixtures, **options)
        self._address = (host, port)
        self._drain_timeout = drain_timeout
        self._max_connections = max_connections
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Where it listens.

        Raises:
            RuntimeError: it does not run.
        """
        if self._url is None:
            raise RuntimeError("The server does not run; use it as a context manager")
        return self._url

    @property
    def parts(self) -> Parts:
        """The engine, the fixtures and the figures of the running app."""
        return parts_of(self._app)

    def __enter__(self) -> Self:
        listening = listen(*self._address)
        ready = threading.Event()
        self._host = Host(
            self._app,
            drain_timeout=self._drain_timeout,
            max_connections=self._max_connections,
            on_ready=ready.set,
        )

        def run() -> None:
            try:
                with listening:
                    self._host.run(sockets=[listening])
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="bedrock-frames", daemon=True)
        self._thread.start()
        ready.wait()
        if not self._host.started:
            self._thread.join()
            raise RuntimeError("The server did not start")
        self._url = url_of(listening)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._url = None
        self._host.should_exit = True
        self._thread.join()

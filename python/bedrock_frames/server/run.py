"""Starting and stopping a server: in the foreground, and in a thread."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypedDict, Unpack

from bedrock_frames import bounds
from bedrock_frames._core import MAX_CONNECTIONS, MAX_IN_FLIGHT
from bedrock_frames.server import native
from bedrock_frames.server.app import create_app, parts_of
from bedrock_frames.server.catalog import gather
from bedrock_frames.server.environment import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from bedrock_frames.server.host import Host, HostThread, listen, url_of
from bedrock_frames.server.lifetime import Lifetime
from bedrock_frames.server.native import NativeServer, Place
from bedrock_frames.server.typed import error_plan
from bedrock_frames.server.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import ExitStack
    from types import TracebackType

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from starlette.applications import Starlette

    from bedrock_frames._core import JournalEntry
    from bedrock_frames.bedrock.request_rules import Requests
    from bedrock_frames.fixtures import Answerer
    from bedrock_frames.server.app import Parts
    from bedrock_frames.server.catalog import FixtureSource, StrPath
    from bedrock_frames.server.verify import Times


_ALL: Final = 1_000_000
"""More entries than the journal can have."""


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
    watch: StrPath | Sequence[StrPath]
    control: bool
    control_token: str | None
    control_hosts: Sequence[str]
    cors: str | None
    requests: Requests
    rules_off: Collection[str]


def serve(
    app: Starlette,
    place: Place,
    *,
    asgi: bool = False,
    drain_timeout: float = 30.0,
    max_lateness: float | None = None,
    on_ready: Callable[[str], object] = str,
) -> bool:
    """Serve until SIGTERM or SIGINT; then finish answers, for at most ``drain_timeout`` seconds.

    Args:
        asgi: serve everything with the app, without the native server in front of it.
        max_lateness: the limit for 99 % of all paced writes, in seconds.
        on_ready: called with the URL once requests are answered.

    Returns:
        Whether the limit was kept; True without a limit.

    Raises:
        OSError: the address cannot be listened on.
        ValueError: an option is out of its range, or needs the native server.
    """
    if not asgi:
        return native.serve(
            app,
            place,
            drain_timeout=drain_timeout,
            max_lateness=max_lateness,
            on_ready=on_ready,
        )
    bounds.check_seconds(drain_timeout=drain_timeout)
    only_native = {
        "uds": place.uds,
        "tls": place.tls or None,
        "certificate": place.certificate,
        "threads": place.threads,
        "max_lateness": max_lateness,
    }
    for name, value in only_native.items():
        if value is not None:
            raise ValueError(f"{name} needs the native tier: leave out asgi")
    parts_of(app).control.check_exposure(place.host)
    with listen(place.host, place.port) as listening, _collecting_seldom():
        Host(
            app,
            drain_timeout=drain_timeout,
            max_connections=place.max_connections,
            on_ready=lambda: on_ready(url_of(*listening.getsockname()[:2])),
        ).run(sockets=[listening])
    return True


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
    """A server in threads, for the length of a ``with`` block, or from ``start`` to ``stop``.

    ::

        with Server("fixtures/") as server:
            server.add(match={"userMessage": "hello"}, response={"content": "Hello!"})
            client = server.client()

    A server that is still running when the process ends is stopped then, without a drain timeout.
    A forked child may use its parent's server; it cannot stop it.

    The native server answers Bedrock's paths; with ``asgi``, the app serves everything.
    With ``tls`` it speaks TLS: by a certificate made at the start, or by a certificate and its key,
    the paths of PEM files.

    Raises:
        ValueError: an option is out of its range, or ``tls`` meets ``asgi``.
    """

    def __init__(
        self,
        fixtures: FixtureSource = (),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        drain_timeout: float = 5.0,
        max_connections: int = MAX_CONNECTIONS,
        asgi: bool = False,
        tls: bool | tuple[StrPath, StrPath] = False,
        **options: Unpack[Options],
    ) -> None:
        if asgi and tls:
            raise ValueError("tls needs the native tier: leave out asgi")
        bounds.check_seconds(drain_timeout=drain_timeout)
        # As in a URL.
        host = host.removeprefix("[").removesuffix("]")
        self._place = Place(
            host=host,
            port=port,
            tls=bool(tls),
            certificate=None if isinstance(tls, bool) else (Path(tls[0]), Path(tls[1])),
            max_connections=max_connections,
            max_in_flight=options.get("max_in_flight", MAX_IN_FLIGHT),
        )
        names = options.get("control_hosts", ())
        # A string would be read as a list of characters: ``create_app`` refuses it.
        options["control_hosts"] = names if isinstance(names, str) else [*names, host]
        self._app = create_app(fixtures, **options)
        self.parts.control.check_exposure(host)
        self._asgi = asgi
        self._drain_timeout = drain_timeout
        self._lifetime = Lifetime()
        self._url: str | None = None
        self._certificate: Path | None = None

    @property
    def url(self) -> str:
        """Where it listens.

        Raises:
            RuntimeError: it does not run.
        """
        if self._url is None:
            raise RuntimeError("The server does not run: use it in a with block, or start it")
        return self._url

    @property
    def certificate(self) -> Path | None:
        """The certificate to trust, where one was made for it: gone when it has ended."""
        return self._certificate

    @property
    def parts(self) -> Parts:
        """The engine, the fixtures and the figures of the running app."""
        return parts_of(self._app)

    def add(
        self,
        *,
        match: Mapping[str, object] | None = None,
        response: Mapping[str, object] | list[Mapping[str, object]] | Answerer | None = None,
        first: bool = False,
        **options: object,
    ) -> None:
        """Add a fixture after all others, or before them if ``first``.

        Args:
            match: the requests that it answers; all, if None.
            response: an object, a list of them for a sequence, or a callable that returns one for
                each request.
            first: whether it takes precedence over the fixtures that are there.
            **options: the other keys of a fixture, such as ``timing`` and ``chunkSize``; or
                ``responses`` in place of ``response``.

        Raises:
            FixtureError: with all its faults.
        """
        fixture = {"match": match or {}, **options}
        if response is not None:
            fixture["response"] = response
        self.parts.catalog.add([fixture], first=first)

    def load(self, fixtures: FixtureSource) -> None:
        """Add the fixtures of files, folders, a set or JSON objects, after all others.

        Raises:
            FixtureError: with all their faults.
        """
        self.parts.catalog.merge(gather(fixtures))

    def client(self, **options: Any) -> BedrockRuntimeClient:
        """Return a boto3 client of this server; ``options`` are those of ``Session.client``.

        It trusts the certificate that was made for a server with ``tls=True``.
        """
        import boto3

        defaults: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET_ACCESS_KEY,
        }
        if self.certificate is not None:
            defaults["verify"] = str(self.certificate)
        session = boto3.Session(region_name=REGION)
        return session.client("bedrock-runtime", **(defaults | options))

    @property
    def requests(self) -> list[JournalEntry]:
        """The requests in the journal, oldest first."""
        return self.parts.engine.journal(limit=_ALL)[1]

    def next_error(
        self,
        error: str | None = None,
        message: str = "",
        *,
        status: int | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next ``times`` requests with an error: by its name, its status, or both.

        SDKs retry throttling and server errors: each attempt is a request.

        Raises:
            ValueError: the name is unknown, or a number out of its range.
        """
        self.parts.engine.next_error(error_plan(error, status, message), times)

    def reset(self) -> None:
        """Return to the start: the fixtures given then, no journal, sequences at 0, no errors."""
        self.parts.catalog.drop_added()
        self.parts.engine.reset()

    def verify(
        self,
        match: Mapping[str, object] | None = None,
        *,
        times: Times = None,
        outcome: str | None = None,
        status: int | None = None,
    ) -> list[JournalEntry]:
        """Verify how often requests came that meet ``match``; return them, oldest first.

        ``times`` is a number, ``"never"``, or one of ``{"atLeast": 1}``, ``{"atMost": 3}``,
        ``{"between": [1, 3]}``, ``{"exact": 2}``; by default at least once. ``outcome`` is how
        their answers must have ended, and ``status`` their status.

        Raises:
            AssertionError: there were fewer or more; it says what came closest, and what failed.
            FixtureError: the match has faults.
            ValueError: times, outcome or status have a value that is not allowed.
        """
        __tracebackhide__ = True
        found = verify(self.parts.engine, match or {}, times=times, outcome=outcome, status=status)
        if not found.verified:
            raise AssertionError(found.message)
        return list(found.matched)

    def start(self) -> Self:
        """Listen and answer, until :meth:`stop`. Returns the server itself.

        Raises:
            RuntimeError: it runs already.
            OSError: the address cannot be listened on.
        """
        self._lifetime.begin(self._start_app if self._asgi else self._start_native)
        return self

    def stop(self) -> None:
        """Answer what was asked, for ``drain_timeout`` seconds, and end.

        Does nothing where the server does not run.
        """
        self._url = self._certificate = None
        self._lifetime.end()

    def __enter__(self) -> Self:
        return self.start()

    def _start_native(self, stack: ExitStack) -> None:
        server = NativeServer(self._app, self._place, drain_timeout=self._drain_timeout)
        running = server.start()
        stack.callback(lambda: server.stop(at_once=self._lifetime.at_once))
        self._url, self._certificate = running.url, running.certificate

    def _start_app(self, stack: ExitStack) -> None:
        place, lifetime = self._place, self._lifetime
        listening = listen(place.host, place.port)
        stack.callback(listening.close)
        host = HostThread(
            self._app,
            listening,
            drain_timeout=self._drain_timeout,
            max_connections=place.max_connections,
        )
        lifetime.in_child(host.listening())
        stack.callback(lambda: host.stop(at_once=lifetime.at_once))
        self._url = url_of(*listening.getsockname()[:2])

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

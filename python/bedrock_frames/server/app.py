"""The portable server as a Starlette app: any ASGI host runs it, any other app may mount it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from bedrock_frames import bounds
from bedrock_frames._core import MAX_IN_FLIGHT, Engine
from bedrock_frames.bedrock import request_rules
from bedrock_frames.server import metrics
from bedrock_frames.server.catalog import Catalog, gather
from bedrock_frames.server.control import Control, Refused, on_refused
from bedrock_frames.server.endpoint import BedrockRoute
from bedrock_frames.server.guard import ControlPolicy, check_origin
from bedrock_frames.server.misses import log_misses
from bedrock_frames.server.strays import Strays

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from starlette.requests import Request

    from bedrock_frames.bedrock.request_rules import Requests
    from bedrock_frames.server.catalog import FixtureSource, StrPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of an app, for code in the same process: ``app.state.parts``."""

    engine: Engine
    catalog: Catalog
    figures: metrics.Figures
    control: ControlPolicy
    cors: str | None


def create_app(
    fixtures: FixtureSource = (),
    *,
    seed: int = 0,
    strict: bool = False,
    padding: bool = True,
    timing: Mapping[str, object] | None = None,
    journal_entries: int = 1000,
    journal_body_bytes: int = 1_048_576,
    max_body_bytes: int = 25_000_000,
    max_sessions: int = 10_000,
    max_in_flight: int = MAX_IN_FLIGHT,
    watch: StrPath | Sequence[StrPath] = (),
    control: bool = True,
    control_token: str | None = None,
    control_hosts: Sequence[str] = (),
    cors: str | None = None,
    requests: Requests = "off",
    rules_off: Collection[str] = (),
) -> Starlette:
    """Return an app that answers Bedrock Runtime requests from fixtures.

    Args:
        fixtures: a set, files or folders, or fixtures as JSON objects.
        seed: the seed of padding, request ids, weights and jitter.
        strict: answer a request that nothing matches with a 503 instead of a 404.
        padding: whether event payloads carry the ``p`` of the real service.
        timing: of fixtures that state none, such as ``{"ttft_ms": 600, "gap_ms": 48}``.
        journal_entries: the number of requests that the journal keeps; 0 turns it off.
        journal_body_bytes: the bytes of each body that the journal keeps.
        max_in_flight: the limit of requests in flight; further ones get a 503.
        watch: a file or folder, or several, whose changes put their fixtures in the place of
            ``fixtures``, while the host runs the app's lifespan.
        control: whether the control API (``/__control``, ``/__aimock``) is served.
        control_token: the token that a request to it must carry. Without one, requests of
            programs on this machine are accepted, those of web pages are refused.
        cors: the origin whose pages may read Bedrock's answers, ``scheme://host[:port]``, or ``*``.
        requests: whether requests of Converse are judged by the service's rules: "off",
            "warn" to note what they break, or "refuse" to answer them as the service does.
        rules_off: ids of rules that are not used.
        control_hosts: names that a ``Host`` may have there, beside IP addresses and localhost.

    Raises:
        FixtureError: with all faults of all fixtures.
        ValueError: an option is out of its range.
    """
    bounds.check(
        seed=seed,
        journal_entries=journal_entries,
        journal_body_bytes=journal_body_bytes,
        max_body_bytes=max_body_bytes,
        max_sessions=max_sessions,
        max_in_flight=max_in_flight,
    )
    request_rules.check_names(rules_off)
    if cors is not None:
        check_origin(cors)
    policy = ControlPolicy(enabled=control, token=control_token, hosts=_names(control_hosts))
    watched = _paths(watch)
    engine = Engine(
        seed=seed,
        strict=strict,
        max_body_bytes=max_body_bytes,
        journal_entries=journal_entries,
        journal_body_bytes=journal_body_bytes,
        max_sessions=max_sessions,
        timing=timing,
        requests=requests,
        request_rules=None if requests == "off" else request_rules.compiled(rules_off),
    )
    catalog = Catalog(engine, gather(fixtures), seed=seed, padding=padding, timing=timing)
    counts = metrics.Counts()
    bedrock = BedrockRoute(
        engine, counts, max_body_bytes=max_body_bytes, max_in_flight=max_in_flight, cors=cors
    )
    strays = Strays(engine)
    figures = metrics.Figures(counts, engine, strays.counts)

    async def show_metrics(request: Request) -> Response:  # noqa: ARG001
        return Response(generate_latest(figures), media_type=CONTENT_TYPE_LATEST)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        stop = asyncio.Event()
        logging_misses = asyncio.create_task(log_misses(engine, stop))
        watcher = None
        if watched:
            from bedrock_frames.server.watch import Watcher

            watcher = Watcher(catalog, watched)
        try:
            yield
        finally:
            if watcher is not None:
                await watcher.stop()
            stop.set()
            await logging_misses

    app = Starlette(
        routes=[
            bedrock,
            *Control(engine, catalog, policy).routes(),
            Route("/metrics", show_metrics),
        ],
        exception_handlers={Refused: on_refused, HTTPException: strays.on_http_exception},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.parts = Parts(
        engine=engine, catalog=catalog, figures=figures, control=policy, cors=cors
    )
    return app


def _names(hosts: Sequence[str]) -> tuple[str, ...]:
    """Return host names.

    Raises:
        ValueError: it is a string, not a list of strings.
    """
    if isinstance(hosts, str):
        raise ValueError(f"control_hosts is a list of host names, not {hosts!r}")
    return tuple(hosts)


def _paths(watch: object) -> list[StrPath]:
    """Return what is to be watched.

    Raises:
        ValueError: it is neither a path nor several.
    """
    if isinstance(watch, str | os.PathLike):
        return [watch]
    if isinstance(watch, Iterable):
        paths = list(watch)
        if all(isinstance(path, str | os.PathLike) for path in paths):
            return paths
    raise ValueError(f"watch is a file or folder, or several, not {watch!r}")


def parts_of(app: Starlette) -> Parts:
    """Return the parts of an app of :func:`create_app`."""
    return cast("Parts", app.state.parts)

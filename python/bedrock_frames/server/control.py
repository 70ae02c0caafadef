"""The control API: fixtures, journal, errors and resets while the server runs.

Under ``/__control``, and under ``/__aimock`` with the routes and answers of that server.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
from typing import TYPE_CHECKING, Final, NoReturn, TypeAlias, cast

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bedrock_frames._core import MAX_APP_BODIES_BYTES, MAX_APP_BODY_BYTES
from bedrock_frames.bedrock.words import allowed_instead, quoted
from bedrock_frames.fixtures import FixtureError
from bedrock_frames.fixtures.format.base import is_comment
from bedrock_frames.fixtures.loading import TOP_KEYS
from bedrock_frames.fixtures.sources import parse_json
from bedrock_frames.server.endpoint import ClientLeft, read_body
from bedrock_frames.server.guard import GuardedRoutes
from bedrock_frames.server.threads import in_thread
from bedrock_frames.server.typed import error_plan
from bedrock_frames.server.verify import verify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import Message

    from bedrock_frames._core import Engine, JournalEntry
    from bedrock_frames.server.catalog import Catalog
    from bedrock_frames.server.guard import ControlPolicy
    from bedrock_frames.server.verify import Times

    Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_ERROR_KEYS: Final = ("error", "status", "message", "body", "times")
_VERIFY_KEYS: Final = ("match", "times", "outcome", "status")
_NUMBER: Final = re.compile("[0-9]{1,9}")

MAX_ERRORS: Final = 1000
"""The limit of queued one-shot errors."""
PAGE: Final = 1000
"""Journal entries in an answer unless ``limit`` says otherwise."""


class Control:
    """The routes of one server."""

    def __init__(self, engine: Engine, catalog: Catalog, policy: ControlPolicy) -> None:
        self._engine = engine
        self._catalog = catalog
        self._policy = policy
        self._held = 0

    def routes(self) -> list[BaseRoute]:
        """Return all routes."""
        probes = {"/health": self.health, "/ready": self.ready}
        shared = {
            ("GET", "/fixtures"): self.list_fixtures,
            ("POST", "/fixtures"): self.add_fixtures,
            ("DELETE", "/fixtures"): self.delete_fixtures,
            ("GET", "/journal"): self.journal,
            ("POST", "/reset/journal"): self.reset_journal,
            ("POST", "/error"): self.next_error,
            ("POST", "/verify"): self.verify,
            **{("GET", path): probe for path, probe in probes.items()},
        }
        own = {
            ("POST", "/reset"): self.reset,
            ("POST", "/reset/sequences"): self.reset_sequences,
            ("GET", "/timing"): self.show_timing,
            ("PUT", "/timing"): self.set_timing,
        }
        theirs = {
            ("POST", "/reset"): self.reset_all,
            ("POST", "/reset/fixtures"): self.reset_all,
        }
        guarded = [*_routes("/__control", shared | own), *_routes("/__aimock", shared | theirs)]
        return [
            *(Route(path, probe) for path, probe in probes.items()),
            GuardedRoutes(guarded, self._policy),
        ]

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """Answer that the process is alive."""
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        """Answer that fixtures are loaded, which they are before the port opens."""
        return JSONResponse({"status": "ready", "fixtures": len(self._catalog)})

    async def list_fixtures(self, request: Request) -> Response:  # noqa: ARG002
        """Show all fixtures in their order."""
        return _json({"count": len(self._catalog), "fixtures": self._catalog.to_json()})

    async def add_fixtures(self, request: Request) -> Response:
        """Add ``{"fixtures": […]}`` to the end, or to the front with ``?position=first``."""
        position = request.query_params.get("position", "last")
        if position not in ("first", "last"):
            return _bad('position is "first" or "last"')
        given = await self._body(request, TOP_KEYS)
        added = given.get("fixtures")
        if not isinstance(added, list):
            return _bad('Missing or invalid "fixtures" array')
        try:
            first = position == "first"
            count = await in_thread(lambda: self._catalog.add(added, first=first))
        except FixtureError as error:
            return _faulty(error)
        return JSONResponse({"added": count})

    async def delete_fixtures(self, request: Request) -> Response:  # noqa: ARG002
        """Drop all fixtures."""
        await in_thread(self._catalog.clear)
        return JSONResponse({"cleared": True})

    async def reset(self, request: Request) -> Response:  # noqa: ARG002
        """Reset to the state at the start: fixtures, timing, an empty journal, sequences at 0."""
        await in_thread(self._catalog.drop_added)
        self._catalog.reset_timing()
        self._engine.reset()
        return JSONResponse({"reset": True})

    async def reset_all(self, request: Request) -> Response:  # noqa: ARG002
        """Reset, and drop the files' fixtures too."""
        await in_thread(self._catalog.clear)
        self._catalog.reset_timing()
        self._engine.reset()
        return JSONResponse({"reset": True})

    async def show_timing(self, request: Request) -> Response:  # noqa: ARG002
        """Show the timing of fixtures that have none."""
        return _json({"timing": self._catalog.timing})

    async def set_timing(self, request: Request) -> Response:
        """Change that timing: ``{"timing": {…}}``, ``"profile:NAME"`` or null for none."""
        given = await self._body(request, ("timing",))
        if "timing" not in given:
            return _bad('Missing "timing": an object, "profile:NAME" or null')
        try:
            self._catalog.set_timing(given["timing"])
        except FixtureError as error:
            return _faulty(error)
        return _json({"timing": self._catalog.timing})

    async def reset_journal(self, request: Request) -> Response:  # noqa: ARG002
        """Empty the journal."""
        self._engine.reset(sequences=False)
        return JSONResponse({"reset": True})

    async def reset_sequences(self, request: Request) -> Response:  # noqa: ARG002
        """Restart all sequences."""
        self._engine.reset(journal=False)
        return JSONResponse({"reset": True})

    async def journal(self, request: Request) -> Response:
        """Show a page of the requests, in either order; ``X-Total-Count`` says how many match."""
        query = request.query_params
        total, entries = self._engine.journal(
            offset=_number(query, "offset") or 0,
            limit=PAGE if (limit := _number(query, "limit")) is None else limit,
            session=query.get("session", query.get("testId")),
            path=query.get("path"),
            method=query.get("method"),
            status=_number(query, "status"),
            newest=_newest(query),
        )
        return Response(
            "[" + ",".join(map(_entry, entries)) + "]",
            media_type="application/json",
            headers={"x-total-count": str(total)},
        )

    async def verify(self, request: Request) -> Response:
        """Count requests that meet ``match``: 200 where they are as many as ``times``, else 406."""
        given = await self._body(request, _VERIFY_KEYS)
        match = given.get("match")
        if not isinstance(match, dict):
            return _bad('Missing or invalid "match" object')
        try:
            found = await in_thread(
                lambda: verify(
                    self._engine,
                    match,
                    times=cast("Times", given.get("times")),
                    outcome=cast("str | None", given.get("outcome")),
                    status=cast("int | None", given.get("status")),
                )
            )
        except FixtureError as error:
            return _faulty(error)
        except ValueError as error:
            return _bad(str(error))
        result = {
            "verified": found.verified,
            "count": len(found.matched),
            "unknown": found.unknown,
            "evicted": found.evicted,
            "message": found.message,
            "requests": [entry.id for entry in found.matched[-PAGE:]],
            "closest": [{"id": entry.id, "failed": why} for entry, why in found.closest],
        }
        return _json(result, status=200 if found.verified else 406)

    async def next_error(self, request: Request) -> Response:
        """Answer the next request, or the next ``times`` of them, with an error.

        ``{"error": "ThrottlingException", "message": …}``, ``{"status": 429, …}`` or both; the
        message may also stand in ``body``.
        """
        given = await self._body(request, _ERROR_KEYS)
        inner = given.get("body")
        message = given.get("message", inner.get("message") if isinstance(inner, dict) else None)
        name, status = given.get("error"), given.get("status")
        if not isinstance(name, str | None):
            return _bad('"error" is a string')
        if isinstance(status, bool) or not isinstance(status, int | None):
            return _bad('"status" is an integer')
        if not isinstance(message, str | None):
            return _bad('"message" is a string')
        times = given.get("times", 1)
        if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MAX_ERRORS:
            return _bad(f'"times" is a whole number from 1 to {MAX_ERRORS}')
        try:
            self._engine.next_error(error_plan(name, status, message or ""), times)
        except ValueError as error:
            return _bad(str(error))
        return JSONResponse({"queued": True})

    async def _body(self, request: Request, allowed: Sequence[str]) -> dict[str, object]:
        """Return a request's JSON object.

        Raises:
            HTTPException: it is not an object, has an unknown key, or is too long; or the bodies of
                other requests take all the memory that is reserved for them.
        """
        taken = 0

        async def receive() -> Message:
            nonlocal taken
            message = await request.receive()
            size = len(message.get("body", b""))
            taken += size
            self._held += size
            if self._held > MAX_APP_BODIES_BYTES:
                raise HTTPException(
                    503,
                    "The bodies of other control requests take too much memory; try again later",
                )
            return message

        try:
            body, _ = await read_body(receive, MAX_APP_BODY_BYTES)
            if len(body) > MAX_APP_BODY_BYTES:
                raise HTTPException(413, f"The body is longer than {MAX_APP_BODY_BYTES} bytes")
            return _read_object(body, allowed)
        except ClientLeft:
            raise HTTPException(400, "The client has left") from None
        finally:
            self._held -= taken


def _routes(prefix: str, handlers: Mapping[tuple[str, str], Handler]) -> Iterator[Route]:
    for (method, path), handler in handlers.items():
        yield Route(prefix + path, handler, methods=[method])


def _entry(entry: JournalEntry) -> str:
    """Write an entry: a body that is JSON as it came, other text, or the text of one that was cut,
    as a string, and what is not UTF-8 as base64.
    """
    known = {
        "id": entry.id,
        "requestId": entry.request_id,
        "timestamp": round(entry.arrived * 1000),
        "method": entry.method,
        "path": entry.path,
        "operation": entry.operation,
        "model": entry.model,
        "session": entry.session,
        "attempt": entry.attempt,
        "headers": entry.headers,
        "response": {
            "status": entry.status,
            "fixture": entry.fixture,
            "place": entry.place,
            "outcome": entry.outcome,
            "interrupted": entry.outcome in ("client_left", "stalled", "cut", "failed"),
            "frames": entry.sent_frames,
            "durationMs": _milliseconds(entry.duration),
            "latenessMs": _milliseconds(entry.lateness),
        },
        "bodyBytes": entry.body_bytes,
    }
    if entry.broken_rules:
        known["brokenRules"] = entry.broken_rules
    whole = len(entry.body) == entry.body_bytes
    known["bodyTruncated"] = not whole
    text = _json_text(entry.body) if whole else None
    if text is None:
        try:
            # A character that was cut is left out.
            plain = codecs.getincrementaldecoder("utf-8")().decode(entry.body, final=whole)
        except UnicodeDecodeError:
            return json.dumps({**known, "bodyBase64": base64.b64encode(entry.body).decode()})
        return json.dumps({**known, "bodyText": plain})
    # Not decoded and encoded again: that would lose duplicate keys, and fail where it is deep.
    return f'{json.dumps(known)[:-1]}, "body": {text}}}'


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _json_text(body: bytes) -> str | None:
    """Return a body that is strict JSON, as text."""
    try:
        text = body.decode()
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _read_object(body: bytes, allowed: Sequence[str]) -> dict[str, object]:
    """Return a JSON object.

    Raises:
        Refused: it is not an object, or has an unknown key.
    """
    try:
        given = parse_json(body.decode("utf-8-sig"), _refuse)
    except (ValueError, RecursionError) as error:
        raise Refused(f"Invalid JSON: {error}") from None
    if not isinstance(given, dict):
        raise Refused("Invalid JSON: an object is expected")
    for key in given:
        if key not in allowed and not is_comment(key):
            raise Refused(f"unknown key {quoted(key)}{allowed_instead(key, allowed)}")
    return given


def _refuse(message: str) -> NoReturn:
    raise Refused(message)


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise Refused(f"{name} is a number below 1,000,000,000, not {text!r}")
    return int(text)


def _newest(query: Mapping[str, str]) -> bool:
    order = query.get("order", "asc")
    if order not in ("asc", "desc"):
        raise Refused(f'order is "asc" (oldest first) or "desc", not {order!r}')
    return order == "desc"


class Refused(HTTPException):
    """A control request that is not valid."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


async def on_refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Answer a control request that is not valid."""
    return _bad(getattr(error, "detail", str(error)))


def _faulty(error: FixtureError) -> Response:
    faults = [{"path": f.path, "message": f.message, "severity": f.severity} for f in error.faults]
    return _json({"error": "Validation failed", "details": faults}, status=400)


def _bad(message: str) -> Response:
    return _json({"error": message}, status=400)


def _json(value: object, *, status: int = 200) -> Response:
    # Escaped to ASCII: a lone surrogate of a fault's path could not be sent otherwise.
    return Response(json.dumps(value), status, media_type="application/json")

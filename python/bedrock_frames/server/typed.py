"""Errors of the app itself, in the form that every AWS SDK reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from bedrock_frames._core import Plan
from bedrock_frames.bedrock import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response


def error_plan(name: str | None, status: int | None, message: str) -> Plan:
    """Return a typed error by its name, its status, or both.

    Raises:
        ValueError: neither is given, the name is unknown, or the status is not one of an error.
    """
    if name is None and status is None:
        raise ValueError('Missing "error" (an AWS name) or "status"')
    if status is not None and not 400 <= status <= 599:
        raise ValueError(f'"status" is between 400 and 599, not {status}')
    if name is None:
        assert status is not None  # noqa: S101 - for the type checker
        name = errors.name_for(status)
    return Plan.error(errors.shape_name(name), message, status=status)


def refusal(
    status: int, message: str, *, name: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a typed error as a response of the app."""
    return JSONResponse(
        {"message": message}, status, headers={"x-amzn-errortype": name, **(headers or {})}
    )


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer unknown paths and wrong methods in the same form."""
    status: int = getattr(error, "status_code", 500)
    reason = "No such route" if status == 404 else getattr(error, "detail", "Refused")
    return refusal(
        status,
        f"{reason}: {request.method} {request.url.path}",
        name="UnknownOperationException" if status in (404, 405) else "ValidationException",
        headers=getattr(error, "headers", None),
    )

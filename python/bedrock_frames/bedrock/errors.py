"""Errors: AWS's names, their statuses, and the names other providers have for them."""

from __future__ import annotations

from typing import Final

from bedrock_frames._core import UnsupportedModel
from bedrock_frames.bedrock import model

__all__ = [
    "BY_STATUS",
    "UNMODELLED",
    "UnsupportedModel",
    "member_name",
    "name_for",
    "shape_name",
    "statuses",
]

BY_STATUS: Final = {
    400: "ValidationException",
    401: "AccessDeniedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    529: "ServiceUnavailableException",
}
"""Bedrock's names of errors, by the statuses of other providers."""

UNMODELLED: Final = {
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "IncompleteSignature": 400,
    "InternalFailure": 500,
    "FTUFormNotFilled": 404,
}
"""Errors of the service that its model does not list."""


def statuses() -> dict[str, int]:
    """Return the HTTP status of every error that may be named."""
    return {**model.error_statuses(), **UNMODELLED}


def name_for(status: int) -> str:
    """Return the AWS name of a bare HTTP status."""
    if status in BY_STATUS:
        return BY_STATUS[status]
    return "ValidationException" if status < 500 else "InternalServerException"


def member_name(name: str) -> str:
    """Return an exception's name inside a stream: the shape's, its first letter small."""
    return name[:1].lower() + name[1:]


def shape_name(name: str) -> str:
    """Return an exception's name outside a stream."""
    return name[:1].upper() + name[1:]

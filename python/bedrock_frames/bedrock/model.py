"""Botocore's own model of Bedrock Runtime, read from the data it ships.

Nothing of an AWS configuration is touched: neither credentials, nor profiles, nor models that a
user has put under ``~/.aws``. What a model allows is asked of :class:`~.shapes.Shape`.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final, TypedDict, cast

from botocore.loaders import Loader

from bedrock_frames.bedrock.shapes import (
    DRIFT_OPTIONAL,
    Blob,
    Boolean,
    Document,
    ListOf,
    MapOf,
    Number,
    Problem,
    Shape,
    String,
    Structure,
)

if TYPE_CHECKING:
    from bedrock_frames.bedrock.words import Path


class _Reference(TypedDict):
    shape: str


class _Shape(TypedDict, total=False):
    type: str
    members: dict[str, _Reference]
    member: _Reference
    value: _Reference
    required: list[str]
    enum: list[str]
    pattern: str
    min: float
    max: float
    union: bool
    document: bool
    exception: bool
    error: dict[str, int]


@functools.cache
def definitions() -> dict[str, _Shape]:
    """Return all shapes as botocore states them, by name."""
    loader = Loader(
        extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False
    )
    data = loader.load_service_model("bedrock-runtime", "service-2")
    return cast("dict[str, _Shape]", data["shapes"])


@functools.cache
def shape(name: str) -> Shape:
    """Return the shape of that name, such as ``"ConverseResponse"``."""
    stated = definitions()[name]
    if stated.get("document"):
        return Document()
    match stated["type"]:
        case "structure":
            return _structure(name, stated)
        case "list":
            return ListOf(shape(stated["member"]["shape"]))
        case "map":
            return MapOf(shape(stated["value"]["shape"]))
        case "string":
            pattern = stated.get("pattern")
            return String(
                name,
                tuple(stated.get("enum", ())),
                re.compile(pattern) if pattern else None,
                int(stated.get("min", 0)),
                int(stated["max"]) if "max" in stated else None,
            )
        case "integer" | "long" as kind:
            # Clients of typed languages cannot read what has more bits.
            limit = 2 ** (31 if kind == "integer" else 63)
            least, most = stated.get("min", -limit), stated.get("max", limit - 1)
            return Number(whole=True, least=max(least, -limit), most=min(most, limit - 1))
        case "float" | "double":
            return Number(whole=False, least=stated.get("min"), most=stated.get("max"))
        case "boolean":
            return Boolean()
        case "blob":
            return Blob(int(stated["max"]) if "max" in stated else None)
        case other:
            raise NotImplementedError(f"shape {name} has type {other}")


def _structure(name: str, stated: _Shape) -> Structure:
    return Structure(
        name,
        frozenset(stated.get("required", ())) - DRIFT_OPTIONAL.get(name, frozenset()),
        stated.get("union", False),
        {key: shape(member["shape"]) for key, member in stated.get("members", {}).items()},
    )


def enum(name: str) -> tuple[str, ...]:
    """Return the values of an enumeration."""
    return tuple(definitions()[name].get("enum", ()))


def check(name: str, value: object, path: Path = ()) -> list[Problem]:
    """Return everything about a value that its shape does not allow."""
    problems: list[Problem] = []
    shape(name).check(value, path, problems)
    return problems


@functools.cache
def error_statuses() -> dict[str, int]:
    """Return the HTTP status of every exception of the service."""
    return {
        name: stated["error"]["httpStatusCode"]
        for name, stated in definitions().items()
        if stated.get("exception")
    }


def _stream_members(stream: str) -> dict[str, str]:
    return {
        key: member["shape"] for key, member in definitions()[stream].get("members", {}).items()
    }


CONVERSE_STREAM: Final = "ConverseStreamOutput"
INVOKE_STREAM: Final = "ResponseStream"


@functools.cache
def stream_exceptions(stream: str) -> dict[str, str]:
    """Return the shape name of every exception of a stream, by its member name."""
    return {k: s for k, s in _stream_members(stream).items() if definitions()[s].get("exception")}

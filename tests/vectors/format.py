"""What a vector says, and its JSON.

Bytes are spelled in hex; ``61*32767`` among the words is one byte repeated. Text of one repeated
character is ``{"repeat": "a", "times": 32767}``.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from tests.support import wire_format as wire

Preset: TypeAlias = Literal["client", "service"]

_RUN: Final = re.compile(rb"(.)\1{63}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Content:
    """What one frame holds."""

    headers: tuple[wire.WireHeader, ...] = ()
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The error that a stream ends in; ``None`` is a field about which nothing is said."""

    error: str
    kind: str | None = None
    offset: int | None = None
    frame_index: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A stream, the messages it begins with, and the error it ends in, if any."""

    name: str
    data: bytes
    limits: Preset = "client"
    messages: tuple[Content, ...] = ()
    fault: Fault | None = None


def spell(data: bytes) -> str:
    """Return bytes in hex, long runs of one byte as ``xx*count``."""
    words = []
    while run := _RUN.search(data):
        rest = data[run.start() :].lstrip(run[1])
        words += [
            data[: run.start()].hex(),
            f"{run[1].hex()}*{len(data) - run.start() - len(rest)}",
        ]
        data = rest
    return " ".join(word for word in (*words, data.hex()) if word)


def unspell(text: str) -> bytes:
    """Return the bytes that :func:`spell` was given."""
    words = (word.partition("*") for word in text.split())
    return b"".join(bytes.fromhex(byte) * int(count or 1) for byte, _, count in words)


def to_json(vector: Vector) -> dict[str, Any]:
    """Return a vector as JSON values."""
    fault = vector.fault
    return {
        "name": vector.name,
        "bytes": spell(vector.data),
        "limits": vector.limits,
        "messages": [
            {
                "headers": [[name, kind, _value_out(value)] for name, kind, value in m.headers],
                "payload": spell(m.payload),
            }
            for m in vector.messages
        ],
        "error": fault
        and {
            "class": fault.error,
            "kind": fault.kind,
            "offset": fault.offset,
            "frame_index": fault.frame_index,
            "position": fault.position,
        },
    }


def from_json(entry: dict[str, Any]) -> Vector:
    """Return the vector that :func:`to_json` was given."""
    error = entry["error"]
    return Vector(
        name=entry["name"],
        data=unspell(entry["bytes"]),
        limits=entry["limits"],
        messages=tuple(
            Content(
                tuple((name, kind, _value_in(kind, value)) for name, kind, value in m["headers"]),
                unspell(m["payload"]),
            )
            for m in entry["messages"]
        ),
        fault=error
        and Fault(
            error=error["class"],
            kind=error["kind"],
            offset=error["offset"],
            frame_index=error["frame_index"],
            position=error["position"],
        ),
    )


def _value_out(value: wire.WireValue) -> object:
    if isinstance(value, bytes):
        return spell(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and len(value) >= 64 and len(set(value)) == 1:
        return {"repeat": value[0], "times": len(value)}
    return value


def _value_in(kind: int, value: Any) -> wire.WireValue:
    if kind == wire.BYTES:
        return unspell(value)
    if kind == wire.UUID_:
        return UUID(value)
    if isinstance(value, dict):
        return str(value["repeat"]) * int(value["times"])
    plain: wire.WireValue = value
    return plain

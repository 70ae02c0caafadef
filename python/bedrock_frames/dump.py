"""``bedrock-frames dump``: a stream as JSON lines, one object a frame."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from contextlib import suppress
from math import isfinite
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, TypeAlias
from uuid import UUID

from bedrock_frames.streams import iter_messages
from bedrock_frames.values import Int8, Int16, Int32, Int64, Timestamp

if TYPE_CHECKING:
    from bedrock_frames._core import Message
    from bedrock_frames.values import HeaderValue

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_INTEGERS: Final[dict[type, str]] = {
    Int8: "int8",
    Int16: "int16",
    Int32: "int32",
    Int64: "int64",
    Timestamp: "timestamp",
}


def dump(source: BinaryIO, out: TextIO) -> None:
    """Write one JSON object a frame to ``out``, each as soon as its frame is complete.

    Raises:
        EventStreamError: the stream is not valid; the frames before the fault have been written.
    """
    offset = 0
    for message in iter_messages(source):
        length = len(message.encode())
        line = {"offset": offset, "length": length, **describe(message)}
        # ASCII: a JSON string may hold what no encoding of stdout can.
        out.write(json.dumps(line, separators=(",", ":"), allow_nan=False))
        out.write("\n")
        out.flush()
        offset += length


def describe(message: Message) -> dict[str, Json]:
    """Return a message as JSON: ``headers`` with their types, and its payload.

    The payload stands under ``payload`` where it is JSON, else under ``payload_base64``. The
    inner JSON of a Bedrock ``chunk`` event stands under ``chunk``.
    """
    headers: list[Json] = [
        {"name": name, **_describe_value(value)} for name, value in message.headers.items()
    ]
    described: dict[str, Json] = {"headers": headers}
    try:
        payload = _parse(message.payload)
    except ValueError:
        described["payload_base64"] = b64encode(message.payload).decode("ascii")
        return described
    described["payload"] = payload
    if message.event_type == "chunk" and isinstance(payload, dict):
        inner = payload.get("bytes")
        if isinstance(inner, str):
            # Some models' bytes are no JSON; the payload shows them as they came.
            with suppress(ValueError):
                described["chunk"] = _parse(b64decode(inner, validate=True))
    return described


def _parse(data: bytes) -> Json:
    # Decoded here, since `json.loads` would guess at UTF-16 and let lone surrogates through.
    text = data.decode("utf-8")
    try:
        parsed: Json = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return parsed


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _refuse(digits)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} has no place in JSON")


def _describe_value(value: HeaderValue) -> dict[str, Json]:
    match value:
        case bool():
            return {"type": "bool", "value": value}
        case int():
            return {"type": _INTEGERS[type(value)], "value": int(value)}
        case str():
            return {"type": "string", "value": value}
        case bytes():
            return {"type": "bytes", "value": b64encode(value).decode("ascii")}
        case UUID():
            return {"type": "uuid", "value": str(value)}

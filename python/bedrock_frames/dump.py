"""``bedrock-frames dump``: a stream as JSON lines, one object a frame."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, BinaryIO, Final, TextIO, TypeAlias
from uuid import UUID

from bedrock_frames.streams import iter_messages
from bedrock_frames.values import Int8, Int16, Int32, Int64, Timestamp

if TYPE_CHECKING:
    from bedrock_frames._core import HeaderValue, Message

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"

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
        out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")))
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
            try:
                described["chunk"] = _parse(b64decode(inner, validate=True))
            except ValueError:
                # Some other model's bytes; the payload shows them as they came.
                pass
    return described


def _parse(data: bytes) -> Json:
    try:
        parsed: Json = json.loads(data, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return parsed


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


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

"""A capture as JSON lines: one for each request, response, frame and end."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, TextIO

from bedrock_frames._core import Decoder, EventStreamError
from bedrock_frames.capture.exchanges import Capture
from bedrock_frames.dump import Json, describe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from bedrock_frames.capture.exchanges import Exchange, Response

EVENT_STREAM = "application/vnd.amazon.eventstream"


def dump(path: str | PathLike[str], out: TextIO) -> Capture:
    """Write the exchanges of a capture to ``out``; return it, with its damage.

    Times are milliseconds after the start of the capture. A frame has the time of the read that
    brought its last byte.

    Raises:
        CaptureError: the file is something else.
        OSError: it cannot be read.
    """
    capture = Capture(path)
    for exchange in capture:
        for line in _lines(exchange):
            # ASCII: a JSON string may hold what no encoding of stdout can.
            out.write(json.dumps({"exchange": exchange.number, **line}, separators=(",", ":")))
            out.write("\n")
        out.flush()
    return capture


def _lines(exchange: Exchange) -> Iterator[dict[str, Json]]:
    request, response = exchange.request, exchange.response
    yield {
        "at_ms": _ms(request.time_ns),
        "request": f"{request.method} {request.target}",
        "headers": [list(pair) for pair in request.headers],
        **_body(request.body),
    }
    if response is not None:
        streamed = response.header("content-type") == EVENT_STREAM
        yield {
            "at_ms": _ms(response.time_ns),
            "status": response.status,
            "headers": [list(pair) for pair in response.headers],
            **({} if streamed else _body(response.body)),
        }
        if streamed:
            yield from _frames(response)
    end: dict[str, Json] = {"outcome": exchange.outcome}
    if exchange.ended_ns is not None:
        end = {"at_ms": _ms(exchange.ended_ns), **end}
    if exchange.error is not None:
        end["error"] = exchange.error
    yield end


def _frames(response: Response) -> Iterator[dict[str, Json]]:
    decoder = Decoder()
    try:
        for chunk in response.chunks:
            for message in decoder.feed(chunk.data):
                yield {"at_ms": _ms(chunk.time_ns), **describe(message)}
        decoder.finish()
    except EventStreamError as error:
        yield {"faulty_stream": f"{error.kind} at byte {error.offset}: {error}"}


def _body(body: bytes) -> dict[str, Json]:
    if not body:
        return {}
    try:
        return {"body": json.loads(body.decode())}
    except (ValueError, RecursionError):
        return {"body_base64": b64encode(body).decode("ascii")}


def _ms(time_ns: int) -> float:
    return time_ns / 1_000_000

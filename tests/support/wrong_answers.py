"""Answers that are wrong on purpose, however they are sent; and what a verifier must call them."""

from dataclasses import dataclass, field
from typing import Final, Literal

from tests.support import wire_format as wire
from tests.support.load_runs import STREAM, answer, event, exception

FRAMES: Final = answer("Hello", " world")
BODY: Final = b"".join(FRAMES)
TEXT: Final = "Hello world"
JSON: Final = "application/json"
SSE: Final = b'event: messageStart\ndata: {"role":"assistant"}\n\n'


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """An answer, how it ends, and what it is to be called."""

    called: str
    parts: tuple[bytes, ...] = ()
    status: int = 200
    media: str = STREAM
    headers: dict[str, str] = field(default_factory=dict)
    ending: Literal["end", "close", "reset", "stall", "go on"] = "end"
    """``go on`` sends the last part again and again."""
    silent: bool = False
    """Whether not even a head is sent."""


def flipped(data: bytes, index: int) -> bytes:
    """Return bytes with a bit that is wrong."""
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def without(index: int) -> tuple[bytes, ...]:
    """Return the right frames but one."""
    return (*FRAMES[:index], *FRAMES[index + 1 :])


DELTA: Final = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": ""}})

FAULTS: Final = {
    "a wrong message CRC": Wrong(called="crc", parts=(flipped(BODY, 150),)),
    "a wrong prelude CRC": Wrong(called="crc", parts=(flipped(BODY, len(FRAMES[0]) + 9),)),
    "a frame with a header that leaves its block": Wrong(
        called="frame", parts=(FRAMES[0], wire.repair(flipped(FRAMES[1], 12)))
    ),
    "a torn frame and a clean end": Wrong(called="truncated", parts=(BODY[:-7],)),
    "a clean end before the metadata": Wrong(called="truncated", parts=tuple(FRAMES[:-1])),
    "nothing but a clean end": Wrong(called="truncated"),
    "a close inside a frame": Wrong(called="truncated", parts=(BODY[:200],), ending="close"),
    "a close between frames": Wrong(called="truncated", parts=(FRAMES[0],), ending="close"),
    "a close before the answer": Wrong(called="reset", silent=True, ending="close"),
    "a reset inside a frame": Wrong(called="reset", parts=(BODY[:200],), ending="reset"),
    "a reset between frames": Wrong(called="reset", parts=(FRAMES[0],), ending="reset"),
    "a reset before the answer": Wrong(called="reset", silent=True, ending="reset"),
    "a missing messageStart": Wrong(called="grammar", parts=without(0)),
    "a missing contentBlockStop": Wrong(called="grammar", parts=without(3)),
    "a missing messageStop": Wrong(called="grammar", parts=without(4)),
    "an unknown event and nothing after it": Wrong(
        called="truncated", parts=(FRAMES[0], event("surprise", {}))
    ),
    "a start with no member set": Wrong(
        called="grammar",
        parts=(FRAMES[0], event("contentBlockStart", {"contentBlockIndex": 0, "start": {}})),
    ),
    "a delta with two members set": Wrong(
        called="grammar",
        parts=(
            *FRAMES[:2],
            event(
                "contentBlockDelta",
                {"contentBlockIndex": 0, "delta": {"text": "x", "type": "text_delta"}},
            ),
        ),
    ),
    "events after the metadata": Wrong(called="grammar", parts=(BODY, FRAMES[1])),
    "an event that is not JSON's object": Wrong(
        called="grammar", parts=(FRAMES[0], event("contentBlockDelta", [1]))
    ),
    "an exception in the stream": Wrong(
        called="exception:throttlingException",
        parts=(*FRAMES[:2], exception("throttlingException")),
    ),
    "an exception and a reset": Wrong(
        called="exception:modelStreamErrorException",
        parts=(FRAMES[0], exception("modelStreamErrorException")),
        ending="reset",
    ),
    "a JSON error with status 200": Wrong(
        called="not_event_stream", parts=(b'{"message":"no"}',), media=JSON
    ),
    "a JSON error that claims to be a stream": Wrong(
        called="not_event_stream", parts=(b'{"message":"Too many requests"}',)
    ),
    "SSE": Wrong(called="not_event_stream", parts=(SSE,), media="text/event-stream"),
    "SSE that claims to be a stream": Wrong(called="not_event_stream", parts=(SSE,)),
    "an error with a header": Wrong(
        called="http:ThrottlingException",
        parts=(b"{}",),
        status=429,
        media=JSON,
        headers={"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/coral/"},
    ),
    "an error with a type in its body": Wrong(
        called="http:ValidationException",
        parts=(b'{"__type":"a.b#ValidationException"}',),
        status=400,
        media=JSON,
    ),
    "an error page": Wrong(called="http:502", parts=(b"<html>",), status=502, media="text/html"),
    "a stall inside a frame": Wrong(called="timeout", parts=(BODY[:300],), ending="stall"),
    "a stall before the first frame": Wrong(called="timeout", ending="stall"),
    "a stall after the last frame": Wrong(called="timeout", parts=(BODY,), ending="stall"),
    "silence": Wrong(called="timeout", silent=True, ending="stall"),
    "never an end": Wrong(called="timeout", parts=(FRAMES[0], DELTA * 100), ending="go on"),
    "another text": Wrong(called="mismatch", parts=tuple(answer("Hello", " word"))),
    "less text": Wrong(called="mismatch", parts=tuple(answer("Hello"))),
}

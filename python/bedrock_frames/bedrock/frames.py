"""Events as frames: header order, compact JSON and padding as the real service writes them."""

from __future__ import annotations

import base64
import functools
import random
from typing import TYPE_CHECKING, Final, Protocol

from bedrock_frames import Template
from bedrock_frames._core import encode_pieces
from bedrock_frames.bedrock.content import compact
from bedrock_frames.bedrock.text import MARK, run_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bedrock_frames.bedrock.content import JsonObject
    from bedrock_frames.bedrock.text import Run

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SHORTEST_PADDING: Final = 2
LONGEST_PADDING: Final = 61
PADDING_KEY: Final = "p"


class Padding(Protocol):
    """Returns the padding of each frame in turn; None for no padding."""

    def __call__(self) -> str | None: ...

    def lengths(self, frames: int) -> list[int] | None:
        """Give the lengths of so many paddings."""


class NoPadding:
    """Gives no padding, as the service before 2024."""

    def __call__(self) -> None:
        """Give none."""

    def lengths(self, frames: int) -> None:
        """Give none."""


class SeededPadding:
    """Gives prefixes of the alphabet, 2 to 61 long, the same for the same seed."""

    def __init__(self, *seed: object) -> None:
        self._draw = random.Random("\0".join(map(str, seed)))  # noqa: S311 - hides nothing here

    def __call__(self) -> str:
        """Give one."""
        return ALPHABET[: self._draw.randint(SHORTEST_PADDING, LONGEST_PADDING)]

    def lengths(self, frames: int) -> list[int]:
        """Give the lengths of so many."""
        return self._draw.choices(range(SHORTEST_PADDING, LONGEST_PADDING + 1), k=frames)


@functools.cache
def _template(message_type: str, name: str) -> Template:
    return Template(
        {
            f":{message_type}-type": name,
            ":content-type": "application/json",
            ":message-type": message_type,
        }
    )


def event_frame(name: str, payload: Mapping[str, object], padding: str | None) -> bytes:
    """Return the frame of an event whose keys are sorted already, but for the padding's."""
    held = dict(payload)
    if padding:
        held = {key: held.get(key, padding) for key in sorted((*held, PADDING_KEY))}
    return _template("event", name).encode(compact(held).encode())


def chunk_frame(data: bytes, padding: str | None) -> bytes:
    """Return the ``chunk`` frame that carries native JSON."""
    return event_frame("chunk", {"bytes": base64.b64encode(data).decode()}, padding)


def event_frames(name: str, payload: Mapping[str, object], padding: Padding) -> list[bytes]:
    """Return the frames of an event: as many as there are pieces where its text is a run."""
    run = run_in(payload)
    if run is None:
        return [event_frame(name, payload, padding())]
    return _run_frames(_template("event", name), run, payload, padding, chunk=False)


def chunk_frames(value: JsonObject, padding: Padding) -> list[bytes]:
    """Return the ``chunk`` frames that carry native JSON, the same way."""
    run = run_in(value)
    if run is None:
        return [chunk_frame(compact(value).encode(), padding())]
    return _run_frames(_template("event", "chunk"), run, value, padding, chunk=True)


def _run_frames(
    template: Template, run: Run, value: Mapping[str, object], padding: Padding, *, chunk: bool
) -> list[bytes]:
    before, _, after = compact(value).partition(f'"{MARK}"')
    lengths = padding.lengths(len(run.pieces))
    return encode_pieces(template, before, run.pieces, after, paddings=lengths, chunk=chunk)


def exception_frame(name: str, body: Mapping[str, object]) -> bytes:
    """Return the frame of an exception, named as its union member: ``throttlingException``."""
    return _template("exception", name).encode(compact(body).encode())

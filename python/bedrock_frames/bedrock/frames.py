"""Events as frames: header order, compact JSON and padding as the real service writes them."""

from __future__ import annotations

import base64
import functools
import random
from typing import TYPE_CHECKING, Final, Protocol

from bedrock_frames import Template
from bedrock_frames.bedrock.content import compact

if TYPE_CHECKING:
    from collections.abc import Mapping

ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SHORTEST_PADDING: Final = 2
LONGEST_PADDING: Final = 61
PADDING_KEY: Final = "p"


class Padding(Protocol):
    """Gives the padding of each frame in turn; None is no padding."""

    def __call__(self) -> str | None: ...


def no_padding() -> None:
    """Give no padding, as the service before 2024."""
    return


def seeded_padding(*seed: object) -> Padding:
    """Give prefixes of the alphabet, 2 to 61 long, the same for the same seed."""
    draw = random.Random("\0".join(map(str, seed)))  # noqa: S311 - hides nothing here
    return lambda: ALPHABET[: draw.randint(SHORTEST_PADDING, LONGEST_PADDING)]


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


def exception_frame(name: str, body: Mapping[str, object]) -> bytes:
    """Return the frame of an exception, named as its union member: ``throttlingException``."""
    return _template("exception", name).encode(compact(body).encode())

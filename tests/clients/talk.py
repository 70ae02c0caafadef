"""How a client is told what to ask, and tells what it got: a line of JSON each, over a pipe.

The scripts beside this module run in environments without this project, so it needs none of it.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Final, NotRequired, TypedDict

REGION: Final = "us-east-1"
MODEL: Final = "us.anthropic.claude-sonnet-4-20250514-v1:0"
"""One that every client knows to stream, to reason and to call tools."""

ROUNDS: Final = 8
"""How often a client's own loop asks before it gives up."""


class Request(TypedDict):
    """What to ask.

    ``tools``: offer the tools, and answer their calls. ``native``: InvokeModel. ``http1``: that
    rather than HTTP/2, for those who speak HTTP/2 by default.
    """

    url: str
    prompt: str
    stream: bool
    tools: NotRequired[bool]
    native: NotRequired[bool]
    http1: NotRequired[bool]


class Turn(TypedDict):
    """What the assistant said at once; ``calls`` are ``[name, input]``."""

    text: str
    reasoning: str
    calls: list[list[Any]]


class Failure(TypedDict):
    """An exception: the names of its classes, its own first, and its text."""

    kinds: list[str]
    message: str


class Reply(TypedDict, total=False):
    """The turns that were taken, or the chunks of a native answer; or why there are none.

    InvokeModel without a stream has one chunk.
    """

    turns: list[Turn]
    chunks: list[Any]
    failure: Failure


def answer_on_stdio(ask: Callable[[Request], Reply]) -> None:
    """Answer every request of stdin on stdout, until stdin ends."""
    # What clients print themselves must not come between the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with replies:
        for line in sys.stdin:
            try:
                reply = ask(json.loads(line))
            except Exception as error:  # noqa: BLE001, RUF100 - the reply says which
                kinds = [kind.__name__ for kind in type(error).__mro__]
                reply = {"failure": {"kinds": kinds, "message": str(error)}}
            print(json.dumps(reply), file=replies, flush=True)


def get_weather(city: str) -> str:
    """Get the weather of a city."""
    return f"rain in {city}"


def get_time(zone: str) -> str:
    """Get the time of a zone."""
    return f"noon in {zone}"


def call_tool(name: str, arguments: dict[str, str]) -> str:
    """Call a tool by its name."""
    tools: dict[str, Callable[..., str]] = {"get_weather": get_weather, "get_time": get_time}
    return tools[name](**arguments)


def schema_of(parameter: str) -> dict[str, Any]:
    """Return the JSON Schema of a tool with one text parameter."""
    return {
        "type": "object",
        "properties": {parameter: {"type": "string"}},
        "required": [parameter],
    }


TOOLS: Final = {"get_weather": schema_of("city"), "get_time": schema_of("zone")}
"""The tools' names, and the schemas of their inputs."""

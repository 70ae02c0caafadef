"""What the families share: the pieces of a native stream, and what a family may refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bedrock_frames.bedrock.content import CitedText, Text
from bedrock_frames.bedrock.errors import UnsupportedModel
from bedrock_frames.bedrock.text import cut
from bedrock_frames.bedrock.words import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bedrock_frames.bedrock.content import Block, JsonObject, Reply
    from bedrock_frames.bedrock.steps import Kind
    from bedrock_frames.bedrock.text import Pieces

INVOCATION_METRICS = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a native stream."""

    value: JsonObject
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a family may know of a request: the model asked for, the form of the body.

    ``body_format`` is the engine's name for it; "anthropic-text" is a body that has a prompt.
    ``prompt`` is that of a body whose answer repeats it.
    ``seed`` makes the ids that the fixture does not give.
    """

    model_id: str
    body_format: str = "unknown"
    seed: tuple[object, ...] = ()
    pieces: Pieces = cut
    """Cuts texts into deltas. A family may give runs, too: what it says of each piece is alike."""
    prompt: str = ""


class Family(Protocol):
    """The native JSON of one family of models."""

    @property
    def __name__(self) -> str: ...
    def matches(self, model_id: str) -> bool:
        """Say whether a model id, bare or with region and ARN, is of the family."""

    def render_body(self, reply: Reply, context: Context) -> JsonObject:
        """Return the body of an InvokeModel answer.

        Raises:
            UnsupportedModel: the family cannot carry what the answer holds.
        """

    def render_chunks(self, reply: Reply, context: Context) -> list[Chunk]:
        """Return the chunks of the stream, invocation metrics left out.

        Raises:
            UnsupportedModel: the family cannot carry what the answer holds.
        """


def refused(block: Block, family: str) -> UnsupportedModel:
    """Return the error that says that a family has no place for a block."""
    return UnsupportedModel(
        f"InvokeModel of {family} cannot carry the fixture's {type(block).__name__} block; "
        f"use Converse, a model that can, or give response.body and response.chunks"
    )


def native_reason(reply: Reply, known: Mapping[str, str], family: str) -> str:
    """Return a family's name of a stop reason.

    Raises:
        UnsupportedModel: it has none, and another one would say something else.
    """
    if reply.stop_reason in known:
        return known[reply.stop_reason]
    raise UnsupportedModel(
        f"InvokeModel of {family} has no name for the stop reason {reply.stop_reason}; it has one "
        f"for {listed(known)}. Use Converse, or give response.body and response.chunks"
    )


def plain_text(reply: Reply, family: str) -> str:
    """Return the text of an answer for a family that has nothing but text.

    Raises:
        UnsupportedModel: it holds something else.
    """
    return "".join(_texts(reply, family))


def _texts(reply: Reply, family: str) -> Iterator[str]:
    for block in reply.blocks:
        match block:
            case Text() | CitedText():
                yield block.text
            case _:
                raise refused(block, family)


def invocation_metrics(reply: Reply) -> JsonObject:
    """Return what the last chunk of every native stream carries."""
    usage = reply.usage
    held: JsonObject = {
        "inputTokenCount": usage.input,
        "outputTokenCount": usage.output,
        "invocationLatency": reply.latency_ms,
        "firstByteLatency": reply.first_byte_ms,
    }
    if usage.cache_read is not None or usage.cache_write is not None:
        held["cacheReadInputTokenCount"] = usage.cache_read or 0
        held["cacheWriteInputTokenCount"] = usage.cache_write or 0
    return held

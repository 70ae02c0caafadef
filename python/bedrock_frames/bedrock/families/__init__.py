"""The native JSON of InvokeModel, one module a family of models.

A family is found by the model id; where that says nothing (an application inference profile, a
made-up name), by the form of the request's body. Where a model takes prompts and messages, the form
of the body is the form of the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_frames.bedrock.errors import UnsupportedModel
from bedrock_frames.bedrock.families import (
    ai21,
    anthropic,
    cohere,
    completion,
    guardrail,
    llama,
    mistral,
    nova,
    openai,
    titan,
)
from bedrock_frames.bedrock.families.base import (
    INVOCATION_METRICS,
    Chunk,
    Context,
    Family,
    invocation_metrics,
)
from bedrock_frames.bedrock.steps import Kind

if TYPE_CHECKING:
    from bedrock_frames.bedrock.content import JsonObject, Reply

FAMILIES: Final[dict[str, Family]] = {
    "anthropic": anthropic,
    "nova": nova,
    "titan": titan,
    "llama": llama,
    "mistral": mistral,
    "cohere": cohere,
    "openai": openai,
}
_COMPLETIONS: Final[dict[str, Family]] = {completion.FORM: completion, ai21.FORM: ai21}
"""Body formats with a bare prompt, which several families share."""

REPEATING: Final = frozenset({ai21.FORM, cohere.PROMPTED})
"""The forms whose answers repeat the prompt."""


def family_of(context: Context) -> Family:
    """Return the family that answers a request.

    Raises:
        UnsupportedModel: neither model id nor body say which.
    """
    if context.body_format in _COMPLETIONS:
        return _COMPLETIONS[context.body_format]
    for family in FAMILIES.values():
        if family.matches(context.model_id):
            return family
    # "anthropic-text" is one of Anthropic's forms.
    named = context.body_format.partition("-")[0]
    if named in FAMILIES:
        return FAMILIES[named]
    raise UnsupportedModel(
        f"no model family is known for {context.model_id!r}, and the body does not show one; "
        f"families: {', '.join(FAMILIES)}"
    )


def is_nova(model_id: str) -> bool:
    """Say whether a model sends a tool's input in one delta."""
    return nova.matches(model_id)


def names_tools_itself(context: Context) -> bool:
    """Say whether a family's native tool ids have another form than Converse's."""
    try:
        return family_of(context) is anthropic
    except UnsupportedModel:
        return False


def native_body(reply: Reply, context: Context) -> JsonObject:
    """Return the body of an InvokeModel answer.

    Raises:
        UnsupportedModel: the family cannot carry what the answer holds, or none is known.
    """
    body = family_of(context).render_body(reply, context)
    return {**body, **guardrail.action(reply), **guardrail.trace(reply)}


def native_chunks(reply: Reply, context: Context) -> list[Chunk]:
    """Return the chunks of an invoke stream, with the metrics on the last.

    Raises:
        UnsupportedModel: as :func:`native_body`.
    """
    chunks = family_of(context).render_chunks(reply, context)
    last = chunks[-1]
    metrics = {INVOCATION_METRICS: invocation_metrics(reply)}
    action = guardrail.action(reply)
    ended = Chunk({**last.value, **metrics, **action, **guardrail.trace(reply)}, last.kind)
    if not action:
        return [*chunks[:-1], ended]
    return [*(_acted(chunk, action) for chunk in chunks[:-1]), ended]


def _acted(chunk: Chunk, action: JsonObject) -> Chunk:
    """Note on each chunk of content what the guardrail did."""
    if chunk.kind is not Kind.CONTENT:
        return chunk
    return Chunk({**chunk.value, **action}, chunk.kind)


__all__ = [
    "FAMILIES",
    "REPEATING",
    "Chunk",
    "Context",
    "Family",
    "family_of",
    "is_nova",
    "names_tools_itself",
    "native_body",
    "native_chunks",
]

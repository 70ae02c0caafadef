"""The target of a benchmark or an examination, and the bodies of requests to it.

A body says one message in the format of the operation and, for InvokeModel, of the model family.
"""

from __future__ import annotations

import json
from typing import Annotated, Final

from pydantic import field_validator

from bedrock_frames.bench.options.auth import NO_AUTH, Auth
from bedrock_frames.bench.options.base import File, Flag, Options

DEFAULT_MODEL: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"

_ENDPOINT: Final = "endpoint"


class Target(Options):
    """The endpoint, the credentials and the message."""

    url: str
    model: Annotated[str, Flag(help="model id", group=_ENDPOINT)] = DEFAULT_MODEL
    auth: Auth = NO_AUTH
    headers: Annotated[
        tuple[tuple[str, str], ...],
        Flag(
            help="a header of every request; may be repeated",
            name="header",
            metavar="NAME:VALUE",
            read=lambda text: _header(text),
            group=_ENDPOINT,
        ),
    ] = ()
    ca_file: Annotated[
        File | None,
        Flag(help="certificates to trust (PEM)", metavar="FILE", group=_ENDPOINT),
    ] = None
    insecure: Annotated[bool, Flag(help="trust any certificate", group=_ENDPOINT)] = False
    message: Annotated[str, Flag(help="the user message", group="request")] = "hello"

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"must begin with http:// or https://, not {url!r}")
        return url


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"--header: a header is NAME:VALUE, not {text!r}")
    return name.strip(), value.strip()


_MOST_TOKENS: Final = 512


def body_of(operation: str, model: str, message: str) -> str:
    """Return a request's body as JSON."""
    content: list[dict[str, object]] = [{"role": "user", "content": [{"text": message}]}]
    if operation.startswith("converse"):
        return json.dumps({"messages": content})
    return json.dumps(_native(model.lower(), message, content))


def _native(model: str, message: str, content: list[dict[str, object]]) -> dict[str, object]:
    """Return a body in the family's format; unknown models get the most common one."""
    if "nova" in model:
        return {"messages": content, "inferenceConfig": {"maxTokens": _MOST_TOKENS}}
    if "titan" in model:
        return {"inputText": message, "textGenerationConfig": {"maxTokenCount": _MOST_TOKENS}}
    if "llama" in model:
        return {"prompt": message, "max_gen_len": _MOST_TOKENS}
    if "cohere" in model:
        return {"message": message, "max_tokens": _MOST_TOKENS}
    said = [{"role": "user", "content": message}]
    if "mistral" in model or "openai" in model:
        return {"messages": said, "max_tokens": _MOST_TOKENS}
    version = "bedrock-2023-05-31"
    return {"anthropic_version": version, "max_tokens": _MOST_TOKENS, "messages": said}

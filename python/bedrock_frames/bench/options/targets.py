"""Bodies of requests that say one thing, in the words of each operation and model family."""

from __future__ import annotations

import json
from typing import Final

_MOST_TOKENS: Final = 512


def body_of(operation: str, model: str, message: str) -> str:
    """Return a request's body as JSON."""
    content: list[dict[str, object]] = [{"role": "user", "content": [{"text": message}]}]
    if operation.startswith("converse"):
        return json.dumps({"messages": content})
    return json.dumps(_native(model.lower(), message, content))


def _native(model: str, message: str, content: list[dict[str, object]]) -> dict[str, object]:
    """Ask as the family does; anything unknown is asked like the one most often met."""
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

"""Token counts in native bodies, for the headers of an answer that is given verbatim."""

from __future__ import annotations

from typing import Final

_INPUT: Final = ("input_tokens", "inputTokens", "prompt_tokens")
_OUTPUT: Final = ("output_tokens", "outputTokens", "completion_tokens")


def native_counts(body: object) -> tuple[int | None, int | None]:
    """Return the (input, output) tokens that a native body states, None where it does not."""
    if not isinstance(body, dict):
        return None, None
    usage = body.get("usage")
    if isinstance(usage, dict):
        return _first(usage, _INPUT), _first(usage, _OUTPUT)
    results = body.get("results")
    result = results[0] if isinstance(results, list) and results else {}
    return (
        _first(body, ("inputTextTokenCount", "prompt_token_count")),
        _first(body, ("generation_token_count",))
        or (_first(result, ("tokenCount",)) if isinstance(result, dict) else None),
    )


def _first(held: dict[str, object], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = held.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None

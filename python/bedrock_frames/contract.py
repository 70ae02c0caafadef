"""What the engine and a fixture compiler agree on: the names of their types.

Imports nothing at run time: the types of :mod:`bedrock_frames._core` are named, not loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bedrock_frames._core import Plan

Operation: TypeAlias = Literal[
    "converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"
]
"""The last segment of the operation's path."""

Compile: TypeAlias = "Callable[[int, int, str, str, str, Mapping[str, object] | None], Plan]"
"""``(fixture, variant, operation, model id, body format, values) -> Plan``.

The body format is "converse", "anthropic", "anthropic-text", "nova", "titan", "llama", "mistral",
"cohere", "openai" or "unknown". ``values`` is None but for dynamic rules: ``user_message``,
``system_message`` and ``tool_result`` (str or None), ``turn`` (int), ``session`` and ``model``
(str); for rules with ``whole`` also ``body`` (bytes).

It is called by any thread of those that Python has made, once for each distinct argument list that
is remembered, and may be called twice for the same one. What it raises is answered by a
ValidationException with its text: a ``ValueError``, such as ``UnsupportedModel``, means that the
fixture cannot be said to that model; anything else is reported through ``sys.unraisablehook`` too.
"""

"""The input of a tool as a model wrote it, which need not be JSON.

A model that reaches ``max_tokens`` inside a tool's input stops there, and some models write what
is malformed. A stream carries the text as it is; a whole answer carries what does parse.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from pydantic_core import from_json

from bedrock_frames.bedrock.words import kind_of

if TYPE_CHECKING:
    from bedrock_frames.bedrock.content import JsonObject


def parse_tool_input(text: str) -> tuple[JsonObject, str | None]:
    """Return the object that a tool's input is, and what is wrong with its text, if anything is.

    Of a text that is not a JSON object, the object is what parses before its fault: the members
    that are complete.
    """
    try:
        held: object = json.loads(text or "{}", parse_constant=_refuse_constant, parse_float=finite)
    except json.JSONDecodeError as error:
        return _before(text[: error.pos]), f"is not JSON: {error}"
    except ValueError as error:
        return {}, f"is not JSON: {error}"
    if not isinstance(held, dict):
        return {}, f"must be a JSON object, not {kind_of(held)}"
    return held, None


def finite(text: str) -> float:
    """Return a number of JSON.

    Raises:
        ValueError: it is beyond what a double holds, and would be written as Infinity.
    """
    number = float(text)
    if number in (float("inf"), float("-inf")):
        shown = text if len(text) <= 30 else f"{text[:29]}…"
        raise ValueError(f"the number {shown} is out of range")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _before(text: str) -> JsonObject:
    try:
        held: object = from_json(text, allow_inf_nan=False, allow_partial=True)
    except ValueError:
        return {}
    return held if isinstance(held, dict) else {}

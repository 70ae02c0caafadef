"""The answers of embedding models: one vector for each input, in the form that a request asks for.

A vector that a fixture does not state is made from its input and the seed: the same input has the
same vector, and its length is 1.
"""

from __future__ import annotations

import base64
import json
import math
import random
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from bedrock_frames.bedrock.content import compact
from bedrock_frames.bedrock.errors import UnsupportedModel
from bedrock_frames.bedrock.identity import uuid
from bedrock_frames.bedrock.text import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bedrock_frames.bedrock.content import JsonObject
    from bedrock_frames.bedrock.families.base import Context

Vector: TypeAlias = "Sequence[float]"

LONGEST: Final = 16_384
"""Dimensions of a vector; no model has more."""
_DIGITS: Final = 8
_DEFAULT: Final = 1024
_DEFAULTS: Final = (
    ("titan-embed-text-v2", 1024),
    ("titan-embed-image", 1024),
    ("titan-embed", 1536),
    ("cohere.embed-v4", 1536),
    ("nova-2-multimodal-embeddings", 3072),
    ("marengo-embed-3", 512),
)
"""Dimensions of a model that a request does not choose."""


MOST_INPUTS: Final = 512
"""Of one request. The services take fewer (Cohere: 96); without a bound, a request of some
kilobytes could ask for gigabytes of vectors."""
MOST_VALUES: Final = 1 << 20
"""Of the vectors that one request gets, all together, where they are made and not stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """What a fixture says of vectors: those of each input, or their dimensions.

    ``shared``: one vector for every input.
    """

    vectors: tuple[Vector, ...] = ()
    shared: bool = False
    dimensions: int | None = None
    input_tokens: int | None = None


def render(embedding: Embedding, request: JsonObject, context: Context) -> tuple[JsonObject, int]:
    """Return the body of an answer, and the tokens of its input.

    Raises:
        UnsupportedModel: the fixture has too few vectors, or the request nothing to embed.
    """
    inputs = _inputs(request)
    if not inputs:
        raise UnsupportedModel("the request has nothing to embed")
    if len(inputs) > MOST_INPUTS:
        raise UnsupportedModel(f"{len(inputs):,} inputs, and at most {MOST_INPUTS} are embedded")
    tokens = embedding.input_tokens
    if tokens is None:
        tokens = sum(estimated_tokens(text) for text in inputs)
    vectors = _vectors(embedding, inputs, request, context)
    return _form(request, context)(vectors, request, context, tokens), tokens


def _inputs(request: JsonObject) -> list[str]:
    """Return each input as text; what is not text, as its JSON."""
    for key in ("inputs", "texts", "images", "input"):
        held = request.get(key)
        if isinstance(held, str):
            return [held]
        if isinstance(held, list) and held:
            return [_text(item) for item in held]
    for key in ("singleEmbeddingParams", "segmentedEmbeddingParams"):
        if isinstance(params := request.get(key), dict):
            sources = {key: params[key] for key in _NOVA_KINDS if key in params}
            return [_text(sources)] if sources else []
    keys = ("inputText", "inputImage", "text", "image", "text_image", "mediaSource")
    given = [request[key] for key in keys if request.get(key) is not None]
    return [_text(given[0] if len(given) == 1 else given)] if given else []


def _text(item: object) -> str:
    """Return the text of an input: the same for a text wherever a form has it."""
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        for key in ("value", "inputText"):
            if isinstance(value := item.get(key), str):
                return value
        if item.keys() == {"text"}:
            return _text(item["text"])
        parts = item.get("content")
        texts = [part.get("text") for part in parts] if isinstance(parts, list) else []
        if texts and all(isinstance(text, str) for text in texts):
            return "\n".join(map(str, texts))
    return compact(item)


def _vectors(
    embedding: Embedding, inputs: Sequence[str], request: JsonObject, context: Context
) -> list[Vector]:
    if embedding.shared:
        return [embedding.vectors[0]] * len(inputs)
    if embedding.vectors:
        if len(embedding.vectors) < len(inputs):
            raise UnsupportedModel(
                f"the fixture has {len(embedding.vectors)} vectors for {len(inputs)} inputs"
            )
        return list(embedding.vectors[: len(inputs)])
    size = _asked_dimensions(request) or embedding.dimensions or _usual_dimensions(context)
    if size * len(inputs) > MOST_VALUES:
        raise UnsupportedModel(
            f"{len(inputs):,} vectors of {size:,} values: at most {MOST_VALUES:,} values are made"
        )
    unit = request.get("normalize") is not False
    return [_made(text, size, unit, context.seed[0] if context.seed else 0) for text in inputs]


def _asked_dimensions(request: JsonObject) -> int | None:
    config = request.get("embeddingConfig")
    params = request.get("singleEmbeddingParams") or request.get("segmentedEmbeddingParams")
    stated = (
        request.get("dimensions"),
        request.get("output_dimension"),
        config.get("outputEmbeddingLength") if isinstance(config, dict) else None,
        params.get("embeddingDimension") if isinstance(params, dict) else None,
    )
    for size in stated:
        if isinstance(size, int) and not isinstance(size, bool) and 0 < size <= LONGEST:
            return size
    return None


def _usual_dimensions(context: Context) -> int:
    if "cohere.embed" in context.model_id and "light" in context.model_id:
        return 384
    return next((size for name, size in _DEFAULTS if name in context.model_id), _DEFAULT)


def _made(text: str, size: int, unit: bool, seed: object) -> Vector:
    chance = random.Random(repr((seed, text)))  # noqa: S311 - made to be repeated
    drawn = [chance.gauss(0, 1) for _ in range(size)]
    length = math.sqrt(sum(value * value for value in drawn)) if unit else 1.0
    return [round(value / (length or 1.0), _DIGITS) for value in drawn]


_Form: TypeAlias = "Callable[[list[Vector], JsonObject, Context, int], JsonObject]"


def _form(request: JsonObject, context: Context) -> _Form:
    model = context.model_id
    if "nova" in model or "singleEmbeddingParams" in request:
        return _nova
    if "cohere." in model or "input_type" in request or "texts" in request:
        return _cohere
    if "marengo" in model:
        return _marengo
    if "inputText" in request or "inputImage" in request:
        return _titan
    return _openai


def _titan(vectors: list[Vector], request: JsonObject, context: Context, tokens: int) -> JsonObject:
    if len(vectors) != 1:
        raise UnsupportedModel(f"Titan embeds one input a request, and this one has {len(vectors)}")
    (vector,) = vectors
    if "embed-image" in context.model_id or "embeddingConfig" in request:
        return {"embedding": vector, "inputTextTokenCount": tokens, "message": None}
    if "v2" not in context.model_id and "embeddingTypes" not in request:
        return {"embedding": vector, "inputTextTokenCount": tokens}
    types = _types(request, "embeddingTypes") or ["float"]
    by_type: JsonObject = {}
    if "binary" in types:
        by_type["binary"] = [int(value > 0) for value in vector]
    if "float" in types:
        by_type["float"] = vector
    held: JsonObject = {"embedding": vector} if "float" in types else {}
    return {**held, "embeddingsByType": by_type, "inputTextTokenCount": tokens}


def _cohere(
    vectors: list[Vector],
    request: JsonObject,
    context: Context,
    tokens: int,  # noqa: ARG001 - one signature
) -> JsonObject:
    types = _types(request, "embedding_types")
    by_type = {name: [_CONVERSIONS[name](vector) for vector in vectors] for name in types}
    held: JsonObject = {
        "id": uuid(*context.seed, "embedding", json.dumps(request, sort_keys=True)),
        "embeddings": by_type if by_type else vectors,
        "response_type": "embeddings_by_type" if by_type else "embeddings_floats",
    }
    return {**held, "texts": request["texts"]} if "texts" in request else held


def _types(request: JsonObject, key: str) -> list[str]:
    stated = request.get(key)
    names = stated if isinstance(stated, list) else []
    return [name for name in names if isinstance(name, str) and name in _CONVERSIONS]


def _signed(vector: Vector) -> list[int]:
    return [max(-128, min(127, round(value * 127))) for value in vector]


def _packed(vector: Vector) -> list[int]:
    bits = [value > 0 for value in vector]
    octets = (bits[at : at + 8] for at in range(0, len(bits), 8))
    return [sum(bit << (7 - place) for place, bit in enumerate(octet)) for octet in octets]


_CONVERSIONS: Final[dict[str, Callable[[Vector], object]]] = {
    "float": list,
    "int8": _signed,
    "uint8": lambda vector: [value + 128 for value in _signed(vector)],
    "binary": lambda vector: [octet - 128 for octet in _packed(vector)],
    "ubinary": _packed,
    "base64": lambda vector: base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode(),
}


_NOVA_KINDS: Final = {
    "text": "TEXT",
    "image": "IMAGE",
    "audio": "AUDIO",
    "video": "AUDIO_VIDEO_COMBINED",
}


def _nova(
    vectors: list[Vector],
    request: JsonObject,
    context: Context,  # noqa: ARG001 - one signature
    tokens: int,  # noqa: ARG001 - one signature
) -> JsonObject:
    params = request.get("singleEmbeddingParams")
    given = params if isinstance(params, dict) else {}
    kind = next((name for key, name in _NOVA_KINDS.items() if key in given), "TEXT")
    return {"embeddings": [{"embeddingType": kind, "embedding": vector} for vector in vectors]}


def _marengo(
    vectors: list[Vector],
    request: JsonObject,  # noqa: ARG001 - one signature
    context: Context,  # noqa: ARG001 - one signature
    tokens: int,  # noqa: ARG001 - one signature
) -> JsonObject:
    return {"data": [{"embedding": vector} for vector in vectors]}


def _openai(
    vectors: list[Vector],
    request: JsonObject,  # noqa: ARG001 - one signature
    context: Context,
    tokens: int,
) -> JsonObject:
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": context.model_id, "usage": usage}

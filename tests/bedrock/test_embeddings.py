"""Embeddings: as many vectors as inputs, in the form that each model and request has."""

import base64
import json
import math
import struct
from typing import Any

import pytest

from bedrock_frames._core import Answer, Engine
from bedrock_frames.fixtures import parse
from tests.support.compiled_answers import faults
from tests.support.engine_requests import Json, ask, conversation, user

TITAN_1, TITAN_2 = "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0"
TITAN_IMAGE, NOVA = "amazon.titan-embed-image-v1", "amazon.nova-2-multimodal-embeddings-v1:0"
COHERE_3, COHERE_4 = "cohere.embed-english-v3", "us.cohere.embed-v4:0"


def engine(*fixtures: Json, seed: int = 0) -> Engine:
    made = Engine()
    read = parse(fixtures)
    made.load(read.rules(), read.compiler(seed=seed))
    return made


def embedding(said: object, **members: Any) -> Json:
    return {"match": {}, "response": {"embedding": said, **members}}


def asked(
    made: Engine, model: str, body: Json, operation: str = "invoke"
) -> tuple[int, dict[str, Any], Answer]:
    answer = ask(made, body, operation=operation, model=model)
    return answer.status, json.loads(answer.body), answer


def embed(model: str, body: Json, said: object = None, seed: int = 0) -> dict[str, Any]:
    made = engine(embedding({} if said is None else said), seed=seed)
    status, found, _ = asked(made, model, body)
    assert status == 200, found
    return found


@pytest.mark.parametrize(
    ("model", "body", "size"),
    [
        (TITAN_1, {}, 1536),
        (TITAN_2, {}, 1024),
        (TITAN_2, {"dimensions": 256}, 256),
        (TITAN_IMAGE, {}, 1024),
        (TITAN_IMAGE, {"embeddingConfig": {"outputEmbeddingLength": 384}}, 384),
    ],
)
def test_titan(model: str, body: Json, size: int) -> None:
    found = embed(model, {"inputText": "hello you", **body})
    assert len(found["embedding"]) == size
    assert math.hypot(*found["embedding"]) == pytest.approx(1, abs=1e-5)
    assert found["inputTextTokenCount"] == 3
    assert ("embeddingsByType" in found) is (model == TITAN_2)
    assert ("message" in found) is (model == TITAN_IMAGE)


def test_titan_has_the_types_that_are_asked_for() -> None:
    body = {"inputText": "hello", "dimensions": 256, "embeddingTypes": ["float", "binary"]}
    found = embed(TITAN_2, body)
    assert found["embeddingsByType"]["float"] == found["embedding"]
    assert found["embeddingsByType"]["binary"] == [int(v > 0) for v in found["embedding"]]
    binary = embed(TITAN_2, {**body, "embeddingTypes": ["binary"]})
    assert "embedding" not in binary
    assert list(binary["embeddingsByType"]) == ["binary"]
    long = embed(TITAN_2, {"inputText": "hello", "normalize": False})["embedding"]
    assert math.hypot(*long) > 2


@pytest.mark.parametrize("model", [COHERE_3, "cohere.embed-multilingual-v3", COHERE_4])
def test_cohere_has_a_vector_for_each_text(model: str) -> None:
    body = {"texts": ["a", "b", "a"], "input_type": "search_document"}
    found = embed(model, body)
    one, two, three = found["embeddings"]
    assert found["response_type"] == "embeddings_floats"
    assert found["texts"] == ["a", "b", "a"]
    assert len(one) == (1536 if model == COHERE_4 else 1024)
    assert one == three != two


def test_cohere_has_the_types_that_are_asked_for() -> None:
    types = ["float", "int8", "uint8", "binary", "ubinary", "base64"]
    inputs = [{"content": [{"type": "text", "text": text}]} for text in ("a", "b")]
    body = {"input_type": "x", "inputs": inputs, "embedding_types": types, "output_dimension": 256}
    found = embed(COHERE_4, body)
    held = found["embeddings"]
    assert found["response_type"] == "embeddings_by_type"
    assert list(held) == types
    assert {len(vectors) for vectors in held.values()} == {2}
    floats = held["float"][0]
    assert [len(held[name][0]) for name in types[:5]] == [256, 256, 256, 32, 32]
    assert all(-128 <= value <= 127 for name in ("int8", "binary") for value in held[name][0])
    assert all(0 <= value <= 255 for name in ("uint8", "ubinary") for value in held[name][0])
    assert [octet - 128 for octet in held["ubinary"][0]] == held["binary"][0]
    assert held["ubinary"][0][0] >> 7 == int(floats[0] > 0)
    unpacked = struct.unpack("<256f", base64.b64decode(held["base64"][0]))
    assert unpacked == pytest.approx(floats, abs=1e-6)


def test_cohere_embeds_pictures() -> None:
    body = {
        "images": ["data:image/png;base64,AA", "data:image/png;base64,BB"],
        "input_type": "image",
    }
    found = embed(COHERE_3, body)
    assert len(found["embeddings"]) == 2
    assert "texts" not in found


@pytest.mark.parametrize(
    ("given", "kind"),
    [({"text": {"value": "a"}}, "TEXT"), ({"image": {"format": "png", "source": {}}}, "IMAGE")],
)
def test_nova(given: Json, kind: str) -> None:
    params = {"embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 384, **given}
    body = {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}
    (found,) = embed(NOVA, body)["embeddings"]
    assert found["embeddingType"] == kind
    assert len(found["embedding"]) == 384


def test_a_text_has_one_vector_in_every_form_and_another_by_seed() -> None:
    titan = embed(TITAN_2, {"inputText": "a"}, {"dimensions": 8})["embedding"]
    texts = embed(COHERE_3, {"texts": ["a"], "input_type": "x"}, {"dimensions": 8})
    inputs = [{"content": [{"type": "text", "text": "a"}]}]
    by_input = embed(COHERE_4, {"inputs": inputs, "input_type": "x"}, {"dimensions": 8})
    params = {"text": {"truncationMode": "END", "value": "a"}}
    nova = embed(NOVA, {"singleEmbeddingParams": params}, {"dimensions": 8})
    assert [titan] == texts["embeddings"] == by_input["embeddings"]
    assert nova["embeddings"][0]["embedding"] == titan
    assert embed(TITAN_2, {"inputText": "a"}, {"dimensions": 8}, seed=1)["embedding"] != titan


def test_stated_vectors_are_sent_as_they_are() -> None:
    assert embed(TITAN_1, {"inputText": "a"}, [0.5, -1])["embedding"] == [0.5, -1]
    body = {"texts": ["a", "b"], "input_type": "x"}
    assert embed(COHERE_3, body, [0.5, -1])["embeddings"] == [[0.5, -1], [0.5, -1]]
    several = [[0.5], [0.25], [0.75]]
    assert embed(COHERE_3, body, several)["embeddings"] == several[:2]


def test_too_few_vectors_are_not_sent() -> None:
    made = engine(embedding([[0.5], [0.25]]))
    body = {"texts": ["a", "b", "c"], "input_type": "x"}
    status, found, _ = asked(made, COHERE_3, body)
    assert status == 400
    assert "2 vectors for 3 inputs" in found["message"]


@pytest.mark.parametrize(
    "body", [{"texts": ["a"] * 10_000}, {"texts": ["a"] * 400, "output_dimension": 16_384}]
)
def test_what_one_request_gets_is_bounded(body: Json) -> None:
    status, found, _ = asked(engine(embedding({})), COHERE_4, body)

    assert status >= 400
    assert "at most" in found["message"]


def test_the_tokens_are_in_a_header() -> None:
    body = {"texts": ["12345678", "1234"], "input_type": "x"}
    _, _, answer = asked(engine(embedding({})), COHERE_3, body)
    assert dict(answer.headers)[b"x-amzn-bedrock-input-token-count"] == b"3"
    made = engine(embedding({}, usage={"inputTokens": 7}, latencyMs=12))
    _, found, answer = asked(made, TITAN_1, {"inputText": "a"})
    headers = dict(answer.headers)
    assert headers[b"x-amzn-bedrock-input-token-count"] == b"7"
    assert headers[b"x-amzn-bedrock-invocation-latency"] == b"12"
    assert found["inputTextTokenCount"] == 7


@pytest.mark.parametrize("match", [{}, {"endpoint": "embedding"}, {"inputText": "a"}])
def test_a_fixture_with_an_embedding_answers_requests_for_one_alone(match: Json) -> None:
    chat = {"match": {}, "response": {"content": "Hi"}}
    made = engine({"match": match, "response": {"embedding": [0.5]}}, chat)
    assert ask(made, {"inputText": "a"}, operation="invoke", model=TITAN_1).fixture == 0
    assert ask(made, {"prompt": "a"}, operation="invoke", model="meta.llama3-8b").fixture == 1
    assert ask(made, conversation(user("a"))).fixture == 1
    assert ask(made, conversation(user("a")), operation="converse-stream").fixture == 1


def test_a_failure_may_be_of_embeddings_alone() -> None:
    error = {"error": {"name": "ThrottlingException", "message": "m"}}
    made = engine(
        {"match": {"endpoint": "embedding"}, "response": error},
        {"match": {}, "response": {"content": "Hi"}},
    )
    assert asked(made, TITAN_1, {"inputText": "a"})[0] == 429
    assert ask(made, conversation(user("a"))).status == 200


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ([], "", "must not be empty"),
        ([0.5, "x"], "[1]", "must be a number, not a string"),
        ([[0.5], []], "[1]", "must not be empty"),
        ([[0.5], [0.5, 0.5]], "", "as many dimensions"),
        ([[0.5], 0.5], "[0]", "must be a number, not an array"),
        ({"dimensions": 0}, ".dimensions", "must be at least 1"),
        ({"size": 8}, ".size", "unknown key"),
        ("x", "", "must be a vector"),
    ],
)
def test_an_invalid_embedding_is_a_fault(said: object, path: str, message: str) -> None:
    found = faults(embedding(said))
    assert [where for where, severity, _ in found if severity == "error"] == [
        f"$.fixtures[0].response.embedding{path}"
    ]
    assert message in found[0][2]


def test_an_embedding_stands_alone() -> None:
    ((path, _, message),) = faults(embedding([0.5], content="x"))
    assert path == "$.fixtures[0].response.embedding"
    assert "stands alone" in message


@pytest.mark.parametrize("model", [TITAN_1, TITAN_2, TITAN_IMAGE])
def test_titan_refuses_several_inputs(model: str) -> None:
    made = engine(embedding({}), seed=0)
    status, found, _ = asked(made, model, {"inputText": "a", "inputs": ["a", "b"]})

    assert status == 400
    assert found["message"].endswith("Titan embeds one input a request, and this one has 2")

"""Fixtures whose response is a Python callable."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bedrock_frames import fixtures
from bedrock_frames._core import Engine, Pending
from bedrock_frames.fixtures import FixtureError, Request
from bedrock_frames.server import create_app
from bedrock_frames.server.app import parts_of
from tests.http_client import CONVERSE, MODEL, asking


def ask(answerer: object, operation: str = "converse", **options: object) -> tuple[int, Any]:
    """Ask an engine whose one fixture is a callable."""
    found = fixtures.parse([{"match": {}, "response": answerer, **options}])
    engine = Engine()
    engine.load(found.rules(), found.compiler())
    body = json.dumps({**asking("What is it?"), "system": [{"text": "Be brief."}]}).encode()
    answer = engine.answer("POST", f"/model/{MODEL}/{operation}".encode(), [], body, arrived=0)
    assert answer is not None
    return answer.status, json.loads(answer.body) if not answer.stream else answer.body


def test_a_callable_sees_the_request_and_answers_it() -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Mapping[str, object]:
        seen.append(request)
        return {"content": f"You asked: {request.user_message}"}

    status, said = ask(answer)

    assert (status, said["output"]["message"]["content"]) == (
        200,
        [{"text": "You asked: What is it?"}],
    )
    (request,) = seen
    assert (request.operation, request.model, request.turn) == ("converse", MODEL, 0)
    assert (request.system_message, request.tool_result) == ("Be brief.", None)
    assert request.body["system"] == [{"text": "Be brief."}]


def test_it_is_called_for_each_request() -> None:
    counted = iter(range(10))
    found = fixtures.parse([{"match": {}, "response": lambda _: {"content": str(next(counted))}}])
    engine = Engine()
    engine.load(found.rules(), found.compiler())
    body = json.dumps(asking("count")).encode()
    texts = []
    for _ in range(3):
        pending = engine.begin("POST", CONVERSE.encode(), [], body, arrived=0)
        assert isinstance(pending, Pending)
        answer = pending.finish()
        texts.append(json.loads(answer.body)["output"]["message"]["content"][0]["text"])
        with pytest.raises(RuntimeError, match="finished before"):
            pending.finish()

    assert texts == ["0", "1", "2"]


def test_it_may_answer_with_anything_that_a_file_may() -> None:
    status, said = ask(lambda _: {"error": {"name": "ThrottlingException", "message": "Slow"}})
    assert (status, said) == (429, {"message": "Slow"})

    status, said = ask(lambda _: {"body": {"native": True}}, "invoke")
    assert (status, said) == (200, {"native": True})

    options: Any = {"chunkSize": 1}
    status, stream = ask(lambda _: {"content": "abc"}, "converse-stream", **options)
    assert stream.count(b"contentBlockDelta") == 3


@pytest.mark.parametrize(
    ("response", "why"),
    [
        ("text", "must be an object, not a string"),
        ({"contnt": "x"}, 'unknown key "contnt"'),
        ({"content": object()}, "is no JSON"),
        ({"content": "\ud800"}, "lone surrogate"),
        ({"content": {"a": float("inf")}}, "is no JSON"),
        ({"content": {1: "a", "1": "b"}}, 'the key "1" stands twice'),
        ({}, "says nothing"),
        ({"body": {}}, "cannot answer converse"),
        ({"toolCalls": [{"arguments": {}}]}, "is required"),
    ],
)
def test_what_is_no_response_is_a_typed_error_that_says_why(response: object, why: str) -> None:
    status, said = ask(lambda _: response, name="asked")

    assert status == 400
    assert said["message"].startswith('Fixture 0 ("asked"): ')
    assert why in said["message"]
    assert "error: " in said["message"]


def test_what_it_raises_is_a_typed_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: Request) -> Mapping[str, object]:
        raise LookupError(f"nothing for {request.session}")

    status, said = ask(answer, name="asked")

    assert status == 400
    assert "LookupError('nothing for default')" in said["message"]
    assert "asked" in caplog.text
    assert "Traceback" in caplog.text


def test_it_stands_in_the_list_of_fixtures_by_its_name() -> None:
    def answer(request: Request) -> Mapping[str, object]:
        return {"content": request.session}

    catalog = parts_of(create_app([{"match": {}, "response": answer}])).catalog
    (stated,) = catalog.to_json()

    assert stated == {"match": {}, "response": {"callable": answer.__qualname__}}


def test_it_stands_alone() -> None:
    def answer(request: Request) -> Mapping[str, object]:
        return {"content": request.session}

    both: Any = {
        "match": {},
        "response": answer,
        "responses": [{"response": {"content": "x"}}],
    }
    with pytest.raises(FixtureError, match="needs exactly one of response, responses"):
        fixtures.parse([both])
    with pytest.raises(FixtureError, match="is no JSON"):
        fixtures.parse([{"match": {"userMessage": answer}, "response": {"content": "x"}}])

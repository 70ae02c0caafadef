"""The JSON Schema that editors use, and the examples that name it."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bedrock_frames.fixtures import json_schema, load
from bedrock_frames.fixtures.sources import parse_json, parse_yaml
from tests.cases import ROOT

EXAMPLES = sorted((ROOT / "examples" / "fixtures").iterdir())
SCHEMA = ROOT / "examples" / "fixtures.schema.json"


def document(path: Path) -> Any:
    text = path.read_text()
    parse = parse_json if path.suffix == ".json" else parse_yaml
    return parse(text, pytest.fail)


def valid(fixture: dict[str, Any]) -> bool:
    schema = jsonschema.Draft202012Validator(json_schema())
    return schema.is_valid({"fixtures": [fixture]})


def test_the_schema_in_the_repository_is_the_one_that_is_printed() -> None:
    assert json.loads(SCHEMA.read_text()) == json_schema()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_every_example_is_served_without_a_word() -> None:
    fixtures = load([ROOT / "examples" / "fixtures"])

    assert len(fixtures) >= len(EXAMPLES)
    assert fixtures.warnings == ()


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_fits_the_schema_that_it_names(path: Path) -> None:
    named = re.search(r'\$schema"?[:=]\s*"?([\w./]+)', path.read_text())

    assert named is not None
    assert (path.parent / named[1]).resolve() == SCHEMA
    jsonschema.validate(document(path), json_schema())


@pytest.mark.parametrize(
    "fixture",
    [
        {"match": {"userMesage": "a"}, "response": {"content": "a"}},
        {"match": {}, "response": {"contnet": "a"}},
        {"match": {}},
        {"match": {}, "response": {}, "responses": []},
        {"match": {"operation": "convers"}, "response": {"content": "a"}},
        {"match": {"model": {"equals": "a", "regex": "b"}}, "response": {"content": "a"}},
        {"match": {}, "response": {"blocks": [{"type": "txt", "text": "a"}]}},
        {"match": {}, "response": {"content": "a"}, "chunkSize": 0},
    ],
)
def test_an_editor_marks_what_is_wrong(fixture: dict[str, Any]) -> None:
    assert not valid(fixture)


def test_an_editor_takes_what_is_right() -> None:
    assert valid({"match": {"model": {"regex": "a"}}, "response": {"content": {"a": 1}}})
    assert valid({"match": {"systemMessage": ["a", {"equals": "b"}]}, "response": {"body": 1}})

"""Comments in fixture files: keys that begin with ``_``, and what stays data all the same."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bedrock_frames.fixtures import check, json_schema, load, parse
from bedrock_frames.pytest_plugin import Bedrock
from tests.answering import answer, faults, stream_events, whole
from tests.cases import CORPUS, needs_corpus
from tests.http_client import ask

COMMENTED: dict[str, Any] = {
    "_comment": "say hello",
    "match": {"_note": 1, "userMessage": {"_why": "case", "regex": "(?i)hello"}},
    "response": {
        "_from": ["a recording"],
        "reasoning": "Hm.",
        "toolCalls": [{"_": None, "name": "f", "arguments": {"_id": 1}}],
        "usage": {"_guess": True, "inputTokens": 1},
        "exceptionAfter": {"_x": 1, "events": 90, "name": "throttlingException"},
    },
    "timing": {"_unit": "ms", "ttft_ms": 1},
    "chaos": {"_off": True},
}
TOP: dict[str, Any] = {
    "_meta": {"sourceHash": "1"},
    "_comment": "top",
    "meta": {"author": "me"},
    "metadata": ["a"],
    "description": {"any": "thing"},
}


def test_a_file_may_have_comments_wherever_the_format_has_keys(tmp_path: Path) -> None:
    document = {**TOP, "fixtures": [COMMENTED]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    loaded = load([tmp_path])

    (fixture,) = loaded
    assert [w.path for w in loaded.warnings] == ["$.fixtures[0].response.exceptionAfter.events"]
    assert fixture.criteria == {"user_message": {"regex": "(?i)hello"}}
    assert loaded.to_json() == [COMMENTED]
    jsonschema.validate(document, json_schema())


def test_fixtures_that_are_added_to_a_running_server_may_have_comments(bedrock: Bedrock) -> None:
    reply = ask(bedrock.url, "POST", "/__control/fixtures", {**TOP, "fixtures": [COMMENTED]})

    assert reply.json == {"added": 1}


def test_keys_of_free_json_that_begin_with_an_underscore_are_data() -> None:
    call = {"toolCalls": [{"name": "f", "arguments": {"_id": 1}}]}
    native: dict[str, Any] = {"body": {"_type": "x"}, "chunks": [{"_type": "x"}]}

    (block,) = whole(answer(call, "converse"))["output"]["message"]["content"]
    assert block["toolUse"]["input"] == {"_id": 1}
    assert json.loads(answer(native, "invoke").body) == {"_type": "x"}
    assert json.loads(answer({"content": {"_a": 1}}, "invoke").body)["content"][0]["text"] == (
        '{"_a":1}'
    )
    stop = {"stopReason": "end_turn", "additionalModelResponseFields": {"_a": 1}}
    events = stream_events(answer({"events": [{"messageStop": stop}]}))
    assert events[0]["messageStop"] == stop


def test_the_name_of_an_event_is_not_a_comment() -> None:
    errors = [
        message
        for _, severity, message in faults({"match": {}, "response": {"events": [{"_e": {}}]}})
        if severity == "error"
    ]

    assert "ConverseStream has no event" in errors[0]


@pytest.mark.parametrize(
    "fixture",
    [
        {"match": {"userMesage": "a"}, "response": {"content": "a"}},
        {"match": {}, "response": {"content": "a"}, "comment": "a"},
        {"match": {"meta": 1}, "response": {"content": "a"}},
        {"match": {}, "response": {"content": "a", "metadata": {}}},
    ],
)
def test_a_key_that_is_neither_known_nor_a_comment_is_an_error(fixture: dict[str, Any]) -> None:
    ((_, severity, message),) = faults(fixture)

    assert (severity, "unknown key" in message) == ("error", True)


def test_a_condition_of_comments_alone_has_no_condition() -> None:
    ((_, _, message),) = faults({"match": {"model": {"_a": 1}}, "response": {"content": "a"}})

    assert message == "needs exactly one of equals, contains, regex"
    schema = jsonschema.Draft202012Validator(json_schema())
    fixture = {"match": {"model": {"_a": 1}}, "response": {"content": "a"}}
    assert not schema.is_valid({"fixtures": [fixture]})


def test_a_match_of_comments_alone_answers_everything() -> None:
    (fixture,) = parse([{"match": {"_any": "thing"}, "response": {"content": "a"}}])

    assert fixture.criteria == {}


@needs_corpus
@pytest.mark.parametrize(
    "path", sorted((CORPUS / "aimock_files").rglob("*.json")), ids=lambda path: path.name
)
def test_a_real_file_of_the_peer_has_no_unknown_key(path: Path) -> None:
    assert [fault for fault in check([path]) if "unknown key" in fault.message] == []

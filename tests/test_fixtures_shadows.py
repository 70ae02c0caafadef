"""Shadows: a fixture that can never answer is told, and no other."""

from typing import Any

import pytest

from bedrock_frames.fixtures import Answerer, Request
from tests.answering import faults

HELLO = {"content": "hello"}


def shadowed(*matches: dict[str, Any]) -> list[tuple[int, str]]:
    answers = ({"content": f"answer {index}"} for index in range(len(matches)))
    fixtures = [{"match": m, "response": r} for m, r in zip(matches, answers, strict=True)]
    return [
        (int(path.removeprefix("$.fixtures[").partition("]")[0]), message)
        for path, severity, message in faults(*fixtures)
        if severity == "error" and "never answers" in message
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"userMessage": "a"}, {"userMessage": "a"}),
        ({"userMessage": "trunc"}, {"userMessage": "slowtrunc"}),
        ({"userMessage": "trunc"}, {"userMessage": {"equals": "a trunc b"}}),
        ({"userMessage": ""}, {"userMessage": "anything"}),
        ({"userMessage": {"equals": "a"}}, {"userMessage": {"equals": "a"}}),
        ({"userMessage": {"regex": "a+"}}, {"userMessage": {"regex": "a+"}}),
        ({"userMessage": "a"}, {"userMessage": "ab", "model": "m"}),
        ({}, {"userMessage": "a"}),
        ({"model": "m"}, {"model": "m", "toolName": "t"}),
        ({"systemMessage": "a"}, {"systemMessage": ["b", "a"]}),
        ({"userMessage": "a", "turnIndex": 1}, {"userMessage": "ab", "turnIndex": 1}),
        ({"userMessage": "a", "sequenceIndex": 0}, {"userMessage": "a", "sequenceIndex": 0}),
        ({"userMessage": "a"}, {"userMessage": "a", "sequenceIndex": 1}),
        ({"hasToolResult": True}, {"hasToolResult": True, "session": "s"}),
        ({"operation": ["converse", "converse-stream"]}, {"operation": "converse", "model": "m"}),
        ({"userMessage": "a"}, {"userMessage": "ab", "operation": "converse-stream"}),
        ({"operation": "count-tokens"}, {"operation": "count-tokens", "userMessage": "a"}),
    ],
)
def test_an_earlier_fixture_that_takes_everything_is_told(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    ((index, message),) = shadowed(earlier, later)

    assert index == 1
    assert "$.fixtures[0].match comes first" in message


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"userMessage": "slowtrunc"}, {"userMessage": "trunc"}),
        ({"userMessage": {"equals": "a"}}, {"userMessage": "a"}),
        ({"userMessage": "A"}, {"userMessage": "a"}),
        ({"operation": "converse"}, {"operation": ["converse", "converse-stream"]}),
        ({"operation": "converse"}, {"operation": "converse-stream"}),
        # Tokens are counted by those alone that name it.
        ({}, {"operation": "count-tokens"}),
        ({"userMessage": "a"}, {"userMessage": "ab", "operation": "count-tokens"}),
        ({"userMessage": {"regex": "a"}}, {"userMessage": "a"}),
        ({"userMessage": "a"}, {"userMessage": {"regex": "a"}}),
        ({"userMessage": "a", "model": "m"}, {"userMessage": "a"}),
        ({"userMessage": "a", "model": "m"}, {"userMessage": "a", "model": "n"}),
        ({"userMessage": "a"}, {"toolName": "a"}),
        ({"userMessage": "a", "sequenceIndex": 0}, {"userMessage": "a"}),
        ({"userMessage": "a", "sequenceIndex": 0}, {"userMessage": "a", "sequenceIndex": 1}),
        # A turn wins over none, wherever it stands.
        ({"userMessage": "a"}, {"userMessage": "a", "turnIndex": 1}),
        ({"userMessage": "a", "turnIndex": 0}, {"userMessage": "a"}),
        ({"userMessage": "a", "hasToolResult": False}, {"userMessage": "a"}),
        ({"systemMessage": ["a", "b"]}, {"systemMessage": "a"}),
        ({"userMessage": "a", "endpoint": "image"}, {"userMessage": "a"}),
    ],
)
def test_a_fixture_that_can_answer_is_left_alone(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    assert shadowed(earlier, later) == []


def test_a_catch_all_that_is_not_last_says_so() -> None:
    ((_, message),) = shadowed({}, {"model": "m"})

    assert message.endswith("it has no conditions. Put it last")


@pytest.mark.parametrize(
    ("first", "second", "severity"),
    [
        ({}, {}, "warning"),
        ({"name": "a", "_comment": "a"}, {"description": "b", "metadata": {}}, "warning"),
        ({}, {"response": {"content": "bye"}}, "error"),
        ({}, {"timing": {"ttft_ms": 1}}, "error"),
    ],
)
def test_a_shadow_inside_a_file_is_an_error_where_the_answers_differ(
    first: dict[str, Any], second: dict[str, Any], severity: str
) -> None:
    fixtures = [{"match": {}, "response": HELLO, **options} for options in (first, second)]
    ((path, found, message),) = faults(*fixtures)

    assert (path, found) == ("$.fixtures[1].match", severity)
    assert ("with the same answer" in message) == (severity == "warning")


def test_callables_are_the_same_answer_if_they_are_the_same() -> None:
    def other(_: Request) -> dict[str, object]:
        return {"content": "a"}

    def severities(*answerers: Answerer) -> list[str]:
        return [s for _, s, _ in faults(*({"match": {}, "response": a} for a in answerers))]

    def callable_answer(_: Request) -> dict[str, object]:
        return {"content": "a"}

    assert severities(other, other) == ["warning"]
    assert severities(other, callable_answer) == ["error"]


def test_a_substring_says_which() -> None:
    ((_, message),) = shadowed({"userMessage": "trunc"}, {"userMessage": "slowtrunc"})

    assert message.endswith('"slowtrunc" has "trunc" in it. Put this one before it')


def test_every_shadowed_fixture_is_told_with_the_first_that_shadows_it() -> None:
    found = shadowed({"userMessage": "b"}, {"userMessage": "a"}, {"userMessage": "abc"}, {}, {})

    assert [(index, message.partition(" comes")[0]) for index, message in found] == [
        (2, "never answers: $.fixtures[0].match"),
        (4, "never answers: $.fixtures[3].match"),
    ]


def test_what_only_one_operation_can_answer_shadows_that_operation_alone() -> None:
    body = {"match": {"userMessage": "a"}, "response": {"body": {"a": 1}}}
    text = {"match": {"userMessage": "a"}, "response": HELLO}

    assert faults(body, text) == []
    assert [severity for _, severity, _ in faults(text, body)] == ["error"]


@pytest.mark.parametrize("operation", ["converse", ["converse", "converse-stream"]])
def test_what_no_request_of_its_operations_has_is_told(operation: object) -> None:
    match = {"inputText": "a", "operation": operation}
    ((path, severity, message),) = faults({"match": match, "response": HELLO})

    assert (path, severity) == ("$.fixtures[0].match.inputText", "error")
    assert "a Converse request has no inputText" in message


def test_native_bodies_have_an_input_text() -> None:
    for operation in ("invoke", ["converse", "invoke"], "count-tokens"):
        match = {"inputText": "a", "operation": operation}
        assert faults({"match": match, "response": HELLO}) == []

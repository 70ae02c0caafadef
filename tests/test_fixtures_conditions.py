"""Conditions on what stands beside the texts of a request: headers, metadata, choices, attempts."""

import json
from typing import Any

import pytest

from bedrock_frames._core import Engine
from bedrock_frames.fixtures import parse
from tests.asking import Json, ask, assistant, calls, conversation, result, user

PICTURE: Json = {"image": {"format": "png", "source": {"bytes": ""}}}
FILE: Json = {"document": {"format": "pdf", "name": "a", "source": {"bytes": ""}}}
HI = conversation(user("hi"))


def blocks(*content: Json) -> Json:
    return conversation({"role": "user", "content": list(content)})


def chosen(choice: Json) -> Json:
    return conversation(user("hi"), toolConfig={"tools": [], "toolChoice": choice})


def holds(
    match: Json, body: Json, headers: dict[str, str] | None = None, operation: str = "converse"
) -> bool:
    made = Engine()
    read = parse([{"match": match, "response": {"content": "a"}}])
    made.load(read.rules(), read.compiler())
    return ask(made, body, headers=headers, operation=operation).fixture == 0


IN_CONVERSE: list[tuple[Json, Json, Json]] = [
    ({"hasImage": True}, blocks({"text": "hi"}, PICTURE), HI),
    ({"hasImage": False}, HI, blocks(PICTURE)),
    ({"hasDocument": True}, blocks({"text": "hi"}, FILE), blocks({"text": "hi"}, PICTURE)),
    ({"hasImage": True}, blocks(PICTURE), conversation(*blocks(PICTURE)["messages"], user("hi"))),
    ({"toolChoice": "any"}, chosen({"any": {}}), chosen({"auto": {}})),
    ({"toolChoice": "auto"}, chosen({"auto": {}}), HI),
    ({"toolChoice": "f"}, chosen({"tool": {"name": "f"}}), chosen({"tool": {"name": "g"}})),
    ({"toolChoice": {"regex": "^f"}}, chosen({"tool": {"name": "fn"}}), chosen({"any": {}})),
    (
        {"guardrail": "g1"},
        {**HI, "guardrailConfig": {"guardrailIdentifier": "g1", "guardrailVersion": "1"}},
        {**HI, "guardrailConfig": {"guardrailIdentifier": "g2", "guardrailVersion": "1"}},
    ),
    (
        {"requestMetadata": {"team": "a", "user": {"contains": "ann"}}},
        {**HI, "requestMetadata": {"team": "a", "user": "joanna"}},
        {**HI, "requestMetadata": {"team": "a"}},
    ),
    (
        {"turnSinceUser": 0},
        conversation(user("a"), assistant("b"), user("c")),
        conversation(
            user("a"), calls("t1"), {"role": "user", "content": [result("t1", {"text": "r"})]}
        ),
    ),
    (
        {"turnSinceUser": 1},
        conversation(
            user("a"),
            assistant("b"),
            user("c"),
            calls("t1"),
            {"role": "user", "content": [result("t1", {"text": "r"})]},
        ),
        conversation(user("a"), assistant("b"), user("c")),
    ),
]


@pytest.mark.parametrize(("match", "met", "unmet"), IN_CONVERSE)
@pytest.mark.parametrize("operation", ["converse", "converse-stream"])
def test_a_condition_holds_for_one_request_and_not_for_another(
    match: Json, met: Json, unmet: Json, operation: str
) -> None:
    assert holds(match, met, operation=operation)
    assert not holds(match, unmet, operation=operation)


def native(**members: Any) -> Json:
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, **HI, **members}


@pytest.mark.parametrize(
    ("match", "body"),
    [
        ({"toolChoice": "any"}, native(tool_choice={"type": "any"})),
        ({"toolChoice": "f"}, native(tool_choice={"type": "tool", "name": "f"})),
        ({"toolChoice": "any"}, native(tool_choice="required")),
        (
            {"toolChoice": "f"},
            native(tool_choice={"type": "function", "function": {"name": "f"}}),
        ),
        ({"hasImage": True}, blocks({"type": "image", "source": {}})),
        ({"hasImage": True}, blocks({"type": "image_url", "image_url": {"url": "x"}})),
        ({"hasDocument": True}, blocks({"type": "document", "source": {}})),
    ],
)
def test_native_bodies_meet_conditions_too(match: Json, body: Json) -> None:
    assert holds(match, body, operation="invoke")
    assert not holds(match, native(), operation="invoke")


def test_invoke_has_its_guardrail_and_its_metadata_in_headers() -> None:
    headers = {
        "X-Amzn-Bedrock-GuardrailIdentifier": "g1",
        "X-Amzn-Bedrock-Request-Metadata": json.dumps({"team": "a"}),
    }
    for match in ({"guardrail": "g1"}, {"requestMetadata": {"team": "a"}}):
        assert holds(match, native(), headers, "invoke")
        assert not holds(match, native(), None, "invoke")
    assert not holds(
        {"requestMetadata": {"team": "a"}},
        native(),
        {**headers, "X-Amzn-Bedrock-Request-Metadata": "["},
        "invoke",
    )


def test_headers_are_found_by_name_in_any_case() -> None:
    match = {"headers": {"X-Tenant": "a", "x-feature": {"contains": "beta"}}}
    assert holds(match, HI, {"x-tenant": "a", "X-Feature": "alpha,beta"})
    assert not holds(match, HI, {"x-tenant": "b", "X-Feature": "beta"})
    assert not holds(match, HI, {"x-tenant": "a"})


@pytest.mark.parametrize(
    ("headers", "attempt"),
    [
        ({}, 1),
        ({"amz-sdk-request": "attempt=1; max=3"}, 1),
        ({"amz-sdk-request": "attempt=2; max=3"}, 2),
        ({"x-stainless-retry-count": "0"}, 1),
        ({"x-stainless-retry-count": "2"}, 3),
    ],
)
def test_an_attempt_is_told_from_the_next(headers: dict[str, str], attempt: int) -> None:
    for wanted in (1, 2, 3):
        assert holds({"attempt": wanted}, HI, headers) is (wanted == attempt)


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ({"attempt": 2}, "whose attempt is 2, not 1"),
        ({"turnSinceUser": 3}, "whose turnSinceUser is 3, not 0"),
        ({"hasImage": True}, "whose hasImage is true, and the current turn has none"),
        ({"headers": {"x-a": "b"}}, 'whose headers "x-a" must equal "b"'),
        ({"requestMetadata": {"a": "b"}}, 'whose requestMetadata "a" must equal "b"'),
        ({"toolChoice": "any"}, 'whose toolChoice must equal "any", and the request has none'),
        ({"guardrail": "g"}, 'whose guardrail must equal "g", and the request has none'),
    ],
)
def test_a_miss_says_which_condition_failed(match: Json, why: str) -> None:
    made = Engine()
    read = parse([{"match": match, "response": {"content": "a"}}])
    made.load(read.rules(), read.compiler())
    assert why in json.loads(ask(made, HI).body)["message"]

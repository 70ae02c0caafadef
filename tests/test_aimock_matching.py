"""aimock's own cases of which fixture answers: its keys, its order, its sequences and turns."""

import json
from typing import Any, Final

import pytest

from bedrock_frames.pytest_plugin import Bedrock
from tests.http_client import JSON, MODEL
from tests.replies import OPERATIONS, body_for, post, said

MISS: Final = "miss"

Json = dict[str, Any]


def user(*content: str | Json) -> Json:
    """Return a user's message; strings are texts."""
    return {"role": "user", "content": [_block(part) for part in content]}


def assistant(*content: str | Json) -> Json:
    return {**user(*content), "role": "assistant"}


def _block(part: str | Json) -> Json:
    return {"text": part} if isinstance(part, str) else part


def result(identifier: str, *content: Json) -> Json:
    return {"toolResult": {"toolUseId": identifier, "content": list(content)}}


def call(identifier: str) -> Json:
    return assistant({"toolUse": {"toolUseId": identifier, "name": "look", "input": {}}})


ASKED: Final = [user("weather?"), call("t1")]


def answer(bedrock: Bedrock, *messages: Json, headers: Json | None = None, **members: Any) -> str:
    """Ask, and return the text of the fixture that answers."""
    body = {"messages": list(messages), **members}
    reply = post(bedrock, "converse", body, headers={**JSON, **(headers or {})})
    if reply.status == 404:
        return MISS
    ((_, text),) = said("converse", reply).blocks
    assert isinstance(text, str)
    return text


def add(bedrock: Bedrock, text: str = "hit", **match: Any) -> None:
    bedrock.add(match=match, response={"content": text})


KEYS: Final[list[tuple[str, Json, list[Json], Json, bool]]] = [
    ("part of the user's text", {"userMessage": "lo"}, [user("hello")], {}, True),
    ("another case", {"userMessage": "Hello"}, [user("hello")], {}, False),
    (
        "only the last user text",
        {"userMessage": "one"},
        [user("one"), assistant("a"), user("two")],
        {},
        False,
    ),
    (
        "a user text before its results",
        {"userMessage": "weather"},
        [*ASKED, user(result("t1", {"text": "18"}))],
        {},
        True,
    ),
    (
        "part of the system text",
        {"systemMessage": "kind"},
        [user("a")],
        {"system": [{"text": "be kind"}]},
        True,
    ),
    (
        "all of the system texts",
        {"systemMessage": ["kind", "brief"]},
        [user("a")],
        {"system": [{"text": "be kind"}, {"text": "be brief"}]},
        True,
    ),
    (
        "one system text missing",
        {"systemMessage": ["kind", "brief"]},
        [user("a")],
        {"system": [{"text": "be kind"}]},
        False,
    ),
    ("no system text at all", {"systemMessage": "kind"}, [user("kind")], {}, False),
    ("a result's id", {"toolCallId": "t1"}, [*ASKED, user(result("t1", {"text": "18"}))], {}, True),
    ("another id", {"toolCallId": "t2"}, [*ASKED, user(result("t1", {"text": "18"}))], {}, False),
    (
        "the first of parallel results",
        {"toolCallId": "t1"},
        [*ASKED, user(result("t1", {"text": "18"}), result("t2", {"text": "noon"}))],
        {},
        True,
    ),
    (
        "a result of JSON",
        {"toolResultContains": "rain"},
        [*ASKED, user(result("t1", {"json": {"said": "rain"}}))],
        {},
        True,
    ),
    (
        "a result beside text",
        {"toolCallId": "t1", "hasToolResult": True},
        [*ASKED, user(result("t1", {"text": "18"}), "and now?")],
        {},
        True,
    ),
    (
        "a result in this turn",
        {"hasToolResult": True},
        [*ASKED, user(result("t1", {"text": "18"}))],
        {},
        True,
    ),
    (
        "a result in an earlier turn",
        {"hasToolResult": True},
        [*ASKED, user(result("t1", {"text": "18"})), assistant("18."), user("thanks")],
        {},
        False,
    ),
    ("no result", {"hasToolResult": False}, [user("a")], {}, True),
    (
        "a tool on offer",
        {"toolName": "look"},
        [user("a")],
        {"toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {}}}}]}},
        True,
    ),
    ("a tool only called", {"toolName": "look"}, ASKED, {}, False),
    ("the endpoint of all Bedrock", {"endpoint": "chat"}, [user("a")], {}, True),
]


@pytest.mark.parametrize(
    ("match", "messages", "members", "hit"),
    [case[1:] for case in KEYS],
    ids=[case[0].replace(" ", "_") for case in KEYS],
)
def test_a_key_holds_or_does_not(
    bedrock: Bedrock, match: Json, messages: list[Json], members: Json, hit: bool
) -> None:
    add(bedrock, **match)

    assert answer(bedrock, *messages, **members) == ("hit" if hit else MISS)


@pytest.mark.parametrize(
    ("stated", "asked", "hit"),
    [
        (MODEL, MODEL, True),
        (MODEL, "amazon.nova-lite-v1:0", False),
        ("anthropic.claude-opus-4", "anthropic.claude-opus-4-20250514-v1:0", True),
        ("anthropic.claude-opus-4", "us.anthropic.claude-opus-4-20250514-v1:0", True),
        ("openai.gpt-4", "openai.gpt-4o", False),
    ],
)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_model_is_itself_or_goes_on_with_a_number(
    bedrock: Bedrock, operation: str, stated: str, asked: str, hit: bool
) -> None:
    add(bedrock, model=stated, userMessage="greet")
    reply = post(bedrock, operation, body_for(operation, "greet"), model=asked)

    assert reply.status == (200 if hit else 404)


def test_the_first_that_matches_answers(bedrock: Bedrock) -> None:
    add(bedrock, "specific", userMessage="hello world")
    add(bedrock, "general", userMessage="hello")
    add(bedrock, "anything")

    assert answer(bedrock, user("hello world")) == "specific"
    assert answer(bedrock, user("hello you")) == "general"
    assert answer(bedrock, user("good day")) == "anything"


def test_a_context_is_told_by_a_header(bedrock: Bedrock) -> None:
    add(bedrock, "of a", context="a")
    add(bedrock, "of any")

    assert answer(bedrock, user("x"), headers={"X-AIMock-Context": "a"}) == "of a"
    assert answer(bedrock, user("x"), headers={"X-AIMock-Context": "ab"}) == "of any"
    assert answer(bedrock, user("x")) == "of any"


def test_a_sequence_goes_step_by_step_and_then_falls_through(bedrock: Bedrock) -> None:
    for step in range(3):
        add(bedrock, f"step {step}", userMessage="go", sequenceIndex=step)
    add(bedrock, "the rest", userMessage="go")
    said_so_far = [answer(bedrock, user("go")) for _ in range(5)]

    assert said_so_far == ["step 0", "step 1", "step 2", "the rest", "the rest"]


def test_sequences_of_different_tests_do_not_meet(bedrock: Bedrock) -> None:
    for step in range(2):
        add(bedrock, f"step {step}", sequenceIndex=step)

    def go(test: str) -> str:
        return answer(bedrock, user("go"), headers={"X-Test-Id": test})

    assert [go("a"), go("b"), go("a"), go("b")] == ["step 0", "step 0", "step 1", "step 1"]


def test_sequences_of_different_contexts_advance_alone(bedrock: Bedrock) -> None:
    for context in "ab":
        for step in range(2):
            add(bedrock, f"{context}{step}", context=context, sequenceIndex=step)

    def go(context: str) -> str:
        return answer(bedrock, user("go"), headers={"X-AIMock-Context": context})

    assert [go("a"), go("b"), go("a"), go("b")] == ["a0", "b0", "a1", "b1"]


def test_an_sdk_s_retry_is_the_same_step(bedrock: Bedrock) -> None:
    for step in range(2):
        add(bedrock, f"step {step}", sequenceIndex=step)

    def attempt(invocation: str, number: int) -> str:
        headers = {
            "amz-sdk-invocation-id": invocation,
            "amz-sdk-request": f"attempt={number}; max=3",
        }
        return answer(bedrock, user("go"), headers=headers)

    assert [attempt("i1", 1), attempt("i1", 2), attempt("i2", 1)] == ["step 0", "step 0", "step 1"]


TALK: Final = [part for turn in range(4) for part in (user("go"), assistant(str(turn)))]


@pytest.mark.parametrize(
    ("turns", "asked", "expected"),
    [
        ([0, 1, 2], [0, 1, 2], ["turn 0", "turn 1", "turn 2"]),
        ([0, 2], [1, 3], ["turn 0", "turn 2"]),
        ([2, 1], [0], ["turn 1"]),
        ([1, None], [0, 1, 2], ["turn None", "turn 1", "turn 1"]),
        ([None, 1], [1], ["turn None"]),
    ],
    ids=["exact", "highest below", "lowest ahead", "fallback ahead", "earlier fallback"],
)
def test_a_turn_is_chosen_by_how_far_the_conversation_is(
    bedrock: Bedrock, turns: list[int | None], asked: list[int], expected: list[str]
) -> None:
    for turn in turns:
        bedrock.add(
            match={} if turn is None else {"turnIndex": turn}, response={"content": f"turn {turn}"}
        )
    found = [answer(bedrock, *TALK[: 2 * spoken], user("go")) for spoken in asked]

    assert found == expected


def test_the_journal_keeps_what_the_client_sent(bedrock: Bedrock) -> None:
    add(bedrock)
    body = {
        "messages": [*ASKED, user(result("t1", {"json": {"said": "rain"}}))],
        "system": [{"text": "be"}, {"text": " kind"}],
        "inferenceConfig": {"maxTokens": 7, "temperature": 0.5},
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"auto": {}},
        },
        "requestMetadata": {"team": "a"},
    }
    post(bedrock, "converse", body)
    (entry,) = bedrock.requests

    assert json.loads(entry.body) == body
    assert (entry.model, entry.operation, entry.status) == (MODEL, "converse", 200)

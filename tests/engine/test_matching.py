"""Which fixture answers: every key alone, keys together, and the order of fixtures."""

from typing import Any

import pytest

from tests.support.engine_requests import (
    MODEL,
    Json,
    assistant,
    calls,
    contains,
    conversation,
    engine,
    equals,
    fixture,
    result,
    rule,
    user,
)

HELLO = conversation(user("hello there"))
SPEC = {"toolSpec": {"name": "get_weather", "inputSchema": {"json": {}}}}
LAST_TOOLS = conversation(
    user("weather?"),
    calls("t1"),
    {"role": "user", "content": [result("t1", {"text": "rain"}), result("t2", {"json": {"a": 1}})]},
)

MATCHES: list[tuple[str, dict[str, Any], Json, bool]] = [
    ("user contains", {"user_message": contains("hello")}, HELLO, True),
    ("user contains is case-sensitive", {"user_message": contains("Hello")}, HELLO, False),
    ("user equals", {"user_message": equals("hello there")}, HELLO, True),
    ("user equals is not a part", {"user_message": equals("hello")}, HELLO, False),
    ("user regex", {"user_message": {"regex": r"^h\w+ t"}}, HELLO, True),
    ("user regex elsewhere", {"user_message": {"regex": r"^there"}}, HELLO, False),
    ("user regex without literals", {"user_message": {"regex": r"\d"}}, HELLO, False),
    (
        "user text is that of the last user message",
        {"user_message": contains("first")},
        conversation(user("first"), assistant("yes"), user("second")),
        False,
    ),
    (
        "a user message without text is passed over",
        {"user_message": contains("look")},
        conversation(user("look"), {"role": "user", "content": [{"image": {}}]}),
        True,
    ),
    (
        "text parts are one text",
        {"user_message": contains("ab")},
        conversation(user("a", "b")),
        True,
    ),
    ("the empty text is in every text", {"user_message": contains("")}, HELLO, True),
    (
        "the empty text needs a text",
        {"user_message": contains("")},
        conversation({"role": "user", "content": [{"image": {}}]}),
        False,
    ),
    (
        "system contains",
        {"system_message": [contains("pirate")]},
        conversation(user("x"), system=[{"text": "be a pirate"}, {"cachePoint": {}}]),
        True,
    ),
    (
        "system needs all",
        {"system_message": [contains("pirate"), contains("polite")]},
        conversation(user("x"), system=[{"text": "be a pirate"}]),
        False,
    ),
    (
        "system has all",
        {"system_message": [contains("pirate"), contains("polite")]},
        conversation(user("x"), system=[{"text": "a polite "}, {"text": "pirate"}]),
        True,
    ),
    ("system is absent", {"system_message": [contains("")]}, HELLO, False),
    ("no system is asked", {"system_message": []}, HELLO, True),
    ("tool call id", {"tool_call_id": equals("t1")}, LAST_TOOLS, True),
    ("any tool call id of the last message", {"tool_call_id": equals("t2")}, LAST_TOOLS, True),
    (
        "tool call id of an older message",
        {"tool_call_id": equals("t1")},
        conversation(*LAST_TOOLS["messages"], assistant("ok"), user("thanks")),
        False,
    ),
    (
        "tool call id beside text",
        {"tool_call_id": equals("t1")},
        conversation({"role": "user", "content": [result("t1"), {"text": "go on"}]}),
        True,
    ),
    ("tool result text", {"tool_result": contains("rai")}, LAST_TOOLS, True),
    ("tool result JSON is compact", {"tool_result": contains('{"a":1}')}, LAST_TOOLS, True),
    (
        "tool result JSON has plain characters",
        {"tool_result": contains('"é"')},
        conversation({"role": "user", "content": [result("t", {"json": ["é"]})]}),
        True,
    ),
    (
        "tool definition",
        {"tool_name": equals("get_weather")},
        conversation(user("x"), toolConfig={"tools": [{"cachePoint": {}}, SPEC]}),
        True,
    ),
    ("a tool that was called is none that is defined", {"tool_name": equals("x")}, HELLO, False),
    ("input text is of native bodies", {"input_text": contains("hello")}, HELLO, False),
    ("tool result in this turn", {"has_tool_result": True}, LAST_TOOLS, True),
    ("tool result wanted absent", {"has_tool_result": False}, LAST_TOOLS, False),
    ("no tool result", {"has_tool_result": False}, HELLO, True),
    (
        "a tool result of an older turn",
        {"has_tool_result": True},
        conversation(*LAST_TOOLS["messages"], assistant("rain"), user("and now?")),
        False,
    ),
    (
        "a tool result beside text is of this turn",
        {"has_tool_result": True},
        conversation(
            user("x"), calls("t"), {"role": "user", "content": [result("t"), {"text": "go on"}]}
        ),
        True,
    ),
    ("operation", {"operation": ["converse"]}, HELLO, True),
    ("another operation", {"operation": ["invoke", "converse-stream"]}, HELLO, False),
    ("session", {"session": equals("s1")}, HELLO, True),
    ("another session", {"session": equals("s2")}, HELLO, False),
    ("context", {"context": equals("c1")}, HELLO, True),
    ("another context", {"context": equals("c")}, HELLO, False),
    ("nothing is asked", {}, HELLO, True),
    (
        "all keys hold",
        {
            "user_message": contains("hello"),
            "session": contains("s"),
            "operation": ["converse"],
            "has_tool_result": False,
        },
        HELLO,
        True,
    ),
    (
        "one key of two fails",
        {"user_message": contains("hello"), "session": equals("s")},
        HELLO,
        False,
    ),
]


@pytest.mark.parametrize(
    ("criteria", "body", "matches"), [pytest.param(*case[1:], id=case[0]) for case in MATCHES]
)
def test_a_key_holds(criteria: dict[str, Any], body: Json, matches: bool) -> None:
    headers = {"x-test-id": "s1", "x-aimock-context": "c1"}
    found = fixture(engine([rule(criteria)]), body, headers=headers)
    assert (found == 0) is matches


@pytest.mark.parametrize(
    ("asked", "model", "matches"),
    [
        ({"model": "anthropic.claude-opus-4"}, "anthropic.claude-opus-4", True),
        ({"model": "anthropic.claude-opus-4"}, "anthropic.claude-opus-4-20250514-v1:0", True),
        ({"model": "anthropic.claude-opus-4"}, "us.anthropic.claude-opus-4-20250514-v1:0", True),
        ({"model": "us.anthropic.claude-opus-4"}, "us.anthropic.claude-opus-4-1-v1:0", True),
        ({"model": "us.anthropic.claude-opus-4"}, "eu.anthropic.claude-opus-4-1-v1:0", False),
        ({"model": "openai.gpt-4"}, "openai.gpt-4o", False),
        ({"model": "openai.gpt-4o"}, "openai.gpt-4o-mini", False),
        (
            {"model": "anthropic.claude-opus-4"},
            "arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-opus-4-1-v1:0",
            True,
        ),
        (
            {"model": "abc123"},
            "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123",
            True,
        ),
        (equals("us.anthropic.claude-opus-4"), "us.anthropic.claude-opus-4", True),
        (equals("anthropic.claude-opus-4"), "us.anthropic.claude-opus-4", False),
        (contains("claude"), "us.anthropic.claude-opus-4", True),
        ({"regex": r"^us\."}, "us.anthropic.claude-opus-4", True),
        ({"regex": r"^eu\."}, "us.anthropic.claude-opus-4", False),
    ],
)
def test_a_model_is_matched_in_every_form(asked: dict[str, str], model: str, matches: bool) -> None:
    assert (fixture(engine([rule({"model": asked})]), HELLO, model=model) == 0) is matches


def test_the_earlier_fixture_answers() -> None:
    made = engine(
        [rule({"user_message": contains("hell")}), rule({"user_message": equals("hello there")})]
    )
    assert fixture(made, HELLO) == 0


def test_a_catch_all_does_not_hide_what_stands_before_it() -> None:
    made = engine(
        [rule({"user_message": contains("bye")}), rule(), rule({"user_message": contains("hello")})]
    )
    assert fixture(made, conversation(user("bye"))) == 0
    assert fixture(made, HELLO) == 1


def test_a_fixture_is_found_among_thousands() -> None:
    made = engine([rule({"user_message": contains(f"<{n}>")}) for n in range(3000)])
    assert [fixture(made, conversation(user(f"ask <{n}>"))) for n in (0, 1499, 2999)] == [
        0,
        1499,
        2999,
    ]
    assert fixture(made, conversation(user("<3000>"))) is None


def test_overlapping_parts_are_all_found() -> None:
    made = engine([rule({"user_message": contains(part)}) for part in ("zz", "bcd", "abcde", "cd")])
    assert fixture(made, conversation(user("abcde"))) == 1
    assert fixture(made, conversation(user("cde"))) == 3


def test_fixtures_with_the_same_text_are_distinguished_by_other_keys() -> None:
    rules = [
        rule({"user_message": contains("go"), "tool_call_id": equals(f"call-{n}")})
        for n in range(500)
    ]
    last = {"role": "user", "content": [result("call-321"), {"text": "go"}]}
    assert fixture(engine(rules), conversation(last)) == 321


def test_loading_replaces_all_fixtures() -> None:
    made = engine([rule({"user_message": contains("hello")})])
    assert fixture(made, HELLO) == 0
    made.load([rule({"user_message": contains("bye")})], lambda *_: pytest.fail("not asked"))
    assert fixture(made, HELLO) is None
    assert made.fixtures == 1


def test_the_model_id_reaches_the_fixture_decoded_once() -> None:
    made = engine([rule({"model": equals("a%3Ab:0")})])
    assert fixture(made, HELLO, model="a%253Ab%3A0") == 0
    assert (
        fixture(engine([rule({"model": equals(MODEL)})]), HELLO, model=MODEL.replace(":", "%3A"))
        == 0
    )

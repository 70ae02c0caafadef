"""Whatever comes in, there is an answer, and it is no server error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_frames._core import Engine
from tests.support.engine_requests import (
    MODEL,
    ask,
    contains,
    conversation,
    engine,
    error,
    rule,
    user,
)

OPERATIONS = [
    "converse",
    "converse-stream",
    "invoke",
    "invoke-with-response-stream",
    "count-tokens",
]
DEPTH = 100_000

KEYS = st.sampled_from(
    ["messages", "role", "content", "text", "toolResult", "toolUseId", "json", "type", "system",
     "tools", "toolConfig", "toolSpec", "function", "name", "prompt", "message", "inputText",
     "texts", "chat_history", "tool_results", "input", "converse", "invokeModel", "body",
     "tool_use_id"]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["user", "assistant", "tool", "system", "text", "tool_result", "e30=", ""])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
VALID = json.dumps(
    conversation(
        user("go"), system=[{"text": "s"}], toolConfig={"tools": [{"toolSpec": {"name": "f"}}]}
    )
).encode()


def every_key() -> Engine:
    text = [contains("x"), {"regex": "x"}, {"equals": "x"}]
    keys = ["user_message", "tool_call_id", "tool_result", "tool_name", "input_text", "session"]
    rules = [rule({key: asked}) for key in keys for asked in text]
    rules += [rule({"system_message": text}), rule({"has_tool_result": True, "sequence_index": 0})]
    return engine(rules, journal_entries=10)


ENGINE = every_key()


def is_no_server_error(body: bytes, **kwargs: Any) -> None:
    for operation in OPERATIONS:
        assert ask(ENGINE, body, operation=operation, **kwargs).status < 500


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_members_of_wrong_types(body: dict[str, Any]) -> None:
    is_no_server_error(json.dumps(body).encode())


@given(VALUES)
def test_contents_of_wrong_types(content: Any) -> None:
    message = {"role": "user", "content": content}
    is_no_server_error(json.dumps(conversation(message)).encode())
    is_no_server_error(json.dumps({"input": {"converse": conversation(message)}}).encode())


@given(st.binary(max_size=200))
def test_bytes_that_mean_nothing(body: bytes) -> None:
    is_no_server_error(body)


@given(st.integers(0, len(VALID)), st.binary(max_size=3))
def test_a_body_that_ends_early(length: int, rest: bytes) -> None:
    is_no_server_error(VALID[:length] + rest)


@given(
    st.text(max_size=8),
    st.binary(max_size=60),
    st.lists(st.tuples(st.binary(max_size=25), st.binary(max_size=60)), max_size=5),
)
def test_methods_targets_and_headers_that_mean_nothing(
    method: str, target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    for path in (target, b"/model/" + target, b"/model/" + target + b"/converse?testId=" + target):
        answer = ENGINE.answer(method, path, headers, VALID, arrived=0.0)
        assert answer is None or answer.status < 500
    ENGINE.journal()


@given(
    st.sampled_from(["authorization", "amz-sdk-request", "x-aimock-strict", "x-test-id"]), st.text()
)
def test_headers_with_values_that_mean_nothing(name: str, value: str) -> None:
    strict = value.strip().lower() in {"1", "true"} and name == "x-aimock-strict"
    assert ask(ENGINE, VALID, headers={name: value}).status == (503 if strict else 404)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEPTH,
        b'{"a":' * DEPTH,
        b'{"messages":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
        b'{"messages":[{"role":"user","content":' + b"[" * DEPTH + b"]" * DEPTH + b"}]}",
        b'{"messages":[{"role":"user","content":[{"toolResult":{"content":[{"json":'
        + b"[" * DEPTH
        + b"]" * DEPTH
        + b"}]}}]}]}",
        b'{"input":{"converse":' + b"[" * DEPTH + b"]" * DEPTH + b"}}",
    ],
    ids=["arrays", "objects", "messages", "content", "tool result", "counted"],
)
def test_deep_json_is_refused(body: bytes) -> None:
    for operation in OPERATIONS:
        answer = ask(ENGINE, body, operation=operation)
        assert error(answer)[:2] == (400, "ValidationException")


def test_deep_json_in_unused_members_is_skipped() -> None:
    deep = b"[" * DEPTH + b"]" * DEPTH
    body = b'{"messages":[{"role":"user","content":[{"image":' + deep + b'}]}],"x":' + deep + b"}"
    assert ask(engine([rule()]), body).status == 200


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"123456789012345678901234567890"])
def test_numbers_beyond_every_type(number: bytes) -> None:
    body = b'{"messages":[{"role":"user","content":[{"toolResult":{"content":[{"json":%s}]}}]}]}'
    assert ask(engine([rule()]), body % number).status in {200, 400}


def test_lone_surrogates_are_refused_where_they_are_read() -> None:
    lone = rb'"\ud83d"'
    read = b'{"messages":[{"role":"user","content":[{"text":%s}]}]}' % lone
    assert error(ask(engine([rule()]), read))[0] == 400
    passed = b'{"x":%s,"messages":[{"role":"user","content":[{"text":"a"}]}]}' % lone
    assert ask(engine([rule()]), passed).status == 200


def test_large_bodies_are_read() -> None:
    body = json.dumps(conversation(user("x" * 20_000_000 + " end"))).encode()
    assert ask(engine([rule({"user_message": contains(" end")})]), body).status == 200


def test_a_text_that_holds_a_part_a_million_times() -> None:
    made = engine([rule({"user_message": contains("a" * n)}) for n in range(1, 50)])
    assert ask(made, conversation(user("a" * 1_000_000))).fixture == 0


@pytest.mark.parametrize("session", ["x" * 100_000, "é" * 200, "\U0001f600" * 100])
def test_long_names_of_sessions_are_cut(session: str) -> None:
    made = engine([rule({"sequence_index": 0})])
    assert ask(made, VALID, headers={"x-test-id": session}).status == 200
    _, [entry] = made.journal()
    assert len(entry.session) <= 256
    assert (entry.model, made.sessions) == (MODEL, 1)

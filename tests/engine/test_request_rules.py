"""Requests of Converse that the service refuses, in its words; and what it does not refuse."""

# ruff: noqa: E501 - messages of the service, as they are

import json
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames._core import Engine
from bedrock_frames.bedrock import request_rules
from tests.support.engine_requests import engine, rule

CLAUDE: Final = "us.anthropic.claude-sonnet-4-20250514-v1:0"
LLAMA: Final = "us.meta.llama3-1-70b-instruct-v1:0"
OPUS: Final = "us.anthropic.claude-opus-4-7"
W: Final = "The model returned the following errors: "
T: Final = {"text": "hi"}


def u(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def a(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def use(i: str, **more: Any) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": i, "name": "f", "input": {}, **more}}


def res(i: str, *content: Any, **more: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": i, "content": list(content or (T,)), **more}}


def tool(schema: Any = None, **more: Any) -> dict[str, Any]:
    spec = {"name": "f", "inputSchema": {"json": schema or {"type": "object"}}, **more}
    return {"toolConfig": {"tools": [{"toolSpec": spec}]}}


def document(name: str) -> dict[str, Any]:
    source = {"bytes": "YQ=="}
    return {"document": {"format": "pdf", "name": name, "source": source}}


def body(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


TC: Final = tool()
POINT: Final = {"cachePoint": {"type": "default"}}
THINK: Final = {"thinking": {"type": "enabled", "budget_tokens": 2000}}


def judging(requests: str = "refuse", off: tuple[str, ...] = ()) -> Engine:
    table = request_rules.compiled(off)
    return engine([rule()], requests=requests, request_rules=table)


def judged(
    request: Any, model: str = CLAUDE, *, made: Engine | None = None, stream: bool = False
) -> tuple[int, str, list[str]]:
    made = made or judging()
    path = f"/model/{model}/converse{'-stream' if stream else ''}".encode()
    text = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = made.answer("POST", path, [], text, arrived=0.0)
    assert answer is not None
    message = json.loads(answer.body)["message"] if answer.status == 400 else ""
    return answer.status, message, made.journal(newest=True)[1][0].broken_rules


REFUSED: Final = [
    (
        "required",
        CLAUDE,
        body({"role": "user", "content": [{"image": {"format": "png"}}]}),
        (
            "1 validation error detected: Value null at 'messages.1.member.content.1.member.image.source' "
            "failed to satisfy constraint: Member must not be null"
        ),
    ),
    (
        "range",
        CLAUDE,
        body(u(T), inferenceConfig={"maxTokens": 0, "temperature": 99}),
        (
            "2 validation errors detected: Value '0' at 'inferenceConfig.maxTokens' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1; Value '99.0' at "
            "'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than "
            "or equal to 1"
        ),
    ),
    (
        "length",
        CLAUDE,
        body(u(T), **tool(description="")),
        (
            "1 validation error detected: Value '' at 'toolConfig.tools.1.member.toolSpec.description' "
            "failed to satisfy constraint: Member must have length greater than or equal to 1"
        ),
    ),
    (
        "pattern",
        CLAUDE,
        body(u(T), a(use("1", name="my tool")), u(res("1")), **TC),
        (
            "1 validation error detected: Value at 'messages.2.member.content.1.member.toolUse.name' "
            "failed to satisfy constraint: Member must satisfy regular expression pattern: "
            "[a-zA-Z0-9_-]+"
        ),
    ),
    (
        "blank-text",
        CLAUDE,
        body(u({"text": ""})),
        (
            "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the "
            "text field, and try again."
        ),
    ),
    (
        "whitespace-text",
        CLAUDE,
        body(u({"text": " "})),
        W + "messages: text content blocks must contain non-whitespace text",
    ),
    (
        "empty-content",
        CLAUDE,
        body(u(T), a(), u(T)),
        (
            "The content field in the Message object at messages.1 is empty. Add a ContentBlock object to "
            "the content field and try again."
        ),
    ),
    (
        "starts-assistant",
        LLAMA,
        body(a(T), u(T)),
        (
            "A conversation must start with a user message. Try again with a conversation that starts with "
            "a user message."
        ),
    ),
    (
        "prefill",
        OPUS,
        body(u(T), a(T)),
        W
        + "This model does not support assistant message prefill. The conversation must end with a "
        "user message.",
    ),
    (
        "result-missing",
        CLAUDE,
        body(u(T), a(use("1"), use("2")), u(T), **TC),
        "Expected toolResult blocks at messages.2.content for the following Ids: 1, 2",
    ),
    (
        "toolconfig-missing",
        CLAUDE,
        body(u(T), a(use("1")), u(res("1"))),
        "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
    ),
    (
        "result-surplus",
        CLAUDE,
        body(u(res("1")), **TC),
        (
            "The number of toolResult blocks at messages.0.content exceeds the number of toolUse blocks of "
            "previous turn."
        ),
    ),
    (
        "result-duplicate",
        CLAUDE,
        body(u(T), a(use("1")), u(res("1"), res("1")), **TC),
        "The toolResult blocks at messages.2.content contain duplicate Ids: 1",
    ),
    (
        "use-duplicate",
        CLAUDE,
        body(u(T), a(use("1"), use("1")), u(res("1")), **TC),
        "The toolUse blocks at messages.1.content contain duplicate Ids: 1",
    ),
    (
        "schema-type",
        CLAUDE,
        body(u(T), **tool({"anyOf": []})),
        (
            "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: "
            "object."
        ),
    ),
    (
        "not-an-object",
        CLAUDE,
        body(u(T), **tool("x")),
        (
            "The format of the value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid. Provide a "
            "json object for the field and try again."
        ),
    ),
    (
        "mixed-result",
        LLAMA,
        body(u(T), a(use("1")), u(res("1"), T), **TC),
        (
            "messages.2.content: Conversation blocks and tool result blocks cannot be provided in the same "
            "turn."
        ),
    ),
    (
        "doc-without-text",
        CLAUDE,
        body(u(document("a"))),
        "A text block must be included when using documents. Add a text block and retry your request.",
    ),
    (
        "doc-duplicate",
        CLAUDE,
        body(u(T, document("a"), document("a"))),
        "Messages can't contain duplicate document names. Rename the document and retry your request.",
    ),
    (
        "temp-deprecated",
        OPUS,
        body(u(T), inferenceConfig={"temperature": 0.5}),
        W + "`temperature` is deprecated for this model.",
    ),
    (
        "thinking-max",
        CLAUDE,
        body(u(T), inferenceConfig={"maxTokens": 2000}, additionalModelRequestFields=THINK),
        W + "`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    (
        "cache-five",
        CLAUDE,
        body(u(T, *[POINT] * 5)),
        W + "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
]


@pytest.mark.parametrize(
    ("name", "model", "request_", "message"), REFUSED, ids=[name for name, *_ in REFUSED]
)
def test_a_request_is_refused_in_the_words_of_the_service(
    name: str, model: str, request_: Any, message: str
) -> None:
    status, said, broken = judged(request_, model)
    assert (status, said, name in broken) == (400, message, True)


@pytest.mark.parametrize(
    ("model", "request_"),
    [
        (CLAUDE, body(u(T), u(T))),
        (LLAMA, body(u(T), u(T))),
        (CLAUDE, body(a(T), u(T))),
        (CLAUDE, body(u(T), a(T))),
        (
            CLAUDE,
            body(u(T), a(use("1")), u({"toolResult": {"toolUseId": "1", "content": []}}), **TC),
        ),
        (CLAUDE, body(u(T), a(use("1")), u(res("1", {"text": ""})), **TC)),
        (CLAUDE, body(u(T), a(use("1")), u(res("1", {"text": " "})), **TC)),
        (CLAUDE, body(u(T), a(use("1")), u(res("1", {"json": {}})), **TC)),
        (CLAUDE, body(u(T), a(T, use("1")), u(res("1"), T), **TC)),
        (CLAUDE, body(u(T), **tool({"type": "object", "$defs": {}, "prefixItems": []}))),
        (CLAUDE, body(u(T, POINT), system=[], inferenceConfig={}, additionalModelRequestFields={})),
        (CLAUDE, body(u(T, *[POINT] * 4))),
        (CLAUDE, body(u(T), inferenceConfig={"maxTokens": 1, "temperature": 1})),
        (CLAUDE, body(u(T, document("a b (1)")))),
    ],
    ids=str,
)
def test_what_the_service_takes_breaks_no_rule(model: str, request_: Any) -> None:
    assert judged(request_, model) == (200, "", [])


def test_unknown_keys_only_warn() -> None:
    request = body(u({"type": "text", "text": "hi"}), stream=True)
    assert judged(request) == (200, "", ["unknown-key"])


def test_warn_answers_and_notes_each_rule_once_in_the_log() -> None:
    made = judging("warn")
    for _ in range(2):
        assert judged(body(u({"text": ""})), made=made) == (200, "", ["blank-text"])
    [line], more = made.take_warnings()
    assert ("breaks rule blank-text at messages.0.content.0" in line, more) == (True, 0)
    assert made.broken_rules == {"blank-text": 2}


def test_a_rule_that_is_off_is_not_used() -> None:
    made = judging(off=("blank-text",))
    assert judged(body(u({"text": ""})), made=made) == (200, "", [])
    with pytest.raises(ValueError, match=r"no request rule is named 'blank': there are blank-stop"):
        request_rules.compiled(["blank"])


@pytest.mark.parametrize("text", [b"0," * 300_000 + b"0", b"[" * 100 + b"]" * 100], ids=len)
def test_large_and_deep_values_are_answered(text: bytes) -> None:
    value = b"[" + text + b"]"
    request = b'{"messages":[{"role":"user","content":[{"text":"hi"}]}],"requestMetadata":%b}'
    assert judged(request % value)[0] == 200


def test_the_page_of_rules_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "request_rules.md"
    assert page.read_text("utf-8") == request_rules.documented()

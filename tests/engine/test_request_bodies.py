"""What requests of the native families say, and what their answers are compiled for."""

import base64
import json
from typing import Any

import pytest

from tests.support.engine_requests import (
    Compiler,
    Json,
    ask,
    assistant,
    contains,
    conversation,
    engine,
    equals,
    error,
    fixture,
    result,
    rule,
    user,
)

ANTHROPIC = "anthropic.claude-3-haiku-20240307-v1:0"


def native(**members: Any) -> Json:
    return members


FORMATS: list[tuple[str, Json, str]] = [
    (ANTHROPIC, conversation({"role": "user", "content": "hi"}), "anthropic"),
    ("my-model", conversation(user("hi"), anthropic_version="bedrock-2023-05-31"), "anthropic"),
    ("my-model", native(prompt="hi", max_tokens_to_sample=5), "anthropic-text"),
    ("mistral.mistral-7b-instruct-v0:2", native(prompt="hi"), "mistral"),
    ("mistral.mistral-large-2402-v1:0", conversation(user("hi")), "openai"),
    ("us.amazon.nova-lite-v1:0", conversation(user("hi")), "nova"),
    ("my-model", conversation(user("hi"), schemaVersion="messages-v1"), "nova"),
    ("amazon.titan-text-express-v1", native(inputText="hi"), "titan"),
    ("my-model", native(inputText="hi"), "titan"),
    ("us.meta.llama3-1-8b-instruct-v1:0", native(prompt="hi"), "llama"),
    ("my-model", native(prompt="hi", max_gen_len=9), "llama"),
    ("mistral.mistral-7b-instruct-v0:2", native(prompt="hi"), "mistral"),
    ("cohere.command-r-v1:0", native(message="hi"), "cohere"),
    ("cohere.embed-english-v3", native(texts=["hi"], input_type="search_query"), "cohere"),
    ("openai.gpt-oss-20b-1:0", conversation({"role": "user", "content": "hi"}), "openai"),
    ("my-model", conversation({"role": "user", "content": "hi"}), "openai"),
    ("my-model", native(taskType="TEXT_IMAGE"), "unknown"),
    ("us.deepseek.r1-v1:0", native(prompt="hi"), "completion"),
    ("us.deepseek.r1-v1:0", conversation(user("hi")), "openai"),
    ("writer.palmyra-x4-v1:0", native(prompt="hi"), "completion"),
    ("qwen.qwen3-32b-v1:0", native(prompt="hi"), "completion"),
    ("my-model", native(prompt="hi"), "completion"),
    ("stability.sd3-5-large-v1:0", native(prompt="hi"), "unknown"),
    ("ai21.j2-ultra-v1", native(prompt="hi"), "ai21-text"),
    ("ai21.jamba-1-5-mini-v1:0", conversation(user("hi")), "openai"),
    ("anthropic.claude-v2:1", native(prompt="hi"), "anthropic-text"),
    ("cohere.command-text-v14", native(prompt="hi"), "cohere-text"),
    ("mistral.mistral-large-2407-v1:0", native(prompt="hi"), "mistral"),
]


@pytest.mark.parametrize(("model", "body", "body_format"), FORMATS)
def test_the_format_of_a_body_is_recognised(model: str, body: Json, body_format: str) -> None:
    compiler = Compiler()
    assert fixture(engine([rule()], compiler), body, operation="invoke", model=model) == 0
    assert [(asked[2], asked[3], asked[4]) for asked in compiler.asked] == [
        ("invoke", model, body_format)
    ]


@pytest.mark.parametrize(
    ("criteria", "body"),
    [
        ({"user_message": equals("hi")}, conversation({"role": "user", "content": "hi"})),
        ({"user_message": equals("hi")}, native(prompt="hi")),
        ({"input_text": equals("hi")}, native(prompt="hi")),
        ({"input_text": equals("hi")}, native(inputText="hi")),
        ({"input_text": equals("a\nb")}, native(texts=["a", "b"])),
        ({"user_message": equals("hi")}, native(message="hi", chat_history=[])),
        (
            {"user_message": equals("a\nb"), "system_message": [equals("sys")]},
            conversation(
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "thinking", "text": "no"},
                        {"type": "text", "text": "b"},
                    ],
                },
                system="sys",
            ),
        ),
        (
            {"system_message": [equals("one\ntwo")]},
            conversation(
                {"role": "system", "content": "one"},
                {"role": "developer", "content": "two"},
                {"role": "user", "content": "x"},
            ),
        ),
        ({"system_message": [equals("be kind")]}, native(message="hi", preamble="be kind")),
        (
            {"tool_call_id": equals("t1"), "tool_result": equals("rain"), "has_tool_result": True},
            conversation(
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t1", "content": "rain"},
                    ],
                }
            ),
        ),
        (
            {"tool_call_id": equals("t1"), "tool_result": equals("rain"), "has_tool_result": True},
            conversation(
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "tool_call_id": "t1", "content": "rain"},
                {"role": "tool", "tool_call_id": "t2", "content": "wind"},
            ),
        ),
        (
            {"tool_result": contains('"celsius":3')},
            native(message="x", tool_results=[{"call": {}, "outputs": [{"celsius": 3}]}]),
        ),
        ({"tool_name": equals("f")}, conversation(user("x"), tools=[{"name": "f"}])),
        ({"tool_name": equals("f")}, conversation(user("x"), tools=[{"function": {"name": "f"}}])),
    ],
)
def test_native_bodies_are_read_as_converse_bodies_are(
    criteria: dict[str, Any], body: Json
) -> None:
    assert fixture(engine([rule(criteria)]), body, operation="invoke", model="some-model") == 0


INPUTS: list[tuple[Json, list[str]]] = [
    (native(query="hello", documents=["no"]), ["hello"]),
    (native(inputPrompt="hello", mediaSource={}), ["hello"]),
    (native(prompt="hello", mode="text-to-image", seed=1), ["hello"]),
    (native(text_prompts=[{"text": "hello", "weight": 1}, {"text": "you"}]), ["hello", "you"]),
    (native(taskType="TEXT_IMAGE", textToImageParams={"text": "hello"}), ["hello"]),
    (native(taskType="INPAINTING", inPaintingParams={"text": "hello", "image": "x"}), ["hello"]),
    (native(taskType="OUTPAINTING", outPaintingParams={"text": "hello"}), ["hello"]),
    (native(imageVariationParams={"images": ["x"], "text": "hello"}), ["hello"]),
    (native(colorGuidedGenerationParams={"text": "hello", "colors": []}), ["hello"]),
    (native(textToVideoParams={"text": "hello"}), ["hello"]),
    (native(multiShotAutomatedParams={"text": "hello"}), ["hello"]),
    (native(multiShotManualParams={"shots": [{"text": "hello"}, {"text": "x"}]}), ["hello", "x"]),
    (native(singleEmbeddingParams={"text": {"value": "hello"}}), ["hello"]),
    (native(segmentedEmbeddingParams={"text": {"value": "hello"}}), ["hello"]),
    (native(inputType="text", text={"inputText": "hello"}), ["hello"]),
    (native(inputType="text_image", text_image={"inputText": "hello"}), ["hello"]),
    (native(texts=["hello", "you"], input_type="search_query"), ["hello", "you"]),
    (
        native(
            inputs=[
                {"content": [{"type": "text", "text": "hello"}, {"type": "image_url"}]},
                {"content": [{"type": "text", "text": "you"}]},
            ]
        ),
        ["hello", "you"],
    ),
    (native(inputs="hello", parameters={}), ["hello"]),
    (native(input=["hello", "you"]), ["hello", "you"]),
    (native(inputText="hello", inputImage="x", text={"inputText": "no"}), ["hello"]),
]


@pytest.mark.parametrize(("body", "texts"), INPUTS)
@pytest.mark.parametrize("key", ["input_text", "user_message"])
def test_the_input_is_found_by_each_models_name_for_it(
    key: str, body: Json, texts: list[str]
) -> None:
    for looked_for in (equals("\n".join(texts)), *map(contains, texts), *map(equals, texts)):
        made = engine([rule({key: looked_for})])
        assert fixture(made, body, operation="invoke", model="some-model") == 0
    assert fixture(engine([rule({key: contains("no")})]), body, operation="invoke") is None


@pytest.mark.parametrize(
    "body",
    [
        native(inputs=5),
        native(inputs=[5, {"content": 5}, {"content": [5]}]),
        native(query={"term": 1}),
        native(text="x"),
        native(text_prompts={}),
        native(textToImageParams={"text": 5}),
        native(singleEmbeddingParams=[]),
        native(inputs=[]),
    ],
)
def test_members_that_only_look_like_an_input_are_ignored(body: Json) -> None:
    made = engine([rule({"input_text": contains("")}), rule()])
    assert fixture(made, body, operation="invoke", model="some-model") == 1


GUARDED: Json = {"guardContent": {"text": {"text": "hello", "qualifiers": ["query"]}}}


def test_text_for_a_guardrail_is_text() -> None:
    made = engine([rule({"user_message": equals("hello"), "system_message": [equals("hello")]})])
    picture = {"guardContent": {"image": {"format": "png", "source": {"bytes": ""}}}}
    body = conversation({"role": "user", "content": [picture, GUARDED]}, system=[GUARDED])
    assert fixture(made, body) == 0
    assert fixture(made, body, operation="converse-stream") == 0
    asked = ask(made, {"input": {"converse": body}}, operation="count-tokens")
    assert asked.status == 200


@pytest.mark.parametrize("guarded", [5, {"text": 5}, {"text": {"text": 5}}])
def test_text_for_a_guardrail_of_a_wrong_type_is_refused(guarded: object) -> None:
    body = conversation({"role": "user", "content": [{"guardContent": guarded}]})
    status, _, message = error(ask(engine([rule()]), body))
    assert status == 400
    assert "$.messages[0].content[0].guardContent" in message


BLOCKS: list[tuple[Json, bool]] = [
    (contains("firsthello"), True),
    (contains("first\nhello"), False),
    (equals("hello"), True),
    (equals("first"), True),
    (equals("first\nhello"), True),
    (equals("firsthello"), False),
    ({"regex": r"\bhello"}, True),
    ({"regex": "(?m)^hello$"}, True),
    ({"regex": "first\\nhello"}, True),
    ({"regex": "firsthello"}, False),
]


@pytest.mark.parametrize(("looked_for", "found"), BLOCKS)
def test_blocks_are_joined_for_a_part_and_lines_for_all_else(looked_for: Json, found: bool) -> None:
    answered = 0 if found else None
    blocks = [{"text": "first"}, {"text": "hello"}]
    body = conversation(user("first", "hello"), system=blocks)
    assert fixture(engine([rule({"user_message": looked_for})]), body) == answered
    assert fixture(engine([rule({"system_message": [looked_for]})]), body) == answered
    results = conversation({"role": "user", "content": [result("t1", *blocks)]})
    assert fixture(engine([rule({"tool_result": looked_for})]), results) == answered


def test_a_template_sees_a_line_for_each_block() -> None:
    compiler = Compiler()
    made = engine([rule(dynamic=True)], compiler)
    content = [{"text": "first"}, result("t1", {"text": "a"}, {"json": {"b": 1}}), {"text": "hi"}]
    body = conversation({"role": "user", "content": content}, system=[{"text": "s"}, {"text": "t"}])
    assert fixture(made, body) == 0
    values = compiler.asked[0][5]
    assert values is not None
    assert values["user_message"] == "first\nhi"
    assert values["system_message"] == "s\nt"
    assert values["tool_result"] == 'a\n{"b":1}'


def test_turns_are_counted_in_a_chat_history() -> None:
    made = engine([rule({"turn_index": 1}), rule({"turn_index": 2})])
    history = [{"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"}]
    assert fixture(made, native(message="c", chat_history=history), operation="invoke") == 0


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (native(messages="x"), "an array of messages"),
        (native(messages=[5]), "a message (an object with role and content)"),
        (native(messages=[{"content": []}]), "a message must have a role"),
        (native(messages=[{"role": "user"}]), "$.messages[0].content: required"),
        (native(messages=[{"role": "user", "content": "x"}]), "$.messages[0].content: expected"),
        (conversation(user("a"), {"role": "user", "content": [5]}), "$.messages[1].content[0]"),
        (
            conversation({"role": "user", "content": [{"text": 5}]}),
            "$.messages[0].content[0].text: expected a string, found a number",
        ),
        (
            conversation({"role": "user", "content": [{"toolResult": {"content": {}}}]}),
            "$.messages[0].content[0].toolResult.content: expected an array, found an object",
        ),
        (conversation(user("x"), system=5), "$.system"),
        (conversation(user("x"), toolConfig=[]), "$.toolConfig: expected an object"),
        (conversation(user("x"), toolConfig={"tools": [None]}), "$.toolConfig.tools[0]"),
        (native(), "$.messages: required"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(body: Json, where: str) -> None:
    status, kind, message = error(ask(engine([rule()]), body))
    assert (status, kind) == (400, "ValidationException")
    assert where in message


@pytest.mark.parametrize("body", [b"", b"{", b"{not valid", b'"x"', b"[]", b"null", b'{"a":1}x'])
def test_a_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    for operation in ("converse", "invoke", "count-tokens"):
        status, kind, _ = error(ask(engine([rule()]), body, operation=operation))
        assert (status, kind) == (400, "ValidationException")


def test_a_body_that_is_not_utf8_is_refused() -> None:
    status, kind, message = error(ask(engine([rule()]), b'{"messages":"\xff"}'))
    assert (status, kind) == (400, "ValidationException")
    assert "byte 13" in message


def test_a_stored_prompt_needs_no_messages() -> None:
    prompt = "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ:1"
    assert fixture(engine([rule()]), {}, model=prompt) == 0


def test_unused_members_may_have_any_value() -> None:
    body = conversation(
        user("hi"),
        {"role": "assistant", "content": [{"reasoningContent": {}}, {"future": 1}]},
        {"role": "user", "content": [{"cachePoint": {"type": "default"}}, {"text": "hello"}]},
        guardrailConfig=None,
        toolConfig={"tools": [{"cachePoint": {}}], "toolChoice": 5},
        requestMetadata={"deep": [[[[]]]]},
    )
    assert fixture(engine([rule({"user_message": equals("hello")})]), body) == 0


def count(body: Json, *rules: Any) -> tuple[int, bytes]:
    answer = ask(engine(rules), body, operation="count-tokens")
    return answer.status, answer.body


def test_tokens_are_a_quarter_of_the_characters_of_all_strings() -> None:
    converse = conversation(user("12345678"), system=[{"text": "é" * 3}])
    asked = {"input": {"converse": converse}}
    assert count(asked) == (200, b'{"inputTokens":4}')  # "user", 8 and 3 characters
    invoke = base64.b64encode(json.dumps({"prompt": "12345678"}).encode()).decode()
    assert count({"input": {"invokeModel": {"body": invoke}}}) == (200, b'{"inputTokens":2}')


def test_tokens_are_counted_with_any_fixtures() -> None:
    asked = {"input": {"converse": conversation(user("1234"))}}
    assert count(asked, rule()) == (200, b'{"inputTokens":2}')


def test_a_fixture_that_names_count_tokens_answers_it() -> None:
    asked = {"input": {"converse": conversation(assistant("a"), user("count me"))}}
    named = rule({"operation": ["count-tokens"], "user_message": contains("me")})
    assert count(asked, rule(), named) == (200, b"1/0")


@pytest.mark.parametrize(
    "body", [{}, {"input": 5}, {"input": {}}, {"input": {"invokeModel": {"body": "%"}}}]
)
def test_a_count_of_nothing_is_refused(body: Json) -> None:
    status, kind, _ = error(ask(engine([]), body, operation="count-tokens"))
    assert (status, kind) == (400, "ValidationException")

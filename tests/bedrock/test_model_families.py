"""The native JSON of the other families, and how a family is found."""

import json
from typing import Any

import pytest

from bedrock_frames._core import Engine
from bedrock_frames.bedrock.errors import UnsupportedModel
from bedrock_frames.fixtures import parse
from tests.support.compiled_answers import CALL, CLAUDE, HI, METRICS, NOVA, answer, whole
from tests.support.compiled_answers import native_body as body
from tests.support.compiled_answers import native_chunks as chunks
from tests.support.engine_requests import ask

INVOKE, STREAM = "invoke", "invoke-with-response-stream"


def test_titan() -> None:
    said = {**HI, "content": "Hi", "stopReason": "max_tokens"}

    assert chunks(said, "amazon.titan-text-lite-v1") == [
        {
            "outputText": "Hi",
            "index": 0,
            "totalOutputTextTokenCount": 10,
            "completionReason": "LENGTH",
            "inputTextTokenCount": 14,
            **METRICS,
        }
    ]
    assert body(HI, "amazon.titan-text-lite-v1") == {
        "inputTextTokenCount": 14,
        "results": [{"tokenCount": 10, "outputText": "Hi there", "completionReason": "FINISH"}],
    }


def test_llama() -> None:
    assert chunks(HI, "meta.llama3-2-1b-instruct-v1:0") == [
        {
            "generation": "Hi",
            "prompt_token_count": 14,
            "generation_token_count": 5,
            "stop_reason": None,
        },
        {
            "generation": " there",
            "prompt_token_count": None,
            "generation_token_count": 10,
            "stop_reason": "stop",
            **METRICS,
        },
    ]
    assert body({**HI, "stopReason": "max_tokens"}, "us.meta.llama4-scout-v1:0") == {
        "generation": "Hi there",
        "prompt_token_count": 14,
        "generation_token_count": 10,
        "stop_reason": "length",
    }


def test_mistral_completes_prompts_and_answers_messages() -> None:
    assert body(HI, "mistral.mistral-7b-instruct-v0:2") == {
        "outputs": [{"text": "Hi there", "stop_reason": "stop"}]
    }
    assert chunks(HI, "mistral.mixtral-8x7b-instruct-v0:1", "mistral") == [
        {"outputs": [{"text": "Hi", "stop_reason": None}]},
        {"outputs": [{"text": " there", "stop_reason": "stop"}], **METRICS},
    ]
    assert "choices" in body(HI, "mistral.mistral-large-2407-v1:0")
    assert "choices" in body(HI, "mistral.mistral-7b-instruct-v0:2", "openai")
    assert "outputs" in body(HI, "mistral.mistral-large-2407-v1:0", "mistral")


def test_cohere_command() -> None:
    found = body(HI, "cohere.command-text-v14")
    (generation,) = found["generations"]

    assert set(found) == {"generations", "id", "prompt"}
    assert (generation["text"], generation["finish_reason"]) == ("Hi there", "COMPLETE")
    assert chunks(HI, "cohere.command-text-v14") == [
        {"text": "Hi", "is_finished": False, "index": 0},
        {"text": " there", "is_finished": False, "index": 0},
        {"is_finished": True, "finish_reason": "COMPLETE", "index": 0, **METRICS},
    ]


DEEPSEEK = "us.deepseek.r1-v1:0"


def test_deepseek_completes_prompts_and_answers_messages() -> None:
    assert body(HI, DEEPSEEK, "completion") == {
        "choices": [{"text": "Hi there", "stop_reason": "stop"}]
    }
    assert chunks({**HI, "stopReason": "max_tokens"}, DEEPSEEK, "completion") == [
        {"choices": [{"text": "Hi", "stop_reason": None}]},
        {"choices": [{"text": " there", "stop_reason": "length"}], **METRICS},
    ]
    assert "message" in body(HI, DEEPSEEK, "openai")["choices"][0]
    thinking = body({**HI, "reasoning": "hm"}, DEEPSEEK, "completion")
    assert thinking["choices"][0]["text"] == "hm\n</think>\n\nHi there"


@pytest.mark.parametrize("model", ["writer.palmyra-x5-v1:0", "qwen.qwen3-32b-v1:0", "my-model"])
def test_a_prompt_is_completed_where_messages_are_answered(model: str) -> None:
    found = body({**HI, "reasoning": "hm"}, model, "completion")
    (choice,) = found["choices"]
    assert (found["object"], found["model"]) == ("text_completion", model)
    assert choice["text"] == "<think>\nhm\n</think>\n\nHi there"
    assert (choice["finish_reason"], choice["stop_reason"]) == ("stop", "stop")
    assert found["usage"]["completion_tokens"] == 10
    *pieces, last = chunks(HI, model, "completion")
    assert [piece["choices"][0]["text"] for piece in (*pieces, last)] == ["Hi", " there"]
    assert [piece["choices"][0]["finish_reason"] for piece in (*pieces, last)] == [None, "stop"]
    assert last["usage"]["total_tokens"] == 24


def test_a_completion_has_no_tools() -> None:
    with pytest.raises(UnsupportedModel, match="text completions"):
        body(CALL, DEEPSEEK, "completion")


def test_ai21_j2() -> None:
    found = body(HI, "ai21.j2-ultra-v1", "ai21-text")
    (completion,) = found["completions"]
    assert completion["data"]["text"] == "Hi there"
    assert completion["finishReason"] == {"reason": "endoftext"}
    assert "choices" in body(HI, "ai21.jamba-1-5-mini-v1:0", "openai")


def test_any_model_may_complete_prompts_as_claude_did() -> None:
    assert body(HI, "my-model", "anthropic-text")["completion"] == "Hi there"


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("cohere.command-text-v14", lambda answer: answer["prompt"]),
        ("cohere.command-r-v1:0", lambda answer: answer["prompt"]),
        ("ai21.j2-ultra-v1", lambda answer: answer["prompt"]["text"]),
    ],
)
def test_an_answer_repeats_the_prompt_of_each_request(model: str, found: Any) -> None:
    made = Engine()
    fixtures = parse([{"match": {}, "response": {"content": "Hi"}}])
    made.load(fixtures.rules(), fixtures.compiler())
    for prompt in ("one", "two"):
        answered = ask(made, {"prompt": prompt}, operation="invoke", model=model)
        assert found(json.loads(answered.body)) == prompt


def test_cohere_command_r() -> None:
    said = {**HI, "toolCalls": [{"name": "f", "arguments": {"a": 1}}], "stopReason": "max_tokens"}
    found = body(said, "cohere.command-r-plus-v1:0")

    assert found["text"] == "Hi there"
    assert found["tool_calls"] == [{"name": "f", "parameters": {"a": 1}}]
    assert found["finish_reason"] == "MAX_TOKENS"
    assert [c["event_type"] for c in chunks(said, "cohere.command-r-plus-v1:0")] == [
        *("stream-start", "text-generation", "text-generation"),
        *("tool-calls-generation", "stream-end"),
    ]


def test_openai_style() -> None:
    said = {**CALL, "usage": {**HI["usage"], "cacheReadInputTokens": 6}}
    found = body(said, "qwen.qwen3-32b-v1:0")
    (choice,) = found["choices"]

    assert choice["message"] == {
        "role": "assistant",
        "content": "Let me look",
        "reasoning_content": "hm",
        "tool_calls": [
            {
                "id": "toolu_1",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "SF"}'},
            }
        ],
    }
    assert choice["finish_reason"] == "tool_calls"
    assert found["usage"] == {
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "total_tokens": 30,
        "prompt_tokens_details": {"cached_tokens": 6},
    }


def test_openai_style_stream() -> None:
    found = chunks(CALL, "qwen.qwen3-32b-v1:0")
    deltas = [c["choices"][0]["delta"] for c in found]
    calls = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]

    assert {c["object"] for c in found} == {"chat.completion.chunk"}
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(d.get("content", "") for d in deltas) == "Let me look"
    assert calls[0]["id"] == "toolu_1"
    assert json.loads("".join(c["function"]["arguments"] for c in calls)) == {"city": "SF"}
    assert found[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert "amazon-bedrock-invocationMetrics" in found[-1]


def test_gpt_oss_thinks_between_tags() -> None:
    said = {"reasoning": "hm", "content": "Hi"}
    (choice,) = body(said, "openai.gpt-oss-120b-1:0")["choices"]

    assert choice["message"]["content"] == "<reasoning>hm</reasoning>Hi"


@pytest.mark.parametrize(
    ("model", "body_format", "key"),
    [
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x-v1:0", "x", "type"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "anthropic", "type"),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", "nova", "output"),
        ("any-model", "llama", "generation"),
        ("global.amazon.nova-2-lite-v1:0", "anthropic", "output"),
    ],
)
def test_a_family_is_found_by_model_and_else_by_body(
    model: str, body_format: str, key: str
) -> None:
    assert key in body(HI, model, body_format)


def test_an_unknown_model_family_is_named() -> None:
    with pytest.raises(UnsupportedModel, match="no model family is known for 'any-model'"):
        body(HI, "any-model")


@pytest.mark.parametrize(
    ("said", "model", "block"),
    [
        (CALL, "amazon.titan-text-lite-v1", "Reasoning"),
        ({"toolCalls": CALL["toolCalls"]}, "meta.llama3-8b-v1:0", "ToolUse"),
        (
            {"blocks": [{"type": "image", "format": "png", "source": {"bytes": "aW1n"}}]},
            CLAUDE,
            "Image",
        ),
        ({"redactedThinking": ["cmVk"], "content": "a"}, NOVA, "Redacted"),
    ],
)
@pytest.mark.parametrize("operation", [INVOKE, STREAM])
def test_a_family_refuses_what_it_cannot_carry(
    said: dict[str, Any], model: str, block: str, operation: str
) -> None:
    with pytest.raises(UnsupportedModel, match=f"cannot carry the fixture's {block} block"):
        answer(said, operation, model=model)


@pytest.mark.parametrize(
    "model",
    [
        *(
            CLAUDE,
            NOVA,
            "amazon.titan-text-lite-v1",
            "meta.llama3-8b-v1:0",
            "cohere.command-r-v1:0",
        ),
        *("mistral.mistral-7b-v0:2", "cohere.command-light-v14", "openai.gpt-oss-20b-1:0"),
    ],
)
@pytest.mark.parametrize("text", ["", "Hi there", "é 🙂"])
def test_every_family_ends_its_stream_with_metrics_and_says_the_whole_text(
    model: str, text: str
) -> None:
    found = chunks({**HI, "content": text}, model)

    assert [i for i, c in enumerate(found) if "amazon-bedrock-invocationMetrics" in c] == [
        len(found) - 1
    ]
    headers = dict(answer({**HI, "content": text}, INVOKE, model=model).headers)
    assert headers["x-amzn-bedrock-input-token-count"] == "14"
    assert headers["x-amzn-bedrock-output-token-count"] == "10"
    assert headers["x-amzn-bedrock-invocation-latency"] == "1"


def test_the_invoke_stream_tells_the_content_type_of_its_chunks() -> None:
    headers = answer(HI, STREAM).headers

    assert headers == [
        ("content-type", "application/vnd.amazon.eventstream"),
        ("x-amzn-bedrock-content-type", "application/json"),
    ]


def test_botocore_reads_the_members_of_an_invoke_answer() -> None:
    said = {**HI, "serviceTier": {"type": "flex"}, "performanceConfig": {"latency": "optimized"}}
    found = whole(answer(said, INVOKE), "InvokeModel")

    assert found["contentType"] == "application/json"
    assert found["serviceTier"] == "flex"
    assert found["performanceConfigLatency"] == "optimized"

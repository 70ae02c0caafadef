"""What fixtures compile to: words for word, failures, templates, timings, rules."""

import json
from typing import Any

import pytest

import bedrock_frames as bf
from bedrock_frames.bedrock.errors import UnsupportedModel
from bedrock_frames.fixtures import from_recording, parse
from tests.answering import CLAUDE, answer, native, payloads, stream_events, whole

INVOKE, STREAM = "invoke", "invoke-with-response-stream"
TEXT: dict[str, Any] = {"content": "one two three", "usage": {"inputTokens": 1, "outputTokens": 2}}


# Word for word


def test_a_body_is_sent_word_for_word() -> None:
    said = {"body": {"z": 1, "a": [0.0, None, "é"]}}
    plan = answer(said, INVOKE, model="amazon.titan-embed-text-v2:0")

    assert plan.body == '{"z":1,"a":[0.0,null,"é"]}'.encode()
    assert plan.headers[0] == ("content-type", "application/json")


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ({"usage": {"input_tokens": 3, "output_tokens": 4}}, ("3", "4")),
        ({"usage": {"inputTokens": 3, "outputTokens": 4}}, ("3", "4")),
        ({"inputTextTokenCount": 3, "results": [{"tokenCount": 4}]}, ("3", "4")),
        ({"prompt_token_count": 3, "generation_token_count": 4}, ("3", "4")),
        ({"inputTextTokenCount": 3, "embedding": [0.1]}, ("3", None)),
        ([1], (None, None)),
    ],
)
def test_a_body_s_own_counts_are_told_in_headers(
    body: object, counts: tuple[str | None, str | None]
) -> None:
    headers = dict(answer({"body": body}, INVOKE).headers)

    assert headers.get("x-amzn-bedrock-input-token-count") == counts[0]
    assert headers.get("x-amzn-bedrock-output-token-count") == counts[1]


def test_null_is_a_body() -> None:
    assert answer({"body": None}, INVOKE).body == b"null"


def test_chunks_are_sent_word_for_word() -> None:
    given = [{"z": 1, "a": 0.0}, "[DONE]", {"json": {"b": 1}, "p": "ab"}, {"bytes": "eyAgfQ=="}]
    plan = answer({"chunks": given}, STREAM)

    assert [json.loads(text) for _, text in payloads(plan)] == [
        {"bytes": "eyJ6IjoxLCJhIjowLjB9"},
        {"bytes": "IltET05FXSI="},
        {"bytes": "eyJiIjoxfQ==", "p": "ab"},
        {"bytes": "eyAgfQ=="},
    ]
    assert plan.steps == [0, 1, 2, 3]


def test_native_json_alone_answers_its_own_operations() -> None:
    fixtures = parse([{"match": {}, "response": {"body": 1, "chunks": [1]}}])

    assert fixtures[0].criteria == {"operation": [INVOKE, STREAM]}
    with pytest.raises(UnsupportedModel, match="native JSON alone, which Converse cannot carry"):
        fixtures.compiler()(0, 0, "converse", "m", "unknown", None)


def test_native_json_beside_content_answers_all() -> None:
    said = {**TEXT, "body": {"mine": 1}}

    assert parse([{"match": {}, "response": said}])[0].criteria == {}
    assert json.loads(answer(said, INVOKE).body) == {"mine": 1}
    assert native(answer(said, STREAM))[0]["type"] == "message_start"
    assert whole(answer(said, "converse"))["output"]["message"]["content"] == [
        {"text": "one two three"}
    ]


GIVEN = [
    {"messageStart": {"role": "assistant", "p": "abc"}},
    {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0, "p": None}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "end_turn"}},
    {
        "metadata": {
            "usage": {"outputTokens": 2, "inputTokens": 1, "totalTokens": 3},
            "metrics": {"latencyMs": 9},
        }
    },
]


def test_events_are_sent_word_for_word_in_the_service_s_order() -> None:
    plan = answer({"events": GIVEN}, padding=True)
    sent = payloads(plan)

    assert sent[0] == ("messageStart", '{"p":"abc","role":"assistant"}')
    assert sent[1] == ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"Hi"}}')
    assert '"p":"ab' in sent[2][1]
    assert list(json.loads(sent[4][1])["usage"]) == ["inputTokens", "outputTokens", "totalTokens"]
    assert stream_events(plan)[-1]["metadata"]["metrics"] == {"latencyMs": 9}


def test_events_answer_every_operation() -> None:
    said = {"events": GIVEN}

    assert whole(answer(said, "converse")) == {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 9},
    }
    assert json.loads(answer(said, INVOKE).body)["content"] == [{"type": "text", "text": "Hi"}]
    assert native(answer(said, STREAM))[-1]["type"] == "message_stop"


def test_padding_can_be_off() -> None:
    assert not any('"p":' in text for _, text in payloads(answer(TEXT, padding=False)))
    assert all('"p":"ab' in text for _, text in payloads(answer(TEXT, padding=True)))


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert answer(TEXT, padding=True).body == answer(TEXT, padding=True).body
    assert answer(TEXT, padding=True).body != answer(TEXT, padding=True, seed=1).body


# Failures


def test_an_exception_comes_after_so_many_events() -> None:
    failing = {"events": 2, "name": "ThrottlingException", "message": "slow"}
    plan = answer({**TEXT, "exceptionAfter": failing})
    messages = bf.decode_all(plan.body)

    assert [m.message_type for m in messages] == ["event", "event", "exception"]
    assert messages[2].exception_type == "throttlingException"
    assert messages[2].payload == b'{"message":"slow"}'
    assert plan.steps == [0, 0, 0]
    later = answer({**TEXT, "exceptionAfter": {**failing, "events": 4}})
    assert later.steps == [0, 0, 1, 2, 2]


def test_an_exception_may_come_first() -> None:
    failing = {
        "events": 0,
        "name": "modelStreamErrorException",
        "message": "m",
        "originalStatusCode": 500,
    }
    (message,) = bf.decode_all(answer({**TEXT, "exceptionAfter": failing}, STREAM).body)

    assert message.exception_type == "modelStreamErrorException"
    assert json.loads(message.payload) == {"message": "m", "originalStatusCode": 500}


@pytest.mark.parametrize("operation", ["converse", INVOKE])
def test_an_answer_that_is_no_stream_fails_at_once(operation: str) -> None:
    failing = {"events": 2, "name": "throttlingException", "message": "slow"}
    plan = answer({**TEXT, "exceptionAfter": failing}, operation)

    assert plan.status == 429
    assert dict(plan.headers)["x-amzn-errortype"] == "ThrottlingException"
    assert json.loads(plan.body) == {"message": "slow"}


def test_an_exception_among_events_ends_the_stream() -> None:
    given = [*GIVEN[:2], {"internalServerException": {"message": "m"}}]
    messages = bf.decode_all(answer({"events": given}).body)

    assert messages[-1].exception_type == "internalServerException"


def test_a_failed_recording_comes_back_as_it_was() -> None:
    for operation in ("converse-stream", STREAM):
        failing = {"events": 2, "name": "throttlingException", "message": "slow"}
        plan = answer({**TEXT, "exceptionAfter": failing}, operation, padding=True)
        fixture = from_recording(plan.body, padding=True)

        again = parse([fixture]).compiler()(0, 0, operation, CLAUDE, "unknown", None)
        assert again.body == plan.body


# Templates

VALUES: dict[str, Any] = {
    "user_message": 'say "é"',
    "system_message": None,
    "tool_result": "42",
    "turn": 3,
    "session": "s",
    "model": "m",
}


def test_a_template_is_filled_from_the_request() -> None:
    said = {
        "content": "You: {{userMessage}} [{{systemMessage}}]",
        "reasoning": "turn {{ turn }}",
        "toolCalls": [{"name": "f", "arguments": '{"a": ["{{toolResult}}", "{{userMessage}}"]}'}],
        "template": True,
    }
    plan = answer(said, "converse", values=VALUES)
    blocks = whole(plan)["output"]["message"]["content"]

    assert blocks[0]["reasoningContent"]["reasoningText"]["text"] == "turn 3"
    assert blocks[1] == {"text": 'You: say "é" []'}
    assert blocks[2]["toolUse"]["input"] == {"a": ["42", 'say "é"']}
    assert parse([{"match": {}, "response": said}])[0].rule.dynamic


def test_a_template_fills_native_json_too() -> None:
    said = {"body": {"a": ["{{session}}"]}, "chunks": [{"b": "{{model}}"}], "template": True}

    assert answer(said, INVOKE, values=VALUES).body == b'{"a":["s"]}'
    assert native(answer(said, STREAM, values=VALUES)) == [{"b": "m"}]


def test_a_template_fills_the_strings_of_json_that_is_sent_as_text() -> None:
    said = {"content": {"said": ["{{userMessage}}", 1]}, "template": True}
    (block,) = whole(answer(said, "converse", values=VALUES))["output"]["message"]["content"]

    assert json.loads(block["text"]) == {"said": ['say "é"', 1]}


def test_without_template_braces_are_text() -> None:
    content = whole(answer({"content": "{{userMessage}}"}, "converse", values=VALUES))["output"]

    assert content["message"]["content"] == [{"text": "{{userMessage}}"}]


def test_a_request_cannot_write_a_placeholder() -> None:
    values = {**VALUES, "user_message": "{{session}}"}
    said = {"content": "{{userMessage}}", "template": True}

    assert whole(answer(said, "converse", values=values))["output"]["message"]["content"] == [
        {"text": "{{session}}"}
    ]

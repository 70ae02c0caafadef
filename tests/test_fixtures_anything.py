"""Whatever a fixture says, every operation of every family answers it or refuses it."""

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bedrock_frames as bf
from bedrock_frames.bedrock.errors import UnsupportedModel
from tests.answering import CLAUDE, NOVA, answer, native, stream_events, whole

MODELS = [
    *(CLAUDE, NOVA, "amazon.titan-text-lite-v1", "meta.llama3-8b-instruct-v1:0"),
    *("mistral.mistral-7b-instruct-v0:2", "mistral.mistral-large-2407-v1:0", "any-model"),
    *("cohere.command-text-v14", "cohere.command-r-v1:0", "openai.gpt-oss-120b-1:0"),
]
words = st.text(max_size=30)
inputs = st.dictionaries(words, words | st.integers() | st.lists(words, max_size=2), max_size=3)
calls = st.builds(
    lambda arguments, name: {"name": name, "arguments": arguments},
    inputs | inputs.map(json.dumps),
    st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True),
)
citations = st.lists(
    st.fixed_dictionaries({"title": words, "location": st.just({"web": {"url": "u"}})}),
    min_size=1,
    max_size=2,
)
blocks = st.one_of(
    words.map(lambda text: {"type": "text", "text": text}),
    calls.map(lambda call: {"type": "toolCall", **call}),
    st.builds(
        lambda text, signature: {"type": "reasoning", "text": text, "signature": signature},
        words,
        st.none() | words,
    ),
    st.binary(min_size=1, max_size=9).map(
        lambda data: {"type": "redactedReasoning", "data": b64encode(data).decode()}
    ),
    st.builds(
        lambda text, found: {"type": "citedText", "text": text, "citations": found},
        words,
        citations,
    ),
    st.just({"type": "image", "format": "png", "source": {"bytes": "aW1n"}}),
    st.just({"type": "toolResult", "toolUseId": "t", "content": [{"text": "a"}, {"json": 1}]}),
)
responses = st.fixed_dictionaries(
    {"blocks": st.lists(blocks, min_size=1, max_size=4)},
    optional={"stopReason": st.sampled_from(["max_tokens", "end_turn", "content_filtered"])},
)


@given(responses, st.sampled_from(MODELS), st.none() | st.integers(1, 9))
def test_both_converse_operations_say_the_same(
    said: dict[str, Any], model: str, size: int | None
) -> None:
    options = {} if size is None else {"chunkSize": size}
    streamed = stream_events(answer(said, model=model, padding=True, options=options))
    body = whole(answer(said, "converse", model=model, options=options))

    assert "SDK_UNKNOWN_MEMBER" not in str(streamed) + str(body)
    stops = [
        e["contentBlockStop"]["contentBlockIndex"] for e in streamed if "contentBlockStop" in e
    ]
    assert stops == list(range(len(said["blocks"])))
    assert streamed[-1]["metadata"] == {"usage": body["usage"], "metrics": body["metrics"]}
    assert streamed[-2]["messageStop"]["stopReason"] == body["stopReason"]
    for index, block in enumerate(body["output"]["message"]["content"]):
        deltas = [
            e["contentBlockDelta"]["delta"]
            for e in streamed
            if e.get("contentBlockDelta", {}).get("contentBlockIndex") == index
        ]
        if "text" in block:
            assert "".join(d["text"] for d in deltas) == block["text"]
        if "toolUse" in block:
            text = "".join(d["toolUse"]["input"] for d in deltas)
            assert json.loads(text) == block["toolUse"]["input"]


@given(responses, st.sampled_from(MODELS), st.sampled_from(["unknown", "anthropic", "openai"]))
def test_both_invoke_operations_answer_or_refuse(
    said: dict[str, Any], model: str, body_format: str
) -> None:
    try:
        plan = answer(said, "invoke", model=model, body_format=body_format)
    except UnsupportedModel:
        return
    assert plan.status == 200
    assert isinstance(json.loads(plan.body), dict)


@given(responses, st.sampled_from(MODELS))
def test_an_invoke_stream_is_frames_of_native_json(said: dict[str, Any], model: str) -> None:
    try:
        plan = answer(said, "invoke-with-response-stream", model=model, padding=True)
    except UnsupportedModel:
        return
    chunks = native(plan)

    assert len(plan.steps) == len(plan.frames) == len(chunks)
    assert [bool(c.get("amazon-bedrock-invocationMetrics")) for c in chunks] == [
        *[False] * (len(chunks) - 1),
        True,
    ]
    assert len(bf.decode_all(plan.body)) == len(chunks)


@pytest.mark.parametrize("operation", ["apply-guardrail", ""])
def test_an_operation_that_is_none_is_refused(operation: str) -> None:
    with pytest.raises(UnsupportedModel):
        answer({"content": "a"}, operation)

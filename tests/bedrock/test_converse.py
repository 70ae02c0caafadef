"""One answer as a ConverseStream and as a Converse body, as botocore's parser reads both."""

import json
from typing import Any

import pytest

from bedrock_frames.bedrock.content import ToolUse
from bedrock_frames.bedrock.converse import events
from bedrock_frames.bedrock.fold import fold
from tests.support import compiled_answers
from tests.support.compiled_answers import NOVA, answer, payloads, stream_events, whole

USAGE = {"inputTokens": 3, "outputTokens": 4}
COUNTS = '{"inputTokens":3,"outputTokens":4,"totalTokens":7}'
END = [
    {"messageStop": {"stopReason": "end_turn"}},
    {
        "metadata": {
            "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7},
            "metrics": {"latencyMs": 1},
        }
    },
]
START = {"messageStart": {"role": "assistant"}}


def delta(index: int, **held: object) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": held}}


def stop(index: int) -> dict[str, Any]:
    return {"contentBlockStop": {"contentBlockIndex": index}}


def test_text_has_no_block_start_and_one_stop() -> None:
    plan = answer({"content": "Hi there!", "usage": USAGE})

    assert stream_events(plan) == [
        START,
        delta(0, text="Hi"),
        delta(0, text=" there"),
        delta(0, text="!"),
        stop(0),
        *END,
    ]
    assert plan.steps == [0, 0, 1, 2, 2, 2, 2]


def test_the_very_bytes_of_a_stream() -> None:
    assert payloads(answer({"content": "é/", "usage": USAGE})) == [
        ("messageStart", '{"role":"assistant"}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"é"}}'),
        ("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"text":"/"}}'),
        ("contentBlockStop", '{"contentBlockIndex":0}'),
        ("messageStop", '{"stopReason":"end_turn"}'),
        (
            "metadata",
            f'{{"metrics":{{"latencyMs":1}},"usage":{COUNTS}}}',
        ),
    ]


def test_the_very_bytes_of_a_body() -> None:
    plan = answer({"content": "é", "usage": USAGE}, "converse")

    assert plan.body.decode() == (
        '{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"text":"é"}],'
        f'"role":"assistant"}}}},"stopReason":"end_turn","usage":{COUNTS}}}'
    )


def test_optional_members_stand_where_the_service_puts_them() -> None:
    said = {
        "content": "a",
        "usage": USAGE,
        "serviceTier": {"type": "flex"},
        "performanceConfig": {"latency": "optimized"},
        "trace": {"promptRouter": {"invokedModelId": "m"}},
        "additionalModelResponseFields": {"z": 1, "a": 2},
    }
    body = answer(said, "converse").body.decode()

    assert list(json.loads(body)) == [
        "metrics",
        "output",
        "performanceConfig",
        "stopReason",
        "trace",
        "usage",
        "additionalModelResponseFields",
        "serviceTier",
    ]
    assert '"additionalModelResponseFields":{"z":1,"a":2}' in body
    stopped, metadata = stream_events(answer(said))[-2:]
    assert stopped["messageStop"]["additionalModelResponseFields"] == {"z": 1, "a": 2}
    assert metadata["metadata"]["serviceTier"] == {"type": "flex"}
    assert metadata["metadata"]["performanceConfig"] == {"latency": "optimized"}
    assert metadata["metadata"]["trace"] == {"promptRouter": {"invokedModelId": "m"}}


def test_a_tool_call_starts_and_its_input_comes_in_pieces() -> None:
    call = {"name": "get_weather", "id": "t1", "arguments": '{"city": "SF"}'}
    plan = answer({"content": "Look.", "toolCalls": [call], "usage": USAGE})
    found = stream_events(plan)

    assert found[4] == {
        "contentBlockStart": {
            "start": {"toolUse": {"toolUseId": "t1", "name": "get_weather"}},
            "contentBlockIndex": 1,
        }
    }
    inputs = [
        e["contentBlockDelta"]["delta"]["toolUse"]["input"]
        for e in found
        if e.get("contentBlockDelta", {}).get("contentBlockIndex") == 1
    ]
    assert inputs[0] == ""
    assert len(inputs) > 2
    assert "".join(inputs) == '{"city": "SF"}'
    assert found[-2] == {"messageStop": {"stopReason": "tool_use"}}
    # The block start and the empty delta go with the first piece of the input.
    assert plan.steps[4:7] == [2, 2, 2]
    assert plan.steps[7] == 3


def test_nova_sends_a_tool_s_input_whole() -> None:
    call = {"name": "f", "id": "t1", "arguments": {"city": "San Francisco"}}
    found = stream_events(answer({"toolCalls": [call], "usage": USAGE}, model=NOVA))

    assert [e for e in found if "contentBlockDelta" in e] == [
        delta(0, toolUse={"input": '{"city":"San Francisco"}'})
    ]


def test_blocks_keep_their_order_and_their_indices() -> None:
    blocks = [
        {"type": "toolCall", "name": "a", "arguments": {}, "id": "t1"},
        {"type": "text", "text": "Here"},
        {"type": "toolCall", "name": "b", "arguments": "", "id": "t2"},
    ]
    plan = answer({"blocks": blocks})
    found = stream_events(plan)

    starts = [e["contentBlockStart"] for e in found if "contentBlockStart" in e]
    assert [(s["contentBlockIndex"], s["start"]["toolUse"]["name"]) for s in starts] == [
        (0, "a"),
        (2, "b"),
    ]
    assert [e for e in found if "contentBlockStop" in e] == [stop(0), stop(1), stop(2)]
    content = whole(answer({"blocks": blocks}, "converse"))["output"]["message"]["content"]
    assert content == [
        {"toolUse": {"toolUseId": "t1", "name": "a", "input": {}}},
        {"text": "Here"},
        {"toolUse": {"toolUseId": "t2", "name": "b", "input": {}}},
    ]


REASONED = {
    "reasoning": "Let me think",
    "reasoningSignature": "sig",
    "redactedThinking": ["cmVk"],
    "content": "Done",
    "usage": USAGE,
}


def test_reasoning_is_flat_in_a_stream_and_nested_in_a_body() -> None:
    assert stream_events(answer(REASONED)) == [
        START,
        delta(0, reasoningContent={"text": "Let"}),
        delta(0, reasoningContent={"text": " me"}),
        delta(0, reasoningContent={"text": " think"}),
        delta(0, reasoningContent={"signature": "sig"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": b"red"}),
        stop(1),
        delta(2, text="Done"),
        stop(2),
        *END,
    ]
    assert whole(answer(REASONED, "converse"))["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Let me think", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": b"red"}},
        {"text": "Done"},
    ]


CITATION = {
    "title": "policy",
    "sourceContent": [{"text": "Employees get 20 days."}],
    "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 22}},
}


def test_a_citation_comes_before_its_text() -> None:
    said = {"blocks": [{"type": "citedText", "text": "20 days", "citations": [CITATION]}]}

    # It goes out with the first piece of its text.
    assert answer(said).steps == [0, 0, 0, 1, 1, 1, 1]
    assert stream_events(answer(said))[1:5] == [
        delta(0, citation=CITATION),
        delta(0, text="20"),
        delta(0, text=" days"),
        stop(0),
    ]
    assert whole(answer(said, "converse"))["output"]["message"]["content"] == [
        {"citationsContent": {"content": [{"text": "20 days"}], "citations": [CITATION]}}
    ]


def test_images_and_tool_results_start_a_block() -> None:
    said = {
        "blocks": [
            {
                "type": "toolCall",
                "name": "code",
                "arguments": {},
                "id": "s1",
                "toolType": "server_tool_use",
            },
            {
                "type": "toolResult",
                "toolUseId": "s1",
                "status": "success",
                "resultType": "code_result",
                "content": [{"json": {"z": 1, "a": 2}}],
            },
            {"type": "image", "format": "png", "source": {"bytes": "aW1n"}},
        ]
    }
    found = stream_events(answer(said))

    assert [e["contentBlockStart"]["start"] for e in found if "contentBlockStart" in e] == [
        {"toolUse": {"toolUseId": "s1", "name": "code", "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s1", "type": "code_result", "status": "success"}},
        {"image": {"format": "png"}},
    ]
    assert delta(1, toolResult=[{"json": {"z": 1, "a": 2}}]) in found
    assert delta(2, image={"source": {"bytes": b"img"}}) in found
    # The provider ran the tool itself: nobody waits for the caller.
    assert {"messageStop": {"stopReason": "end_turn"}} in found
    content = whole(answer(said, "converse"))["output"]["message"]["content"]
    assert content[1]["toolResult"]["content"] == [{"json": {"z": 1, "a": 2}}]
    assert content[2] == {"image": {"format": "png", "source": {"bytes": b"img"}}}


def test_an_empty_text_is_one_empty_delta() -> None:
    assert stream_events(answer({"content": ""}))[1:3] == [delta(0, text=""), stop(0)]


def test_an_empty_text_beside_tool_calls_has_no_block() -> None:
    said = {"content": "", "toolCalls": [{"name": "f", "arguments": {}}]}

    assert [*whole(answer(said, "converse"))["output"]["message"]["content"][0]] == ["toolUse"]


def test_content_that_is_json_is_sent_as_text() -> None:
    content = whole(answer({"content": {"b": [1, "é"]}}, "converse"))["output"]["message"][
        "content"
    ]

    assert content == [{"text": '{"b":[1,"é"]}'}]


def test_chunk_size_is_characters_a_delta() -> None:
    found = stream_events(answer({"content": "abcdefg"}, options={"chunkSize": 3}))

    assert [e for e in found if "contentBlockDelta" in e] == [
        delta(0, text="abc"),
        delta(0, text="def"),
        delta(0, text="g"),
    ]


def test_a_made_up_id_is_the_same_in_both_and_differs_by_place() -> None:
    said = {"toolCalls": [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]}
    found = stream_events(answer(said))
    streamed = [
        e["contentBlockStart"]["start"]["toolUse"]["toolUseId"]
        for e in found
        if "contentBlockStart" in e
    ]
    content = whole(answer(said, "converse"))["output"]["message"]["content"]

    assert [block["toolUse"]["toolUseId"] for block in content] == streamed
    assert len(set(streamed)) == 2
    assert all(name.startswith("tooluse_") and len(name) == 30 for name in streamed)
    other = stream_events(answer(said, seed=1))
    assert streamed[0] not in str(other)


@pytest.mark.parametrize(
    "said",
    [
        REASONED,
        {"blocks": [{"type": "citedText", "text": "x", "citations": [CITATION]}]},
        {"content": "a b c", "toolCalls": [{"name": "f", "arguments": {"x": [1]}, "id": "t"}]},
        {"content": "a", "usage": {**USAGE, "cacheReadInputTokens": 5, "serverToolUsage": {}}},
        {"content": "a", "stopReason": "max_tokens", "trace": {}, "serviceTier": {"type": "flex"}},
    ],
)
def test_events_add_up_to_the_answer_that_they_came_from(said: dict[str, object]) -> None:
    reply = compiled_answers.load_one({"match": {}, "response": said})[0].variants[0].reply
    assert reply is not None
    folded = fold((event.name, event.payload) for event in events(reply))

    assert events(folded) == events(reply)


@pytest.mark.parametrize(
    ("text", "held", "cut"),
    [
        ("", {}, False),
        ('{"a": 1}', {"a": 1}, False),
        ('{"a', {}, True),
        ('{"a": 1, "b": "x', {"a": 1}, True),
        ('{"a": {"b": [1, {"c": 2', {"a": {"b": [1, {"c": 2}]}}, True),
        ('{"a": 1 "b": 2}', {"a": 1}, True),
        ('{"a": 1} {"b": 2}', {"a": 1}, True),
        ("a plain word", {}, True),
        ("[1]", {}, True),
        ('{"a": NaN}', {}, True),
        ('{"a": 1e999}', {}, True),
        (f'{{"a": {"9" * 5000}}}', {}, True),
    ],
)
def test_tool_input_that_joins_to_no_object_adds_up_to_what_of_it_parses(
    text: str, held: dict[str, object], cut: bool
) -> None:
    start = {"toolUse": {"toolUseId": "t", "name": "f"}}
    reply = fold(
        [
            ("contentBlockStart", {"contentBlockIndex": 2, "start": start}),
            ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": text}}}),
        ]
    )

    (block,) = reply.blocks
    assert isinstance(block, ToolUse)
    assert (block.input, block.input_text, block.cut) == (held, text, cut)

"""Tool input that is not JSON, since the model was cut inside of it: sent as the service does."""

import json
from typing import Any

import pytest

import bedrock_frames as bf
from bedrock_frames.fixtures import from_recording
from tests.answering import CLAUDE, NOVA, answer, faults, load_one, stream_events, whole

CUT = '{"city": "Seattle", "days": [1, 2], "note": "bring an umb'
PARSES = {"city": "Seattle", "days": [1, 2]}
CALL = {"name": "plan", "arguments": CUT, "id": "t1"}


def said(**options: object) -> dict[str, object]:
    return {"toolCalls": [CALL], "stopReason": "max_tokens", **options}


def joined(events: list[dict[str, Any]]) -> str:
    deltas = [e["contentBlockDelta"]["delta"] for e in events if "contentBlockDelta" in e]
    return "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)


def recorded() -> bytes:
    """Return the stream of a real service: it ends inside of the tool's input."""
    start = {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t1", "name": "plan"}}}
    deltas = [
        {"contentBlockIndex": 0, "delta": {"toolUse": {"input": piece}}}
        for piece in ("", CUT[:20], CUT[20:])
    ]
    usage = {"inputTokens": 9, "outputTokens": 20, "totalTokens": 29}
    told: list[tuple[str, dict[str, Any]]] = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockStart", start),
        *(("contentBlockDelta", delta) for delta in deltas),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "max_tokens"}),
        ("metadata", {"usage": usage, "metrics": {"latencyMs": 300}}),
    ]
    return b"".join(
        bf.encode(
            {
                ":event-type": name,
                ":content-type": "application/json",
                ":message-type": "event",
            },
            json.dumps({**payload, "p": "ab"}, sort_keys=True, separators=(",", ":")).encode(),
        )
        for name, payload in told
    )


@pytest.mark.parametrize("model", [CLAUDE, NOVA])
def test_a_stream_ends_inside_of_the_input(model: str) -> None:
    events = stream_events(answer(said(), model=model))

    assert joined(events) == CUT
    assert [e["messageStop"] for e in events if "messageStop" in e] == [
        {"stopReason": "max_tokens"}
    ]


def test_converse_says_what_parses() -> None:
    found = whole(answer(said(), "converse"))

    (block,) = found["output"]["message"]["content"]
    assert block["toolUse"] == {"toolUseId": "t1", "name": "plan", "input": PARSES}
    assert found["stopReason"] == "max_tokens"


def test_invoke_says_what_parses_and_its_stream_all() -> None:
    native = json.loads(answer(said(), "invoke").body)
    chunks = stream_events(
        answer(said(), "invoke-with-response-stream"), ("invoke-with-response-stream")
    )
    deltas = [json.loads(event["chunk"]["bytes"]).get("delta", {}) for event in chunks]

    assert [block["input"] for block in native["content"]] == [PARSES]
    assert "".join(delta.get("partial_json", "") for delta in deltas) == CUT


@pytest.mark.parametrize(
    "stop",
    [
        {"stopReason": "max_tokens"},
        {"finishReason": "length"},
        {"stopReason": "malformed_tool_use"},
        {"stopReason": "malformed_model_output"},
        {"stopReason": "model_context_window_exceeded"},
        {"stopReason": "guardrail_intervened"},
        {"finishReason": "content_filter"},
    ],
)
@pytest.mark.parametrize("arguments", [CUT, "", "{", "not JSON", "[1"])
def test_stop_reasons_after_which_input_may_be_anything(
    stop: dict[str, str], arguments: str
) -> None:
    call = {**CALL, "arguments": arguments}
    block = {"type": "toolCall", **call}

    for response in ({"toolCalls": [call], **stop}, {"blocks": [block], **stop}):
        converse = {"operation": ["converse", "converse-stream"]}
        assert faults({"match": converse, "response": response}) == []


@pytest.mark.parametrize("stop", [{}, {"stopReason": "end_turn"}, {"finishReason": "tool_calls"}])
def test_input_that_is_not_json_needs_a_stop_reason(stop: dict[str, str]) -> None:
    ((path, severity, message),) = faults({"match": {}, "response": {"toolCalls": [CALL], **stop}})

    assert (path, severity) == ("$.fixtures[0].response.toolCalls[0].arguments", "error")
    assert message.startswith("is no JSON: ")
    assert 'a stopReason such as "max_tokens" or "malformed_tool_use"' in message


def test_a_recording_is_served_byte_for_byte_with_a_warning() -> None:
    fixture = from_recording(recorded(), padding=True)
    loaded = load_one(fixture)
    compiler = loaded.compiler()
    (warning,) = loaded.warnings

    assert compiler(0, 0, "converse-stream", CLAUDE, "unknown", None).body == recorded()
    converse = whole(compiler(0, 0, "converse", CLAUDE, "unknown", None))
    assert converse["output"]["message"]["content"][0]["toolUse"]["input"] == PARSES
    assert (warning.severity, warning.path) == ("warning", "$.fixtures[0].response.events")
    assert "block 0: the joined tool input is no JSON" in warning.message
    assert "Seattle" in warning.message


def test_a_template_fills_input_that_was_cut() -> None:
    call = {**CALL, "arguments": '{"q": "{{userMessage}}", "then": "{{userMessage}} and'}
    response = {"toolCalls": [call], "stopReason": "max_tokens", "template": True}
    values = {"user_message": 'a "b"'}

    events = stream_events(answer(response, values=values))
    assert joined(events) == '{"q": "a \\"b\\"", "then": "a \\"b\\" and'
    converse = whole(answer(response, "converse", values=values))
    assert converse["output"]["message"]["content"][0]["toolUse"]["input"] == {"q": 'a "b"'}

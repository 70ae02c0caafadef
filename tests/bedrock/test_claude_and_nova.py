"""The native JSON of Claude and Nova, as it was recorded."""

import json

from tests.support.compiled_answers import CALL, CLAUDE, HI, METRICS, NOVA
from tests.support.compiled_answers import native_body as body
from tests.support.compiled_answers import native_chunks as chunks


def test_claude_streams_the_events_of_a_message() -> None:
    found = chunks(HI, "anthropic.claude-3-sonnet-20240229-v1:0")
    message = found[0]["message"]

    assert message["id"].startswith("msg_bdrk_01")
    assert found == [
        {
            "type": "message_start",
            "message": {
                "id": message["id"],
                "type": "message",
                "role": "assistant",
                "model": "claude-3-sonnet-20240229",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 14, "output_tokens": 1},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "text_delta", "text": " there"},
        },
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 10},
        },
        {"type": "message_stop", **METRICS},
    ]
    assert list(found[0]["message"]) == [
        *("id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage")
    ]


def test_claude_streams_thinking_and_tools() -> None:
    found = chunks(CALL, CLAUDE)
    starts = [c["content_block"] for c in found if c["type"] == "content_block_start"]
    deltas = [c["delta"] for c in found if c["type"] == "content_block_delta"]

    assert starts == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}},
    ]
    assert deltas[:2] == [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "sig"},
    ]
    parts = [d["partial_json"] for d in deltas if d["type"] == "input_json_delta"]
    assert parts[0] == ""
    assert json.loads("".join(parts)) == {"city": "SF"}
    assert [c["delta"] for c in found if c["type"] == "message_delta"] == [
        {"stop_reason": "tool_use", "stop_sequence": None}
    ]


def test_claude_s_body_has_the_same_content() -> None:
    assert {**body(CALL, CLAUDE), "id": ""} == {
        "id": "",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-20250514",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "text", "text": "Let me look"},
            {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "SF"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 14, "output_tokens": 10},
    }


def test_claude_makes_ids_in_its_own_form() -> None:
    said = {"toolCalls": [{"name": "f", "arguments": {}}]}

    assert body(said, CLAUDE)["content"][0]["id"].startswith("toolu_bdrk_01")


def test_an_empty_text_of_claude_has_an_envelope_and_no_delta() -> None:
    assert [c["type"] for c in chunks({"content": ""}, CLAUDE)] == [
        *("message_start", "content_block_start", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]


def test_claude_states_cached_tokens_everywhere() -> None:
    usage = {"inputTokens": 4, "outputTokens": 10, "cacheReadInputTokens": 7}
    found = chunks({"content": "a", "usage": usage}, CLAUDE)

    assert found[0]["message"]["usage"] == {
        "input_tokens": 4,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 7,
        "output_tokens": 1,
    }
    metrics = found[-1]["amazon-bedrock-invocationMetrics"]
    assert metrics["cacheReadInputTokenCount"] == 7
    assert metrics["cacheWriteInputTokenCount"] == 0


def test_claude_cites_in_its_own_form() -> None:
    where = {"documentPage": {"documentIndex": 1, "start": 2, "end": 3}}
    citation = {"title": "t", "sourceContent": [{"text": "src"}], "location": where}
    said = {"blocks": [{"type": "citedText", "text": "x", "citations": [citation]}]}
    expected = {
        "type": "page_location",
        "cited_text": "src",
        "document_index": 1,
        "document_title": "t",
        "start_page_number": 2,
        "end_page_number": 3,
    }

    assert body(said, CLAUDE)["content"] == [{"type": "text", "text": "x", "citations": [expected]}]
    deltas = [c["delta"] for c in chunks(said, CLAUDE) if c["type"] == "content_block_delta"]
    assert deltas == [
        {"type": "citations_delta", "citation": expected},
        {"type": "text_delta", "text": "x"},
    ]


def test_old_claude_completes_a_prompt() -> None:
    found = chunks(HI, "anthropic.claude-instant-v1", "anthropic-text")

    assert found == [
        {"completion": "Hi", "stop_reason": None, "stop": None},
        {"completion": " there", "stop_reason": None, "stop": None},
        {"completion": "", "stop_reason": "stop_sequence", "stop": "\n\nHuman:", **METRICS},
    ]
    assert body(HI, "anthropic.claude-v2", "anthropic")["type"] == "message"


def test_nova_wraps_its_events_and_gives_every_delta_a_block() -> None:
    said = {**HI, "toolCalls": [{"name": "f", "id": "t1", "arguments": {"a": 1}}]}
    usage = {
        "inputTokens": 14,
        "outputTokens": 10,
        "cacheReadInputTokenCount": 0,
        "cacheWriteInputTokenCount": 0,
    }

    assert chunks(said, NOVA) == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": " there"}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {
            "contentBlockStart": {
                "start": {"toolUse": {"toolUseId": "t1", "name": "f"}},
                "contentBlockIndex": 2,
            }
        },
        {
            "contentBlockDelta": {
                "delta": {"toolUse": {"input": '{"a":1}'}},
                "contentBlockIndex": 2,
            }
        },
        {"contentBlockStop": {"contentBlockIndex": 2}},
        {"messageStop": {"stopReason": "tool_use"}},
        {"metadata": {"usage": usage, "metrics": {}, "trace": {}}, **METRICS},
    ]


def test_nova_s_body() -> None:
    assert body(HI, NOVA) == {
        "output": {"message": {"content": [{"text": "Hi there"}], "role": "assistant"}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 14,
            "outputTokens": 10,
            "totalTokens": 24,
            "cacheReadInputTokenCount": 0,
            "cacheWriteInputTokenCount": 0,
        },
    }

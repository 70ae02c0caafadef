"""Keys without effect are told, and what is stated beside a body reaches its headers."""

from typing import Any

import pytest

from tests.answering import answer, faults

EVENTS: dict[str, Any] = {
    "events": [
        {"messageStart": {"role": "assistant"}},
        {"messageStop": {"stopReason": "end_turn"}},
        {
            "metadata": {
                "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
                "metrics": {"latencyMs": 1},
            }
        },
    ]
}
BODY: dict[str, Any] = {"body": {"embedding": [0.5]}}
CHUNKS: dict[str, Any] = {"chunks": [{"a": 1}]}
ERROR: dict[str, Any] = {"error": {"message": "m"}}
CONTENT: dict[str, Any] = {"content": "hello"}

OF_CONTENT: list[dict[str, Any]] = [
    {"stopReason": "end_turn"},
    {"finishReason": "stop"},
    {"stopSequence": "x"},
    {"additionalModelResponseFields": {}},
    {"trace": {}},
    {"performanceConfig": {"latency": "optimized"}},
    {"serviceTier": {"type": "flex"}},
    {"reasoningSignature": "c2ln"},
    {"id": "a"},
    {"model": "a"},
]
OF_HEADERS: list[dict[str, Any]] = [{"usage": {"inputTokens": 1}}, {"latencyMs": 5}]


def warnings(response: dict[str, Any], **options: Any) -> list[tuple[str, str]]:
    found = faults({"match": {}, "response": response, **options})
    assert {severity for _, severity, _ in found} <= {"warning"}
    return [(path.rpartition(".")[2], message) for path, _, message in found]


def header(response: dict[str, Any], name: str) -> str | None:
    headers = dict(answer(response, "invoke").headers)
    return headers.get(f"x-amzn-bedrock-{name}")


@pytest.mark.parametrize("stated", OF_CONTENT)
@pytest.mark.parametrize("beside", [EVENTS, BODY, CHUNKS, ERROR, {**BODY, **CHUNKS}])
def test_a_key_of_content_without_content_is_a_warning(
    stated: dict[str, Any], beside: dict[str, Any]
) -> None:
    ((key, message),) = warnings({**beside, **stated})

    assert key == next(iter(stated))
    assert message.startswith(f"has no effect beside {', '.join(beside)}")


@pytest.mark.parametrize("stated", OF_CONTENT[:-3] + OF_HEADERS)
@pytest.mark.parametrize("beside", [{}, BODY, CHUNKS])
def test_beside_content_they_have_an_effect(stated: dict[str, Any], beside: dict[str, Any]) -> None:
    found = warnings({**CONTENT, **beside, **stated})
    assert [key for key, message in found if "has no effect" in message] == []


@pytest.mark.parametrize("stated", OF_HEADERS)
@pytest.mark.parametrize("beside", [EVENTS, CHUNKS, ERROR])
def test_counts_that_no_header_tells_are_a_warning(
    stated: dict[str, Any], beside: dict[str, Any]
) -> None:
    ((key, message),) = warnings({**beside, **stated})

    assert (key, "has no effect" in message) == (next(iter(stated)), True)


def test_usage_beside_a_body_is_told_by_its_headers() -> None:
    usage = {"prompt_tokens": 7, "cacheReadInputTokens": 3}
    response = {**BODY, "usage": usage, "latencyMs": 120}

    assert warnings(response) == []
    assert header(response, "input-token-count") == "7"
    assert header(response, "output-token-count") is None
    assert header(response, "cache-read-input-token-count") == "3"
    assert header(response, "cache-write-input-token-count") == "0"
    assert header(response, "invocation-latency") == "120"


def test_usage_that_is_stated_wins_over_what_a_body_tells() -> None:
    native = {"body": {"usage": {"input_tokens": 1, "output_tokens": 2}}}
    response = {**native, "usage": {"inputTokens": 7}}

    assert (header(native, "input-token-count"), header(native, "output-token-count")) == ("1", "2")
    assert header(response, "input-token-count") == "7"
    assert header(response, "output-token-count") == "2"


def test_bad_counts_beside_a_body_are_an_error() -> None:
    ((path, severity, _),) = faults(
        {"match": {}, "response": {**BODY, "usage": {"inputTokens": -1}}}
    )

    assert (path, severity) == ("$.fixtures[0].response.usage.inputTokens", "error")


@pytest.mark.parametrize("response", [EVENTS, BODY, CHUNKS, ERROR])
def test_a_chunk_size_without_content_is_a_warning(response: dict[str, Any]) -> None:
    ((key, message),) = warnings(response, chunkSize=5)

    assert (key, "no content to cut" in message) == ("chunkSize", True)
    assert warnings(CONTENT, chunkSize=5) == []


def test_a_signature_without_reasoning_is_a_warning() -> None:
    assert [key for key, _ in warnings({**CONTENT, "reasoningSignature": "c2ln"})] == [
        "reasoningSignature"
    ]
    assert warnings({**CONTENT, "reasoning": "Hm.", "reasoningSignature": "c2ln"}) == []


def test_a_template_of_an_error_is_a_warning() -> None:
    error = {"error": {"message": "no {{userMessage}}"}, "template": True}

    assert [key for key, _ in warnings(error)] == ["template"]


def test_keys_that_only_the_peer_uses_are_left_alone() -> None:
    theirs = {"webSearches": ["a"], "created": 1, "role": "assistant", "fallthrough": False}

    for response in (BODY, EVENTS, ERROR):
        assert warnings({**response, **theirs}) == []

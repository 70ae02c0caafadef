"""A faulty part of a fixture hides no fault of another part, and makes none up."""

from typing import Any, Final

import pytest

from bedrock_frames.fixtures import Fault, summary
from tests.answering import faults
from tests.fault_cases import ERRORS, delta, response

_MATCH: Final = [
    case for case in ERRORS if case[2].startswith(".match.") and "operation that" not in case[0]
]
_RESPONSE: Final = [
    case
    for case in ERRORS
    if case[2].startswith(".response.") and set(case[1]) == {"match", "response"}
]
_BAD_CALL: Final = {"name": "f", "arguments": "{bad"}
_BAD_STOP: Final = "$.fixtures[0].response.stopReason"


def places(*fixtures: Any) -> list[str]:
    """Return where faults are, without the path of the first fixture."""
    return [path.removeprefix("$.fixtures[0]") for path, _, _ in faults(*fixtures)]


@pytest.mark.parametrize("case", _MATCH, ids=[case[0] for case in _MATCH])
def test_a_faulty_match_hides_no_fault_of_the_response(case: Any) -> None:
    broken = {**case[1], "response": {"content": "a", "stopReason": "x"}}

    assert {f"$.fixtures[0]{case[2]}", _BAD_STOP} <= {path for path, _, _ in faults(broken)}


@pytest.mark.parametrize("case", _RESPONSE, ids=[case[0] for case in _RESPONSE])
def test_a_faulty_response_hides_no_fault_of_match_or_options(case: Any) -> None:
    options = {"timing": {"ttft_ms": 1}, "latency": 2}
    broken = {**case[1], "match": {**case[1]["match"], "session": {"regex": "("}}, **options}

    assert sorted(places(broken)) == sorted([*places(case[1]), ".match.session", ".latency"])


def test_a_key_that_is_not_known_hides_no_faults_beside_it() -> None:
    assert places(response(contnet="a", toolCalls=[_BAD_CALL], stopReason="x")) == [
        ".response.contnet",
        ".response.toolCalls[0].arguments",
        ".response.stopReason",
    ]


def test_items_keep_their_numbers_where_items_before_them_do_not_fit_the_format() -> None:
    calls = [{"nam": "f", "arguments": {}}, 5, {"name": "g", "arguments": {}}, _BAD_CALL]
    blocks = [{"type": "txt"}, {"type": "text", "text": "a"}, {"type": "toolCall", **_BAD_CALL}]
    odd = {"type": "image", "format": "bmp", "source": {"bytes": "aW1n"}}

    assert places(response(toolCalls=calls)) == [
        ".response.toolCalls[0].name",
        ".response.toolCalls[0].nam",
        ".response.toolCalls[1]",
        ".response.toolCalls[3].arguments",
    ]
    assert places(response(blocks=[*blocks, odd])) == [
        ".response.blocks[0]",
        ".response.blocks[2].arguments",
        ".response.blocks[3].format",
    ]
    responses = [{"weight": 0, "response": {"content": "a"}}, {"response": {"finishReason": "x"}}]
    assert places({"match": {}, "responses": responses}) == [
        ".responses[0].weight",
        ".responses[1].response",
    ]


def test_every_bad_condition_of_a_match_is_reported() -> None:
    bad = {"regex": "("}
    match = {"userMessage": bad, "systemMessage": ["a", bad, bad], "session": bad, "model": 5}

    assert sorted(places({"match": match, "response": {"content": "a"}})) == [
        ".match.model",
        ".match.session",
        ".match.systemMessage[1]",
        ".match.systemMessage[2]",
        ".match.userMessage",
    ]


def test_every_kind_of_answer_in_a_response_is_checked() -> None:
    said: dict[str, Any] = {
        "error": {"name": "Throttling", "message": "m"},
        "events": [delta(txt="a")],
        "chunks": [{"bytes": "%"}],
        "toolCalls": [_BAD_CALL],
        "stopReason": "x",
        "finishReason": "y",
        "usage": {"inputTokens": 1.5},
        "exceptionAfter": {"events": 1, "name": "throttled"},
    }
    found = places(response(**said))

    assert {
        ".response.error",
        ".response.error.name",
        ".response.events",
        ".response.events[0].contentBlockDelta.delta.txt",
        ".response.chunks[0].bytes",
        ".response.toolCalls[0].arguments",
        ".response.stopReason",
        ".response.finishReason",
        ".response.usage.inputTokens",
        ".response.exceptionAfter.name",
    } <= set(found)


def test_response_beside_responses_are_both_checked() -> None:
    bad = {"content": "a", "stopReason": "x"}

    assert sorted(places({"match": {}, "response": bad, "responses": [{"response": bad}]})) == [
        "",
        ".response.stopReason",
        ".responses[0].response.stopReason",
    ]


@pytest.mark.parametrize(
    ("fixture", "only"),
    [
        pytest.param(response(contnet="a"), ".response.contnet", id="no answer"),
        pytest.param(response(toolCalls=[5]), ".response.toolCalls[0]", id="no tool call"),
        pytest.param(
            response(status=429, error={"message": 5}), ".response.error.message", id="no error"
        ),
        pytest.param(
            {"match": {"operation": "converse"}, "response": {"body": {}, "contnet": "a"}},
            ".response.contnet",
            id="no answer to an operation",
        ),
        pytest.param(
            {"match": {"operation": "converse"}, "response": {"content": "a", "stopReason": "x"}},
            ".response.stopReason",
            id="an answer with a fault",
        ),
        pytest.param(
            {
                "match": {"operatoin": "invoke-with-response-stream"},
                "response": {
                    "content": "a",
                    "exceptionAfter": {"events": 1, "name": "modelTimeoutException"},
                },
            },
            ".match.operatoin",
            id="no operation",
        ),
        pytest.param(
            response(template=True, content="a", blocks=[{"type": "text", "text": 5}]),
            ".response.blocks[0].text",
            id="no placeholder",
        ),
        pytest.param(
            response(events=[{"messageStart": {"role": "assistant"}}, 5, delta(text="a")]),
            ".response.events[1]",
            id="no event",
        ),
        pytest.param({"match": {}, "reponse": {"content": "a"}}, ".reponse", id="no response"),
        pytest.param(
            response(toolCalls=[{"name": "a\ud83d", "arguments": {}}]),
            ".response.toolCalls[0].name",
            id="no name, for it cannot be sent",
        ),
    ],
)
def test_what_a_faulty_part_would_have_said_is_not_missed(fixture: Any, only: str) -> None:
    assert places(fixture) == [only]


def test_what_is_missing_is_missed_whatever_else_is_faulty() -> None:
    assert places({"match": {"userMesage": "x"}}) == [".match.userMesage", ""]
    assert places({"response": {"content": "a", "stopReason": "x"}}) == [
        ".match",
        ".response.stopReason",
    ]
    assert places({"match": {"model": 5}, "response": {"status": 429}}) == [
        ".match.model",
        ".response",
    ]


@pytest.mark.parametrize(
    ("errors", "warnings", "words"),
    [(0, 0, "0 errors, 0 warnings"), (1, 2, "1 error, 2 warnings"), (3, 1, "3 errors, 1 warning")],
)
def test_faults_are_counted_in_words(errors: int, warnings: int, words: str) -> None:
    found = [Fault("a.json", "$", str(number)) for number in range(errors)]
    found += [Fault("a.json", "$", str(number), "warning") for number in range(warnings)]

    assert summary(found) == words

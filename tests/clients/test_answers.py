"""What real clients make of text, tools, reasoning and errors."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames._core import JournalEntry
from bedrock_frames.pytest_plugin import Bedrock
from tests.clients.commands import python_of
from tests.clients.running import ATTEMPTS, REACHED, Client, serving, variables
from tests.clients.talk import Reply, Turn

HELLO: Final = (
    '{"fixtures":[{"match":{"userMessage":"hello"},'
    '"response":{"content":"Hello! How can I help you today?"}}]}'
)

STREAMED: Final = {True: "streamed", False: "whole"}

OPERATIONS: Final = {
    (False, False): "converse",
    (False, True): "converse-stream",
    (True, False): "invoke",
    (True, True): "invoke-with-response-stream",
}
"""By whether a client speaks InvokeModel, and streams."""


def over(names: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrise a test's ``client`` and ``stream``."""
    cases = [(name, stream) for name in names for stream in STREAMED]
    return pytest.mark.parametrize(
        ("client", "stream"),
        cases,
        ids=[f"{name}-{STREAMED[stream]}" for name, stream in cases],
        indirect=["client"],
    )


each: Final = over(REACHED)
each_sdk: Final = over(name for name, kind in REACHED.items() if kind.asks_again == 1)
each_agent: Final = over(name for name, kind in REACHED.items() if kind.asks_again > 1)
each_aws_sdk_streamed: Final = pytest.mark.parametrize(
    "client", [name for name, kind in REACHED.items() if kind.aws_sdk], indirect=True
)
each_streamed: Final = pytest.mark.parametrize("client", REACHED, indirect=True)
each_aws_sdk: Final = over(name for name, kind in REACHED.items() if kind.aws_sdk)


def messages_text(chunks: list[Any]) -> str:
    """Return the text of an Anthropic message, whole or in events."""
    blocks = (
        chunks[0]["content"] if "content" in chunks[0] else [c.get("delta", {}) for c in chunks]
    )
    return "".join(block.get("text", "") for block in blocks)


def turns_of(reply: Reply) -> list[Turn]:
    """Return the turns of a reply that must have some."""
    assert "turns" in reply, reply
    return reply["turns"]


def asked(bedrock: Bedrock) -> list[JournalEntry]:
    """Return the requests for an answer; Strands 1.38.0 counts the tokens of each before it."""
    return [request for request in bedrock.requests if request.operation != "count-tokens"]


def statuses(bedrock: Bedrock) -> list[int]:
    """Return how each of them was answered."""
    return [request.status for request in asked(bedrock)]


@pytest.mark.parametrize("environment", ["older", "newest"])
def test_strands_says_hello_as_in_the_issue_that_started_it(
    environment: str, tmp_path: Path
) -> None:
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text(HELLO)
    with serving(fixtures) as url:
        done = subprocess.run(
            [python_of(environment), Path(__file__).with_name("strands_hello.py"), url],
            env=variables(url),
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.stdout.strip(), done.returncode) == ("Hello! How can I help you today?", 0)


@each
def test_text_arrives(client: Client, stream: bool, bedrock: Bedrock) -> None:
    text = "Grüße, 世界! 👩‍👩‍👧 And more, so that it takes many pieces to say.\n\n- a\n- b"
    bedrock.add(match={"userMessage": "hello"}, response={"content": text})
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn == Turn(text=text, reasoning="", calls=[])
    (request,) = asked(bedrock)
    assert (request.operation, request.status) == (OPERATIONS[client.kind.native, stream], 200)


@each_aws_sdk
def test_invoke_model_gives_what_the_model_said(
    client: Client, stream: bool, bedrock: Bedrock
) -> None:
    bedrock.add(response={"content": "Grüße, 世界! As the model has it."})
    reply = client.ask("hello", stream=stream, native=True)

    assert "chunks" in reply, reply
    assert messages_text(reply["chunks"]) == "Grüße, 世界! As the model has it."
    (request,) = asked(bedrock)
    assert (request.operation, request.status) == (OPERATIONS[True, stream], 200)


@each
def test_a_paced_text_arrives_too(client: Client, stream: bool, bedrock: Bedrock) -> None:
    timing = {"ttft_ms": 4, "gap_ms": 1}
    bedrock.add(response={"content": "One word after the other."}, timing=timing)
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn["text"] == "One word after the other."


@each
def test_a_tool_loop_of_three_turns_with_parallel_calls(
    client: Client, stream: bool, bedrock: Bedrock
) -> None:
    def call(number: int, name: str, **arguments: str) -> dict[str, Any]:
        return {"name": name, "id": f"tooluse_{number}", "arguments": arguments}

    bedrock.add(
        match={"userMessage": "weather", "hasToolResult": False},
        response={
            "content": "Let me look.",
            "toolCalls": [
                call(1, "get_weather", city="San Francisco"), call(2, "get_time", zone="UTC"),
            ],
        },
    )  # fmt: skip
    bedrock.add(
        match={"toolCallId": "tooluse_1", "toolResultContains": "rain in San Francisco"},
        response={"toolCalls": [call(3, "get_weather", city="New York")]},
    )
    bedrock.add(
        match={"toolCallId": "tooluse_3", "toolResultContains": "rain in New York"},
        response={"content": "Rain in both."},
    )
    turns = turns_of(client.ask("How is the weather?", stream=stream, tools=True))

    assert [(turn["text"], turn["calls"]) for turn in turns] == [
        (
            "Let me look.",
            [["get_weather", {"city": "San Francisco"}], ["get_time", {"zone": "UTC"}]],
        ),
        ("", [["get_weather", {"city": "New York"}]]),
        ("Rain in both.", []),
    ]
    assert statuses(bedrock) == [200] * 3
    sent = json.loads(asked(bedrock)[1].body)["messages"]
    assert all(said in json.dumps(sent[-1]) for said in ("rain in San Francisco", "noon in UTC"))


@each
def test_reasoning_comes_before_the_text(client: Client, stream: bool, bedrock: Bedrock) -> None:
    bedrock.add(
        response={"reasoning": "Two and two.", "reasoningSignature": "c2lnbg==", "content": "4"}
    )
    (turn,) = turns_of(client.ask("2+2?", stream=stream))

    assert turn == Turn(text="4", reasoning="Two and two.", calls=[])


@each_sdk
def test_a_throttled_request_is_tried_again(client: Client, stream: bool, bedrock: Bedrock) -> None:
    bedrock.add(response={"content": "at last"})
    bedrock.next_error("ThrottlingException", "Too many requests")
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn["text"] == "at last"
    assert statuses(bedrock) == [429, 200]


@each_agent
def test_an_agent_tries_again_when_its_sdk_gives_up(
    client: Client, stream: bool, bedrock: Bedrock
) -> None:
    error = {"name": "ThrottlingException", "message": "Too many requests"}
    bedrock.add(match={"sequenceIndex": 0}, response={"error": error})
    bedrock.add(match={"sequenceIndex": 1}, response={"content": "at last"})
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn["text"] == "at last"
    # The attempts of an SDK are one step of a sequence.
    assert [(request.status, request.attempt) for request in asked(bedrock)] == [
        (429, 1),
        (429, 2),
        (200, 1),
    ]


THROTTLED: Final = {
    "boto3": "ThrottlingException",
    "boto3-1.43": "ThrottlingException",
    "aiobotocore": "ThrottlingException",
    "strands-1.38.0": "ModelThrottledException",
    "strands": "ModelThrottledException",
    "langchain-aws": "ThrottlingException",
    "anthropic": "RateLimitError",
    "pydantic-ai": "ModelHTTPError",
    "aws-sdk-go": "ThrottlingException",
    "aws-sdk-java": "ThrottlingException",
    "aws-sdk-js": "ThrottlingException",
    "aws-sdk-rust": "ThrottlingException",
}
"""What each client raises when it is throttled for good."""


@each
def test_throttling_for_good_has_its_type(client: Client, stream: bool, bedrock: Bedrock) -> None:
    error = {"name": "ThrottlingException", "message": "Too many requests"}
    bedrock.add(response={"error": error})
    reply = client.ask("hello", stream=stream)

    assert THROTTLED[client.kind.name] in reply["failure"]["kinds"], reply
    assert "Too many requests" in reply["failure"]["message"]
    attempts = ATTEMPTS * client.kind.asks_again
    assert statuses(bedrock) == [429] * attempts


REFUSED: Final = {
    "anthropic": "BadRequestError",
    "pydantic-ai": "ModelHTTPError",
}
"""What a client raises when its request is wrong; the others have Bedrock's."""


@each
def test_a_wrong_request_is_not_tried_again(client: Client, stream: bool, bedrock: Bedrock) -> None:
    error = {"name": "ValidationException", "message": "The model identifier is invalid."}
    bedrock.add(response={"error": error})
    reply = client.ask("hello", stream=stream)

    assert REFUSED.get(client.kind.name, "ValidationException") in reply["failure"]["kinds"], reply
    assert "The model identifier is invalid." in reply["failure"]["message"]
    assert statuses(bedrock) == [400]


BROKEN: Final = {
    "boto3": "EventStreamError",
    "boto3-1.43": "EventStreamError",
    "aiobotocore": "EventStreamError",
    "strands-1.38.0": "ModelThrottledException",
    "strands": "ModelThrottledException",
    "langchain-aws": "EventStreamError",
    "anthropic": "APIStatusError",
    "pydantic-ai": "ModelHTTPError",
    "aws-sdk-go": "ThrottlingException",
    "aws-sdk-java": "ThrottlingException",
    "aws-sdk-js": "ThrottlingException",
    "aws-sdk-rust": "ThrottlingException",
}
"""What each client raises when it is throttled in mid-stream."""


@each_streamed
def test_an_exception_inside_a_stream_has_its_type(client: Client, bedrock: Bedrock) -> None:
    bedrock.add(
        response={
            "content": "A text that is cut off before its end by an error.",
            "exceptionAfter": {
                "events": 3, "name": "throttlingException", "message": "Too many tokens",
            },
        }
    )  # fmt: skip
    reply = client.ask("hello", stream=True)

    assert BROKEN[client.kind.name] in reply["failure"]["kinds"], reply
    assert "Too many tokens" in reply["failure"]["message"]
    # Only one SDK tries a stream again that has begun; agents may.
    assert statuses(bedrock) == [200] * client.kind.tries_streams * client.kind.asks_again


@each_aws_sdk_streamed
def test_an_exception_inside_a_native_stream_has_its_type(client: Client, bedrock: Bedrock) -> None:
    bedrock.add(
        match={"operation": "invoke-with-response-stream"},
        response={
            "content": "A text that is cut off before its end by an error.",
            "exceptionAfter": {
                "events": 3, "name": "modelTimeoutException", "message": "Too long",
            },
        },
    )  # fmt: skip
    reply = client.ask("hello", stream=True, native=True)

    expected = {"EventStreamError", "ModelTimeoutException"}
    assert expected & set(reply["failure"]["kinds"]), reply
    assert "Too long" in reply["failure"]["message"]
    assert statuses(bedrock) == [200]


@each
def test_a_miss_tells_its_reason(client: Client, stream: bool, bedrock: Bedrock) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi"}, name="the greeting")
    reply = client.ask("goodbye", stream=stream)

    assert "the greeting" in reply["failure"]["message"]
    assert statuses(bedrock) == [404]

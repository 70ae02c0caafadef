"""What real clients make of errors, before a stream and inside it."""

from typing import Final

from bedrock_frames.server import Server
from tests.clients.asking import (
    asked,
    each,
    each_agent,
    each_aws_sdk_streamed,
    each_sdk,
    each_streamed,
    statuses,
    turns_of,
)
from tests.clients.running import ATTEMPTS, Client


@each_sdk
def test_a_throttled_request_is_tried_again(client: Client, stream: bool, bedrock: Server) -> None:
    bedrock.add(response={"content": "at last"})
    bedrock.next_error("ThrottlingException", "Too many requests")
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn["text"] == "at last"
    assert statuses(bedrock) == [429, 200]


@each_agent
def test_an_agent_tries_again_when_its_sdk_gives_up(
    client: Client, stream: bool, bedrock: Server
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
    "litellm": "RateLimitError",
    "llama-index": "ThrottlingException",
    "vercel-ai-sdk": "AI_RetryError",
    "langchain-js": "ThrottlingException",
    "aws-sdk-go": "ThrottlingException",
    "aws-sdk-java": "ThrottlingException",
    "aws-sdk-js": "ThrottlingException",
    "aws-sdk-rust": "ThrottlingException",
}
"""What each client raises when it is throttled for good."""


@each
def test_throttling_for_good_has_its_type(client: Client, stream: bool, bedrock: Server) -> None:
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
    "litellm": "BadRequestError",
    "vercel-ai-sdk": "AI_APICallError",
}
"""What a client raises when its request is wrong; the others have Bedrock's."""


@each
def test_a_wrong_request_is_not_tried_again(client: Client, stream: bool, bedrock: Server) -> None:
    error = {"name": "ValidationException", "message": "The model identifier is invalid."}
    bedrock.add(response={"error": error})
    reply = client.ask("hello", stream=stream)

    assert REFUSED.get(client.kind.name, "ValidationException") in reply["failure"]["kinds"], reply
    assert "The model identifier is invalid." in reply["failure"]["message"]
    assert statuses(bedrock) == [400] * client.kind.asks_refused


BROKEN: Final = {
    "boto3": "EventStreamError",
    "boto3-1.43": "EventStreamError",
    "aiobotocore": "EventStreamError",
    "strands-1.38.0": "ModelThrottledException",
    "strands": "ModelThrottledException",
    "langchain-aws": "EventStreamError",
    "anthropic": "APIStatusError",
    "pydantic-ai": "ModelHTTPError",
    "litellm": "MidStreamFallbackError",
    "llama-index": "EventStreamError",
    # The event's own JSON, as a plain object.
    "vercel-ai-sdk": "Object",
    "langchain-js": "ThrottlingException",
    "aws-sdk-go": "ThrottlingException",
    "aws-sdk-java": "ThrottlingException",
    "aws-sdk-js": "ThrottlingException",
    "aws-sdk-rust": "ThrottlingException",
}
"""What each client raises when it is throttled in mid-stream."""


@each_streamed
def test_an_exception_inside_a_stream_has_its_type(client: Client, bedrock: Server) -> None:
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
def test_an_exception_inside_a_native_stream_has_its_type(client: Client, bedrock: Server) -> None:
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
def test_a_miss_tells_its_reason(client: Client, stream: bool, bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi"}, name="the greeting")
    reply = client.ask("goodbye", stream=stream)

    assert "the greeting" in reply["failure"]["message"]
    assert statuses(bedrock) == [404] * client.kind.asks_refused

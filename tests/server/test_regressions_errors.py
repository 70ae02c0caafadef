"""What has gone wrong in fakes of Bedrock before, one test each: errors, as boto3 knows them."""

from contextlib import closing
from typing import Any, Final

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

import bedrock_frames as bf
from bedrock_frames.fixtures import FixtureError
from bedrock_frames.server import Server
from tests.support.bedrock_replies import STREAMS, body_for, post
from tests.support.http_client import MODEL, asking

IN_EVERY_STREAM: Final = {
    "internalServerException",
    "modelStreamErrorException",
    "validationException",
    "throttlingException",
    "serviceUnavailableException",
}
ONLY_IN_INVOKE: Final = "modelTimeoutException"


def fail_after(events: int, name: str) -> dict[str, Any]:
    failure = {"events": events, "name": name, "message": "because"}
    return {"content": "A text that goes on.", "exceptionAfter": failure}


@pytest.mark.parametrize("name", sorted(IN_EVERY_STREAM))
@pytest.mark.parametrize("spelled", ["lower", "upper"])
def test_an_exception_in_a_stream_has_the_name_of_its_member(
    bedrock: Server, name: str, spelled: str
) -> None:
    stated = name if spelled == "lower" else name[0].upper() + name[1:]
    bedrock.add(response=fail_after(2, stated))
    response = bedrock.client().converse_stream(modelId=MODEL, messages=asking("hello")["messages"])
    with closing(response["stream"]) as stream, pytest.raises(EventStreamError) as caught:
        list(stream)
    messages = bf.decode_all(post(bedrock, STREAMS[0], asking("hello")).body)

    assert caught.value.response["Error"] == {"Code": name, "Message": "because"}
    assert [message.message_type for message in messages] == ["event", "event", "exception"]
    assert messages[-1].exception_type == name


@pytest.mark.parametrize("name", sorted({*IN_EVERY_STREAM, ONLY_IN_INVOKE}))
def test_an_exception_in_an_invoke_stream_has_the_name_of_its_member(
    bedrock: Server, name: str
) -> None:
    bedrock.add(match={"operation": STREAMS[1]}, response=fail_after(3, name))
    messages = bf.decode_all(post(bedrock, STREAMS[1], body_for("invoke", "hello")).body)

    assert [message.event_type for message in messages[:-1]] == ["chunk"] * 3
    assert messages[-1].exception_type == name


def test_a_converse_stream_cannot_time_out_by_an_exception(bedrock: Server) -> None:
    with pytest.raises(FixtureError, match=ONLY_IN_INVOKE):
        bedrock.add(response=fail_after(2, ONLY_IN_INVOKE))


def test_an_unstreamed_answer_fails_at_once(bedrock: Server) -> None:
    bedrock.add(response=fail_after(2, "throttlingException"))
    client = bedrock.client(config=Config(retries={"total_max_attempts": 1}))

    with pytest.raises(client.exceptions.ThrottlingException):
        client.converse(modelId=MODEL, messages=asking("hello")["messages"])


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_throttling_is_retried_in_every_mode_of_botocore(bedrock: Server, mode: Any) -> None:
    bedrock.add(response={"content": "at last"})
    bedrock.next_error("ThrottlingException", "Too many requests")
    client = bedrock.client(config=Config(retries={"mode": mode, "total_max_attempts": 2}))
    client.converse(modelId=MODEL, messages=asking("hello")["messages"])

    assert [request.status for request in bedrock.requests] == [429, 200]


def test_aimock_s_rate_limit_is_an_exception_that_boto3_knows(bedrock: Server) -> None:
    bedrock.add(
        response={
            "error": {"message": "Rate limited", "type": "rate_limit_error"},
            "status": 429,
            "retryAfter": 3,
        }
    )
    client = bedrock.client(config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(client.exceptions.ThrottlingException) as caught:
        client.converse(modelId=MODEL, messages=asking("hello")["messages"])

    assert caught.value.response["Error"]["Message"] == "Rate limited"
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "3"


def test_a_miss_is_legible_in_boto3(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi"}, name="greeting")
    with pytest.raises(ClientError, match="greeting"):
        bedrock.client().converse(modelId=MODEL, messages=asking("bye")["messages"])

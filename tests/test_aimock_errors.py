"""aimock's own cases of errors, misses and cut connections, with the types that AWS SDKs know."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

import bedrock_frames as bf
from bedrock_frames.fixtures import FixtureError
from bedrock_frames.pytest_plugin import Bedrock
from bedrock_frames.server import Server
from tests.http_client import JSON
from tests.replies import OPERATIONS, STREAMS, body_for, error, post, say

STRICT: Final = {**JSON, "x-aimock-strict": "true"}

each = pytest.mark.parametrize("operation", OPERATIONS)
each_stream = pytest.mark.parametrize("operation", STREAMS)


@each
def test_an_error_of_a_fixture_is_typed(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(
        match={"userMessage": "fail"},
        response={"error": {"message": "Rate limited", "type": "rate_limit_error"}, "status": 429},
    )
    reply = post(bedrock, operation, body_for(operation, "fail"))

    assert error(reply) == (429, "ThrottlingException", "Rate limited")
    assert reply.json == {"message": "Rate limited"}


@each
def test_an_error_without_status_and_type_is_the_server_s(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(response={"error": {"message": "Oops"}})
    reply = post(bedrock, operation, body_for(operation, "fail"))

    assert error(reply) == (500, "InternalServerException", "Oops")


@each
def test_a_miss_is_a_resource_that_is_not_found(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi there!"})
    status, name, text = error(post(bedrock, operation, body_for(operation, "nomatch")))

    assert (status, name) == (404, "ResourceNotFoundException")
    assert "No fixture matched" in text


@each
@pytest.mark.parametrize(
    "body", [b"{not valid", b"{}", b'{"messages":"x"}', b"[]"], ids=["cut", "none", "text", "array"]
)
def test_a_body_that_makes_no_sense_is_the_client_s_fault(
    bedrock: Bedrock, operation: str, body: bytes
) -> None:
    bedrock.add(response={"content": "Hi there!"})
    status, name, _ = error(post(bedrock, operation, body))

    assert (status, name) == (400, "ValidationException")


@each
def test_a_strict_miss_is_unavailable(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi there!"})
    miss = post(bedrock, operation, body_for(operation, "nomatch"), headers=STRICT)
    hit = post(bedrock, operation, body_for(operation, "hello"), headers=STRICT)

    assert error(miss)[:2] == (503, "ServiceUnavailableException")
    assert "Strict mode: no fixture matched" in error(miss)[2]
    assert hit.status == 200


@each
def test_a_strict_miss_says_when_a_sequence_is_over(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(match={"sequenceIndex": 0}, response={"content": "once"})
    first, second = (
        post(bedrock, operation, body_for(operation, "hello"), headers=STRICT) for _ in range(2)
    )

    assert first.status == 200
    assert error(second) == (
        503,
        "ServiceUnavailableException",
        "Strict mode: 1 candidate fixture(s) skipped by sequence/turn state.",
    )


@pytest.fixture(scope="module")
def strict_server() -> Iterator[Server]:
    with Server(strict=True) as server:
        yield server


@pytest.mark.parametrize(
    ("header", "status"), [(None, 503), ("false", 404), ("0", 404), ("1", 503), (" TRUE ", 503)]
)
def test_the_header_wins_over_a_strict_server(
    strict_server: Server, header: str | None, status: int
) -> None:
    headers = JSON if header is None else {**JSON, "X-AIMock-Strict": header}
    reply = post(Bedrock(strict_server), "converse", body_for("converse", "hello"), headers=headers)

    assert reply.status == status


@pytest.mark.parametrize(
    "response",
    [
        {"image": {"url": "x"}},
        {"toolCalls": [{"name": "get_weather", "arguments": "{bad"}]},
        {"toolCalls": [{"name": "", "arguments": "{}"}]},
        {"error": {"message": ""}},
        {"error": {"message": "m"}, "status": 99},
        {"error": {"message": "m"}, "status": 204},
    ],
    ids=["another service", "bad arguments", "no name", "no message", "no status", "no body"],
)
def test_what_cannot_be_served_is_refused_when_it_is_added(
    bedrock: Bedrock, response: dict[str, Any]
) -> None:
    with pytest.raises(FixtureError):
        bedrock.add(response=response)


@each_stream
@pytest.mark.parametrize("latency", [0, 2])
def test_a_truncated_stream_has_all_the_frames_that_were_promised(
    bedrock: Bedrock, operation: str, latency: int
) -> None:
    bedrock.add(
        response={"content": "ABCDEFGHIJKL"}, chunkSize=5, truncateAfterChunks=3, latency=latency
    )
    reply = post(bedrock, operation, body_for(operation, "hello"))
    (entry,) = bedrock.requests

    assert (reply.status, reply.complete) == (200, False)
    assert len(bf.decode_all(reply.body)) == 3
    assert (entry.outcome, entry.sent_frames) == ("aborted", 3)


@each_stream
def test_a_stream_ends_when_its_connection_is_cut(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(response={"content": "ABCDEFGHIJKL"}, latency=3_600_000, disconnectAfterMs=1)
    reply = post(bedrock, operation, body_for(operation, "hello"))

    assert not reply.complete
    assert [entry.outcome for entry in bedrock.requests] == ["aborted"]


@each
def test_a_one_shot_error_is_for_one_request(bedrock: Bedrock, operation: str) -> None:
    bedrock.add(response={"content": "Hi there!"})
    bedrock.next_error(status=503, message="Later")

    assert error(post(bedrock, operation, body_for(operation, "hello")))[:2] == (
        503,
        "ServiceUnavailableException",
    )
    assert say(bedrock, operation).blocks == [("text", "Hi there!")]

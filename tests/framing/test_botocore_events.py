"""Events parsed natively beside botocore's own parser: same results, order and exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.parsers import EventStreamJSONParser, ResponseParser
from hypothesis import given

from bedrock_frames import botocore as drop_in
from tests.support import botocore_events as events
from tests.support import vector_cases
from tests.support.botocore_events import bedrock, everything, response_of

if TYPE_CHECKING:
    from botocore.model import StructureShape

    from tests.support.botocore_events import Response
    from tests.support.vector_cases import Recording


def outcome(stream: StructureShape, response: Response, *, native: bool) -> object:
    """Return what parsing gives or raises, in a form in which equal is the same to the type."""
    parser = EventStreamJSONParser()
    try:
        if not native:
            return exact(ResponseParser.parse(parser, response, stream))
        drop_in.install()
        return exact(parser.parse(response, stream))
    except Exception as error:
        return type(error), str(error)
    finally:
        drop_in.uninstall()


def exact(value: object) -> object:
    if isinstance(value, dict):
        return type(value), [(key, exact(item)) for key, item in value.items()]
    if isinstance(value, list):
        return type(value), [exact(item) for item in value]
    return type(value), repr(value)


def is_native(stream: StructureShape, response: Response) -> bool:
    plan = drop_in._plan_of(stream)
    assert plan is not None
    return plan.parse(EventStreamJSONParser(), response) is not None


@pytest.mark.slow
@given(events.responses())
def test_any_event_parses_as_in_botocore(drawn: tuple[StructureShape, Response]) -> None:
    stream, response = drawn

    assert outcome(stream, response, native=True) == outcome(stream, response, native=False)


@pytest.mark.parametrize("member", events.EVENT)
def test_every_oddity_in_every_kind_of_member_parses_as_in_botocore(member: str) -> None:
    name = "text" if member == "Renamed" else member
    for oddity in events.ODDITIES:
        response = response_of("event", f'{{"{name}":{oddity}}}'.encode(errors="surrogatepass"))
        assert outcome(everything(), response, native=True) == outcome(
            everything(), response, native=False
        ), oddity


@pytest.mark.parametrize("event_type", everything().members)
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"null", b"[]", b'"a"', b"{", b'{"text":"a"}', b'{"text":"a"} x', b"\xff"),
        *(b'\xef\xbb\xbf{"text":"a"}', b'{"p":"\xff"}', b'{"p":"\xed\xa0\x80"}', b'{"\xff":1}'),
        *(b'{"zz":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"zz":' + b"1" * 5000 + b"}"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_any_body_parses_as_in_botocore(event_type: str, body: bytes) -> None:
    response = response_of(event_type, body)

    assert outcome(everything(), response, native=True) == outcome(
        everything(), response, native=False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"status_code": 400},
        {"status_code": 400, "headers": {":exception-type": "throttlingException"}},
        {"status_code": 503, "headers": {":error-code": "a", ":error-message": "b"}},
        {"headers": {}},
        {"headers": {":event-type": "unknown"}},
        {"headers": {":event-type": b"messageStop"}},
        {"headers": {":event-type": 7}},
        {"headers": {":event-type": "validationException"}},
        {"body": bytearray(b'{"stopReason":"x"}')},
        {"body": b'{"message":"too long"}'},
    ],
    ids=str,
)
def test_any_response_parses_as_in_botocore(changes: Response) -> None:
    response = response_of("messageStop", b'{"stopReason":"end_turn"}') | changes

    for operation in events.OPERATIONS:
        stream = bedrock(operation)
        assert outcome(stream, response, native=True) == outcome(stream, response, native=False)


@pytest.mark.parametrize(
    "recording", vector_cases.RECORDINGS, ids=[r.name for r in vector_cases.RECORDINGS]
)
def test_a_recording_parses_as_in_botocore_without_its_help(recording: Recording) -> None:
    buffer = drop_in.EventStreamBuffer()
    buffer.add_data(recording.data)

    for response in [message.to_response_dict() for message in buffer]:
        for operation in events.OPERATIONS:
            stream = bedrock(operation)
            assert outcome(stream, response, native=True) == outcome(stream, response, native=False)
            assert response["status_code"] != 200 or is_native(stream, response)


@pytest.mark.parametrize(
    ("event_type", "body"),
    [
        ("event", '{"text":"é\\n","p":"abc","list":["a",null],"union":{"blob":"aGk="}}'),
        ("event", '{"document":{"a":[1,2.5,true,null]},"recursive":{"next":{"text":"a"}}}'),
        ("event", '{"time":1577836800,"map":{"a":{"text":"b"}},"whole":7,"zz":[{"a":1}]}'),
        ("choice", '{"text":"a"}'),
        ("bare", '{"text":"a"}'),
        ("unknown", "{}"),
    ],
)
def test_ordinary_events_need_no_help(event_type: str, body: str) -> None:
    assert is_native(everything(), response_of(event_type, body.encode()))


def test_members_come_in_the_order_of_the_model() -> None:
    body = b'{"usage":{},"metrics":{"latencyMs":1}}'
    parsed = drop_in._plan_of(bedrock("ConverseStream"))
    assert parsed is not None
    event = parsed.parse(EventStreamJSONParser(), response_of("metadata", body))

    assert event is not None
    assert list(event["metadata"]) == ["usage", "metrics"]


def test_non_stream_shapes_are_left_to_botocore() -> None:
    event = everything().members["event"]

    assert drop_in._plan_of(event) is None
    assert drop_in._plan_of(None) is None

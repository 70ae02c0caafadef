"""``install()`` changes how botocore reads streams, not what; ``uninstall()`` takes it back."""

from __future__ import annotations

import base64
import logging
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import botocore.eventstream
import botocore.parsers
import pytest
from botocore.eventstream import EventStream
from botocore.eventstream import EventStreamBuffer as Theirs
from botocore.exceptions import EventStreamError
from botocore.parsers import EventStreamJSONParser, ResponseParser, ResponseParserError

from bedrock_frames import botocore as drop_in
from bedrock_frames.botocore import EventStreamBuffer as Ours
from tests.support import wire_format as wire
from tests.support.botocore_events import bedrock, everything, response_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CONVERSE: Final = "ConverseStream"


@pytest.fixture
def installed() -> Iterator[None]:
    drop_in.install()
    yield
    drop_in.uninstall()


def event(name: str, payload: bytes, **headers: str) -> bytes:
    return wire.encode({":event-type": name, ":message-type": "event", **headers}, payload)


STOP: Final = event("messageStop", b'{"p":"ab","stopReason":"end_turn"}')
STOPPED: Final = {"messageStop": {"stopReason": "end_turn"}}


class Body:
    """A response body that arrives in chunks."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.closed = False

    def stream(self) -> Iterator[bytes]:
        yield from self.chunks

    def close(self) -> None:
        self.closed = True


def stream_of(*chunks: bytes, cls: type[EventStream[Any]] = EventStream) -> EventStream[Any]:
    body: Any = Body(*chunks)
    return cls(body, bedrock(CONVERSE), EventStreamJSONParser(), CONVERSE)


def test_uninstalling_restores_every_name() -> None:
    def names() -> list[dict[str, object]]:
        owners = (
            botocore.eventstream,
            botocore.parsers,
            EventStreamJSONParser,
            EventStream,
            Theirs,
        )
        return [dict(vars(owner)) for owner in owners]

    before = names()
    drop_in.uninstall()
    drop_in.install()
    drop_in.install()
    assert names() != before
    drop_in.uninstall()
    assert names() == before
    drop_in.uninstall()
    assert names() == before


def test_installing_reaches_modules_that_imported_the_buffer_before() -> None:
    early = ModuleType("early_importer")
    early.EventStreamBuffer = Theirs  # type: ignore[attr-defined]
    sys.modules[early.__name__] = early
    try:
        drop_in.install()
        assert early.EventStreamBuffer is botocore.eventstream.EventStreamBuffer is Ours
        drop_in.uninstall()
        assert early.EventStreamBuffer is botocore.eventstream.EventStreamBuffer is Theirs
    finally:
        drop_in.uninstall()
        del sys.modules[early.__name__]


def test_threads_may_install_at_once() -> None:
    before = ResponseParser.parse
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        for _ in range(200):
            drop_in.install()
            assert list(stream_of(STOP)) == [STOPPED]
            drop_in.uninstall()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ResponseParser.parse is before
    assert botocore.eventstream.EventStreamBuffer is Theirs


@pytest.mark.usefixtures("installed")
def test_a_stream_gives_its_events_and_skips_what_it_does_not_know() -> None:
    unknown = event("somethingNew", b'{"a":1}')

    assert list(stream_of(STOP[:50], STOP[50:] + unknown, STOP)) == [STOPPED, STOPPED]


def test_a_stream_that_is_older_than_install_goes_on() -> None:
    fresh, started = stream_of(STOP, STOP), stream_of(STOP, STOP)
    events = iter(started)
    assert next(events) == STOPPED
    drop_in.install()
    try:
        assert list(events) == [STOPPED]
        assert list(fresh) == [STOPPED, STOPPED]
    finally:
        drop_in.uninstall()


def test_a_stream_that_is_older_than_uninstall_goes_on() -> None:
    drop_in.install()
    try:
        events = iter(stream_of(STOP, STOP))
        assert next(events) == STOPPED
    finally:
        drop_in.uninstall()
    assert list(events) == [STOPPED]


@pytest.mark.usefixtures("installed")
def test_an_exception_frame_is_botocore_s_event_stream_error() -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    stream = stream_of(STOP, wire.encode(headers, b'{"message":"slow down"}'), STOP)
    events = iter(stream)

    assert next(events) == STOPPED
    with pytest.raises(EventStreamError) as caught:
        next(events)
    assert caught.value.operation_name == CONVERSE
    assert caught.value.response["Error"] == {"Code": "throttlingException", "Message": "slow down"}
    assert list(stream) == [STOPPED]


@pytest.mark.usefixtures("installed")
def test_an_error_frame_is_botocore_s_event_stream_error() -> None:
    headers = {":message-type": "error", ":error-code": "Internal", ":error-message": "oh"}

    with pytest.raises(EventStreamError) as caught:
        list(stream_of(wire.encode(dict(headers))))
    assert caught.value.response["Error"] == {"Code": "Internal", "Message": "oh"}


@pytest.mark.usefixtures("installed")
def test_a_broken_union_is_botocore_s_error() -> None:
    delta = b'{"contentBlockIndex":0,"delta":{"text":"a","type":"text_delta"}}'

    with pytest.raises(ResponseParserError, match="must have one and only one member set"):
        list(stream_of(event("contentBlockDelta", delta)))


@pytest.mark.usefixtures("installed")
def test_an_unknown_union_member_is_botocore_s_placeholder() -> None:
    delta = b'{"contentBlockIndex":0,"delta":{"novel":"a"}}'
    (parsed,) = stream_of(event("contentBlockDelta", delta))

    assert parsed["contentBlockDelta"]["delta"] == {"SDK_UNKNOWN_MEMBER": {"name": "novel"}}


@pytest.mark.usefixtures("installed")
def test_a_corrupted_stream_is_botocore_s_error_after_its_good_events() -> None:
    events = iter(stream_of(STOP + STOP[:-1] + b"\0"))

    assert next(events) == STOPPED
    with pytest.raises(botocore.eventstream.ChecksumMismatch):
        next(events)


@pytest.mark.usefixtures("installed")
def test_the_initial_response_and_the_end_of_a_stream_are_botocore_s() -> None:
    stream = stream_of(event("initial-response", b"{}") + STOP)
    assert stream.get_initial_response().payload == b"{}"
    assert list(stream) == [STOPPED]

    with pytest.raises(botocore.eventstream.NoInitialResponseError):
        stream_of(STOP).get_initial_response()

    body: Any = Body(STOP)
    EventStream(body, bedrock(CONVERSE), EventStreamJSONParser(), CONVERSE).close()
    assert body.closed


@pytest.mark.usefixtures("installed")
def test_overrides_in_a_stream_subclass_are_preserved() -> None:
    class Tagged(EventStream):  # type: ignore[type-arg]  # generic in its stubs alone
        def _parse_event(self, event: Any) -> Any:
            return {"tagged": super()._parse_event(event)}  # type: ignore[misc]

    assert list(stream_of(STOP, cls=Tagged)) == [{"tagged": STOPPED}]


@pytest.mark.usefixtures("installed")
def test_overrides_in_a_parser_subclass_are_preserved() -> None:
    class Shouting(EventStreamJSONParser):
        def _default_handle(self, shape: Any, value: Any) -> Any:
            return value.upper() if shape.type_name == "string" else value

    response = response_of("messageStop", b'{"stopReason":"end_turn"}')

    assert Shouting().parse(response, bedrock(CONVERSE)) == {
        "messageStop": {"stopReason": "END_TURN"}
    }


@pytest.mark.usefixtures("installed")
def test_custom_blob_and_timestamp_parsers_are_preserved() -> None:
    parser = EventStreamJSONParser(timestamp_parser=repr, blob_parser=lambda value: f"<{value}>")
    response = response_of("event", b'{"blob":"aGk=","time":7}')

    assert parser.parse(response, everything()) == {"event": {"blob": "<aGk=>", "time": "7"}}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_a_given_parser_raises_comes_out(error: type[BaseException]) -> None:
    def refuse(value: object) -> object:
        raise error(value)

    parser = EventStreamJSONParser(timestamp_parser=refuse)

    with pytest.raises(error):
        parser.parse(response_of("event", b'{"time":7}'), everything())


@pytest.mark.usefixtures("installed")
def test_botocore_s_debug_log_stays_complete(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, botocore.parsers.LOG.name):
        assert list(stream_of(STOP)) == [STOPPED]

    assert [record.msg for record in caplog.records] == [
        "Response headers: %r",
        "Response body:\n%r",
    ]


@pytest.mark.usefixtures("installed")
def test_mixins_below_botocore_s_parser_are_preserved() -> None:
    """aiobotocore's parsers are made like this."""

    class Mixin(ResponseParser):
        def parse(self, response: Any, shape: Any) -> Any:
            return {"mixin": super().parse(response, shape)}

    class Parser(EventStreamJSONParser, Mixin):
        pass

    response = response_of("messageStop", b'{"stopReason":"end_turn"}')

    assert Parser().parse(response, bedrock(CONVERSE)) == {"mixin": STOPPED}


def test_install_preserves_third_party_parser_wrappers() -> None:
    calls = []
    botocore_s = ResponseParser.parse
    drop_in.install()
    inner = ResponseParser.parse

    def wrapper(self: Any, response: Any, shape: Any) -> Any:
        calls.append(response)
        return inner(self, response, shape)

    setattr(ResponseParser, "parse", wrapper)  # noqa: B010  (mypy refuses an assignment)
    try:
        for act in (drop_in.uninstall, drop_in.install, drop_in.uninstall):
            act()
            assert vars(ResponseParser)["parse"] is wrapper
            assert list(stream_of(STOP)) == [STOPPED]
        assert len(calls) == 3
    finally:
        drop_in.uninstall()
        setattr(ResponseParser, "parse", botocore_s)  # noqa: B010


@pytest.mark.usefixtures("installed")
def test_what_litellm_and_the_anthropic_sdk_do_gives_the_bytes_of_a_chunk() -> None:
    inner = b'{"type":"content_block_delta"}'
    payload = b'{"bytes":"%s","p":"abc"}' % base64.b64encode(inner)
    buffer, parser = botocore.eventstream.EventStreamBuffer(), EventStreamJSONParser()
    buffer.add_data(event("chunk", payload))
    (message,) = buffer
    response = message.to_response_dict()
    shape = bedrock("InvokeModelWithResponseStream")

    assert response["status_code"] == 200
    assert parser.parse(response, shape) == {"chunk": {"bytes": inner}}

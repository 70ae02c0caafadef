"""The drop-in buffer beside botocore's own: same messages, same exceptions, same moments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import pytest
from botocore.eventstream import EventStreamBuffer as Theirs
from hypothesis import given
from hypothesis import strategies as st

import bedrock_frames as bf
from bedrock_frames import botocore as drop_in
from bedrock_frames.botocore import EventStreamBuffer as Ours
from bedrock_frames.botocore import MalformedMessage, ParserError
from tests.support import strategies, vector_cases
from tests.support import wire_format as wire

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.vector_cases import Recording
    from tests.vectors.format import Content, Vector

Buffer: TypeAlias = Ours | Theirs

GOOD: Final = wire.encode({":message-type": "event", ":event-type": "chunk", "n": 7}, b"{}")
SEEN_IN_THE_PRELUDE: Final = {"message_length", "headers_length"}


class Outcome(NamedTuple):
    """What a reader of a buffer gets to see."""

    messages: list[dict[str, Any]]
    error: Exception | None

    def same(self, other: Outcome) -> bool:
        return self.messages == other.messages and described(self.error) == described(other.error)


def described(error: Exception | None) -> tuple[type[Exception], str] | None:
    return None if error is None else (type(error), str(error))


def seen(message: Any) -> dict[str, Any]:
    prelude = message.prelude
    return {
        "response": message.to_response_dict(),
        "types": [type(value) for value in message.headers.values()],
        "names": list(message.headers),
        "payload": message.payload,
        "crc": message.crc,
        "prelude": (prelude.total_length, prelude.headers_length, prelude.crc),
        "bounds": (prelude.payload_length, prelude.payload_end, prelude.headers_end),
    }


def read(buffer: Buffer, chunks: Iterable[bytes]) -> Outcome:
    messages = []
    try:
        for chunk in chunks:
            buffer.add_data(chunk)
            messages += [seen(message) for message in buffer]
    except Exception as error:
        return Outcome(messages, error)
    return Outcome(messages, None)


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@vector_cases.over(vector_cases.VALID)
def test_a_valid_stream_reads_as_botocore_reads_it(vector: Vector) -> None:
    expected = read(Theirs(), [vector.data])

    assert read(Ours(), [vector.data]).same(expected)
    assert read(Ours(), cut(vector.data, 7)).same(expected)


@vector_cases.over(vector_cases.FAULTY)
def test_a_faulty_stream_ends_as_in_botocore_or_in_a_parser_error(vector: Vector) -> None:
    theirs, ours = read(Theirs(), [vector.data]), read(Ours(), [vector.data])

    if isinstance(ours.error, MalformedMessage):
        cause = ours.error.__cause__
        assert isinstance(cause, bf.EventStreamError)
        if isinstance(theirs.error, ParserError):
            assert cause.kind in SEEN_IN_THE_PRELUDE
        assert ours.messages == theirs.messages[: len(ours.messages)]
    else:
        assert ours.same(theirs)


@pytest.mark.parametrize(
    "recording", vector_cases.RECORDINGS, ids=[r.name for r in vector_cases.RECORDINGS]
)
def test_a_recording_reads_as_botocore_reads_it(recording: Recording) -> None:
    assert read(Ours(), cut(recording.data, 1000)).same(read(Theirs(), [recording.data]))


@pytest.mark.slow
@given(
    st.lists(strategies.contents, max_size=4).flatmap(
        lambda contents: strategies.chunked(b"".join(map(framed, contents)))
    )
)
def test_any_stream_in_any_chunks_reads_as_botocore_reads_it(chunks: list[bytes]) -> None:
    assert read(Ours(), chunks).same(read(Theirs(), chunks))


def framed(content: Content) -> bytes:
    return wire.encode_typed(content.headers, content.payload)


@given(strategies.damaged_frames() | strategies.headers_blocks())
def test_a_damaged_frame_is_botocore_s_error_or_a_malformed_message(frame: bytes) -> None:
    theirs, ours = read(Theirs(), [GOOD, frame]), read(Ours(), [GOOD, frame])

    if not isinstance(ours.error, MalformedMessage):
        assert ours.same(theirs)
    assert ours.messages[0] == seen_of(GOOD)


def seen_of(frame: bytes) -> dict[str, Any]:
    return read(Theirs(), [frame]).messages[0]


def test_good_messages_come_out_before_the_error_of_a_bad_one() -> None:
    buffer = Ours()
    buffer.add_data(GOOD + GOOD + GOOD[:-1] + b"\0")

    assert buffer.next().payload == b"{}"
    assert next(buffer).payload == b"{}"
    with pytest.raises(drop_in.ChecksumMismatch):
        buffer.next()


@pytest.mark.parametrize("bad", [b"\0" * 12, GOOD[:-1] + b"\0"], ids=["prelude", "message"])
def test_an_error_is_raised_again_and_again(bad: bytes) -> None:
    for buffer in (Theirs(), Ours()):
        errors = []
        for _ in range(3):
            buffer.add_data(bad)
            with pytest.raises(drop_in.ChecksumMismatch) as caught:
                buffer.next()
            errors.append(str(caught.value))
        assert len(set(errors)) == 1


def test_a_buffer_goes_on_after_it_has_run_dry() -> None:
    buffer = Ours()

    assert list(buffer) == []
    buffer.add_data(GOOD[:20])
    assert list(buffer) == []
    buffer.add_data(GOOD[20:] + GOOD[:13])
    assert [message.payload for message in buffer] == [b"{}"]
    with pytest.raises(StopIteration):
        buffer.next()
    buffer.add_data(GOOD[13:])
    assert [message.payload for message in buffer] == [b"{}"]


def test_data_may_be_any_bytes_but_not_text() -> None:
    buffer = Ours()
    buffer.add_data(bytearray(GOOD[:9]))
    buffer.add_data(memoryview(GOOD)[9:])

    assert buffer.next().payload == b"{}"
    with pytest.raises(TypeError):
        buffer.add_data("text")  # type: ignore[arg-type]


def test_headers_are_the_message_s_own_and_may_be_changed() -> None:
    buffer = Ours()
    buffer.add_data(GOOD + GOOD)
    first, second = buffer

    first.headers["n"] = 8
    assert first.headers is first.to_response_dict()["headers"]
    assert (first.headers["n"], second.headers["n"]) == (8, 7)


@pytest.mark.parametrize(
    ("message_type", "status"), [("event", 200), ("exception", 400), ("error", 400), (None, 200)]
)
def test_the_status_shows_whether_the_headers_state_an_error(
    message_type: str | None, status: int
) -> None:
    headers: dict[str, wire.PlainValue] = (
        {} if message_type is None else {":message-type": message_type}
    )
    for buffer in (Theirs(), Ours()):
        buffer.add_data(wire.encode(headers))
        message: Any = buffer.next()
        assert message.to_response_dict()["status_code"] == status
        assert message.to_response_dict(207)["status_code"] == (207 if status == 200 else 400)
        message.headers[":message-type"] = "error"
        assert message.to_response_dict()["status_code"] == 400
        message.headers.clear()
        assert message.to_response_dict()["status_code"] == 200


@pytest.mark.parametrize(
    ("total", "headers", "error"),
    [
        (200_000, 128 * 1024 + 1, drop_in.InvalidHeadersLength),
        (16, 128 * 1024 + 1, drop_in.InvalidHeadersLength),
        (24 * 1024 * 1024 + 17, 0, drop_in.InvalidPayloadLength),
        (24 * 1024 * 1024 + 16, 0, None),
    ],
)
def test_lengths_have_botocore_s_limits(
    total: int, headers: int, error: type[Exception] | None
) -> None:
    theirs = read(Theirs(), [wire.prelude(total, headers)])

    assert read(Ours(), [wire.prelude(total, headers)]).same(theirs)
    assert (theirs.error and type(theirs.error)) is error


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (wire.prelude(15, 0), "message_length"),
        (wire.prelude(16, 1), "headers_length"),
        (wire.frame(wire.header("a", 10)), "header_type"),
        (wire.frame(wire.header("", wire.TRUE)), "header_name_length"),
        (wire.frame(wire.header(b"\xff", wire.TRUE)), "header_name_utf8"),
        (wire.frame(wire.header("a", wire.STRING, b"\0\1\xff")), "header_value_utf8"),
        (wire.frame(wire.header("a", wire.STRING, b"\0\2x"), b"payload"), "header_overrun"),
        (wire.frame(wire.header("a", wire.BYTES, bytes(32_768))), "header_value_length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_malformed_message_is_an_error_of_both_libraries(frame: bytes, kind: str) -> None:
    buffer = Ours()
    buffer.add_data(GOOD + frame)
    buffer.next()

    for base in (ParserError, bf.EventStreamError):
        with pytest.raises(base) as caught:
            buffer.next()
        assert isinstance(caught.value, MalformedMessage)
        cause = caught.value.__cause__
        assert isinstance(cause, bf.EventStreamError)
        assert (cause.kind, cause.offset, cause.frame_index) == (kind, len(GOOD), 1)


def test_a_body_of_another_format_is_botocore_s_error_with_the_cause_named() -> None:
    body = b'{"message": "no such model"}'
    ours = read(Ours(), [body])

    assert ours.same(read(Theirs(), [body]))
    assert ours.error is not None
    assert isinstance(ours.error.__cause__, bf.NotEventStream)


def test_the_drop_in_is_a_botocore_buffer() -> None:
    assert isinstance(Ours(), Theirs)
    buffer = Ours()
    assert iter(buffer) is buffer

"""Properties: what is encoded is decoded again, by every way in and out, however it is cut."""

import asyncio
import io
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bedrock_frames as bf
from tests.support import decode_outcomes
from tests.support import wire_format as wire
from tests.support.strategies import chunked, contents
from tests.vectors.format import Content

streams = st.lists(contents, max_size=5)


def encoded(content: Content) -> bytes:
    return wire.encode_typed(content.headers, content.payload)


def joined(stream: list[Content]) -> bytes:
    return b"".join(map(encoded, stream))


@given(contents)
def test_encode_writes_the_bytes_of_the_plain_encoder(content: Content) -> None:
    assert bf.encode(decode_outcomes.inputs(content), content.payload) == encoded(content)


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.binary(max_size=20)
        | st.text(max_size=20)
        | st.uuids()
        | st.datetimes(timezones=st.just(UTC)),
        max_size=6,
    ),
    st.binary(max_size=50),
)
def test_plain_python_values_are_encoded_as_the_plain_encoder_does(
    headers: dict[str, wire.PlainValue], payload: bytes
) -> None:
    assert bf.encode(headers, payload) == wire.encode(headers, payload)


@given(contents)
def test_decode_gives_back_what_was_encoded_with_exact_types(content: Content) -> None:
    message = bf.decode(bf.encode(decode_outcomes.inputs(content), content.payload))

    assert decode_outcomes.content(message) == content
    assert dict(message.headers) == decode_outcomes.inputs(content)
    assert list(message.headers) == [name for name, _, _ in content.headers]


@given(contents)
def test_decoded_headers_can_be_encoded_again(content: Content) -> None:
    frame = encoded(content)
    message = bf.decode(frame)

    assert bf.encode(message.headers, message.payload) == frame
    assert bf.Message(message.headers, message.payload) == message
    assert bf.Template(message.headers).headers == message.headers


@given(contents, st.lists(st.binary(max_size=400), max_size=5))
def test_a_template_encodes_as_encode_does(content: Content, payloads: list[bytes]) -> None:
    headers = decode_outcomes.inputs(content)
    template = bf.Template(headers)
    expected = [bf.encode(headers, payload) for payload in payloads]

    assert [template.encode(payload) for payload in payloads] == expected
    assert template.encode_all(payloads) == b"".join(expected)
    assert template.encode_all(iter(payloads)) == b"".join(expected)


@given(st.integers(0, 70_000))
def test_a_template_is_right_for_every_payload_length(length: int) -> None:
    payload = bytes(length)

    assert bf.Template({"x": True}).encode(payload) == wire.encode({"x": True}, payload)


@given(streams)
def test_encode_all_joins_what_encode_gives(stream: list[Content]) -> None:
    made = [bf.Message(decode_outcomes.inputs(content), content.payload) for content in stream]

    assert bf.encode_all(made) == joined(stream)
    assert bf.encode_all(iter(bf.decode_all(joined(stream)))) == joined(stream)


@given(streams, st.data())
def test_iter_messages_gives_the_messages_for_any_chunks(
    stream: list[Content], data: st.DataObject
) -> None:
    chunks = data.draw(chunked(joined(stream)))

    assert list(map(decode_outcomes.content, bf.iter_messages(chunks))) == stream
    assert list(map(decode_outcomes.content, bf.iter_messages(iter(chunks)))) == stream


@given(streams, st.data())
def test_aiter_messages_gives_the_messages_for_any_chunks(
    stream: list[Content], data: st.DataObject
) -> None:
    chunks = data.draw(chunked(joined(stream)))

    assert asyncio.run(collected(chunks)) == bf.decode_all(joined(stream))


async def collected(chunks: Iterable[bytes]) -> list[bf.Message]:
    return [message async for message in bf.aiter_messages(sent(chunks))]


async def sent(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@given(streams)
def test_iter_messages_reads_binary_files(stream: list[Content]) -> None:
    with tempfile.TemporaryFile() as buffered, tempfile.TemporaryFile(buffering=0) as raw:
        for file in (buffered, raw):
            file.write(joined(stream))
            file.seek(0)
            assert list(map(decode_outcomes.content, bf.iter_messages(file))) == stream
    assert (
        list(map(decode_outcomes.content, bf.iter_messages(io.BytesIO(joined(stream))))) == stream
    )


@given(streams)
def test_iter_messages_reads_pipes(stream: list[Content]) -> None:
    data = joined(stream)
    for buffering in (-1, 0):
        receiver, sender = os.pipe()
        with os.fdopen(receiver, "rb", buffering=buffering) as source:
            # Within a pipe's capacity, so that writing does not wait for the reader.
            with os.fdopen(sender, "wb") as sink:
                sink.write(data)
            assert list(map(decode_outcomes.content, bf.iter_messages(source))) == stream


def test_iter_messages_yields_a_message_before_the_next_has_been_sent() -> None:
    receiver, sender = os.pipe()
    first, second = bf.encode({"n": bf.Int8(1)}), bf.encode({"n": bf.Int8(2)})
    with os.fdopen(receiver, "rb") as source, os.fdopen(sender, "wb", buffering=0) as sink:
        messages = bf.iter_messages(source)
        sink.write(first + second[:5])
        assert next(messages).encode() == first
        sink.write(second[5:])
        assert next(messages).encode() == second


def test_iter_messages_yields_the_good_before_it_raises() -> None:
    good = bf.encode({"x": True})
    messages = bf.iter_messages([good + good + b"\xff" * 16])

    assert [next(messages).encode(), next(messages).encode()] == [good, good]
    with pytest.raises(bf.PreludeChecksumMismatch) as raised:
        next(messages)
    assert (raised.value.offset, raised.value.frame_index) == (2 * len(good), 2)


def test_a_torn_stream_raises_when_its_source_ends() -> None:
    frame = bf.encode({"x": True}, b"payload")

    for source in ([frame, frame[:-1]], io.BytesIO(frame + frame[:-1])):
        messages: Iterator[bf.Message] = bf.iter_messages(source)
        assert next(messages).payload == b"payload"
        with pytest.raises(bf.Truncated) as raised:
            next(messages)
        assert (raised.value.found, raised.value.limit) == (len(frame) - 1, len(frame))


@given(
    st.datetimes(timezones=st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone))
)
def test_an_aware_datetime_is_its_instant_rounded_down_to_the_millisecond(moment: datetime) -> None:
    value = bf.decode(bf.encode({"t": moment})).headers["t"]

    assert type(value) is bf.Timestamp
    assert value == bf.Timestamp.from_datetime(moment)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert timedelta(0) <= since - timedelta(milliseconds=int(value)) < timedelta(milliseconds=1)


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_bare_int_is_32_bits_wide_where_it_fits_and_64_where_not(number: int) -> None:
    value = bf.decode(bf.encode({"n": number})).headers["n"]

    assert value == number
    assert type(value) is (bf.Int32 if -(2**31) <= number < 2**31 else bf.Int64)

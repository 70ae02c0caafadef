"""The vectors: every way in gives what they say, every way out gives their bytes."""

import pytest

import bedrock_frames as bf
from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.vectors import make
from tests.vectors.format import Vector


@pytest.mark.parametrize("theme", make.THEMES)
def test_the_vector_files_are_what_their_script_writes(theme: str) -> None:
    assert (make.FOLDER / f"{theme}.json").read_text() == make.text(theme)


def test_vector_names_are_unique() -> None:
    names = [vector.name for vector in vector_cases.VECTORS]

    assert len(names) == len(set(names))


def test_the_empty_message_is_the_one_that_every_implementation_writes() -> None:
    frame = bytes.fromhex("000000100000000005c248eb7d98c8ff")

    assert bf.encode({}) == wire.encode({}) == frame
    assert bf.decode(frame) == bf.Message({})


@vector_cases.over(vector_cases.VECTORS)
def test_the_decoder_gives_the_messages_and_the_error(vector: Vector) -> None:
    outcome = decode_outcomes.feed([vector.data], decode_outcomes.LIMITS[vector.limits])

    assert tuple(map(decode_outcomes.content, outcome.messages)) == vector.messages
    if vector.fault is None:
        assert outcome.error is None
    else:
        assert outcome.error is not None
        assert decode_outcomes.agrees(outcome.error, vector.fault), outcome.error


@vector_cases.over(vector_cases.VALID)
def test_decode_all_gives_the_messages(vector: Vector) -> None:
    messages = bf.decode_all(vector.data, limits=decode_outcomes.LIMITS[vector.limits])

    assert tuple(map(decode_outcomes.content, messages)) == vector.messages


@vector_cases.over(vector_cases.FAULTY)
def test_decode_all_and_scan_raise_what_the_decoder_raises(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]
    expected = decode_outcomes.feed([vector.data], limits).error

    with pytest.raises(bf.EventStreamError) as decoding:
        bf.decode_all(vector.data, limits=limits)
    with pytest.raises(bf.EventStreamError) as scanning:
        bf.scan(vector.data, limits=limits)

    assert decode_outcomes.report(decoding.value) == expected
    assert decode_outcomes.report(scanning.value) == expected


@vector_cases.over(vector_cases.VALID)
def test_scan_gives_offsets_lengths_and_event_types(vector: Vector) -> None:
    expected, offset = [], 0
    for frame, content in zip(wire.split(vector.data), vector.messages, strict=True):
        named = [
            value for name, kind, value in content.headers if (name, kind) == (":event-type", 7)
        ]
        expected.append((offset, len(frame), named[0] if named else None))
        offset += len(frame)

    assert bf.scan(vector.data, limits=decode_outcomes.LIMITS[vector.limits]) == expected


@vector_cases.over(vector_cases.VALID)
def test_each_frame_decodes_alone(vector: Vector) -> None:
    limits = decode_outcomes.LIMITS[vector.limits]

    for frame, expected in zip(wire.split(vector.data), vector.messages, strict=True):
        assert decode_outcomes.content(bf.decode(frame, limits=limits)) == expected


@vector_cases.over(vector_cases.VALID)
def test_contents_encode_to_the_frames(vector: Vector) -> None:
    for frame, content in zip(wire.split(vector.data), vector.messages, strict=True):
        headers = decode_outcomes.inputs(content)
        assert bf.encode(headers, content.payload) == frame
        assert bf.encode(list(headers.items()), content.payload) == frame
        assert bf.Template(headers).encode(content.payload) == frame
        assert bf.Message(headers, content.payload).encode() == frame


@vector_cases.over(vector_cases.VALID)
def test_decoded_messages_encode_to_the_very_bytes(vector: Vector) -> None:
    messages = bf.decode_all(vector.data, limits=decode_outcomes.LIMITS[vector.limits])

    assert [message.encode() for message in messages] == wire.split(vector.data)
    assert bf.encode_all(messages) == vector.data


@vector_cases.over(vector_cases.VALID)
def test_a_decoded_message_equals_one_made_of_its_contents(vector: Vector) -> None:
    for frame, content in zip(wire.split(vector.data), vector.messages, strict=True):
        decoded = bf.decode(frame, limits=decode_outcomes.LIMITS[vector.limits])
        made = bf.Message(decode_outcomes.inputs(content), content.payload)
        assert decoded == made
        assert hash(decoded) == hash(made)

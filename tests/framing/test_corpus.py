"""The corpus: official vectors of other implementations, and recorded Bedrock responses."""

import pytest

import bedrock_frames as bf
from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.support.vector_cases import Recording, Stated
from tests.vectors.format import Content

pytestmark = vector_cases.needs_corpus

# The grammar leaves empty strings and byte arrays out; the services' own encoders write them.
LENIENT = {"gen/empty_string_value", "gen/empty_bytes_value"}
FULL = [
    v for v in vector_cases.STATED if v.valid and v.headers is not None and v.payload is not None
]

judged = pytest.mark.parametrize(
    "vector", vector_cases.STATED, ids=[v.name for v in vector_cases.STATED]
)
stated = pytest.mark.parametrize("vector", FULL, ids=[v.name for v in FULL])
recorded = pytest.mark.parametrize(
    "recording",
    vector_cases.RECORDINGS,
    ids=[recording.name for recording in vector_cases.RECORDINGS],
)


def test_the_rulings_name_vectors_that_exist() -> None:
    names = {vector.name for vector in vector_cases.STATED}

    assert vector_cases.FAULTS.keys() <= names
    assert names >= LENIENT


@judged
def test_a_vector_is_valid_here_where_the_corpus_says_so(vector: Stated) -> None:
    outcome = decode_outcomes.feed([vector.data])

    if vector.name in LENIENT or vector.valid is True:
        assert outcome.error is None
    else:
        # "Depends" is the corpus's word for a stream that stops short.
        assert outcome.error is not None
        assert (outcome.error.kind == "truncated") == (vector.valid is None)


@stated
def test_a_vector_holds_what_the_corpus_states(vector: Stated) -> None:
    (message,) = bf.decode_all(vector.data)

    assert decode_outcomes.content(message).headers == vector.headers
    assert message.payload == vector.payload


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("gen/payload_16MiB_plus_1_prelude", "truncated"),
        ("gen/payload_24MiB_plus_1_prelude", "payload_too_large"),
        ("gen/headers_128KiB_plus_1_prelude", "headers_too_large"),
    ],
)
def test_a_service_refuses_what_a_client_must_not(name: str, kind: str) -> None:
    (data,) = [vector.data for vector in vector_cases.STATED if vector.name == name]
    outcome = decode_outcomes.feed([data], bf.Limits.SERVICE)

    assert outcome.error is not None
    assert outcome.error.kind == kind


@recorded
def test_a_recording_has_the_frames_of_the_index(recording: Recording) -> None:
    messages = bf.decode_all(recording.data)

    assert len(messages) == recording.frames
    assert list(map(decode_outcomes.content, messages)) == [
        Content(tuple(headers), payload)
        for headers, payload in map(wire.parse, wire.split(recording.data))
    ]


@recorded
def test_a_recording_is_encoded_again_byte_for_byte(recording: Recording) -> None:
    messages = bf.decode_all(recording.data)

    assert bf.encode_all(messages) == recording.data
    assert b"".join(message.encode() for message in messages) == recording.data
    assert b"".join(bf.encode(m.headers, m.payload) for m in messages) == recording.data


@recorded
def test_a_scan_of_a_recording_agrees_with_its_messages(recording: Recording) -> None:
    messages = bf.decode_all(recording.data)
    scanned = bf.scan(recording.data)

    assert [event_type for _, _, event_type in scanned] == [m.event_type for m in messages]
    assert [recording.data[at : at + length] for at, length, _ in scanned] == [
        message.encode() for message in messages
    ]


@recorded
def test_a_recording_cut_into_chunks_of_any_size_gives_the_same(recording: Recording) -> None:
    whole = decode_outcomes.feed([recording.data])

    for size in (1, 2, 3, 11, 12, 13, 100, 1024, 4096):
        chunks = (recording.data[at : at + size] for at in range(0, len(recording.data), size))
        assert decode_outcomes.feed(chunks) == whole

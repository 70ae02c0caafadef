"""Frames of events: header order, key order and padding, byte for byte."""

import json

import pytest

import bedrock_frames as bf
from bedrock_frames.bedrock import frames
from bedrock_frames.bedrock.steps import Kind, steps


def test_an_event_has_the_three_headers_in_the_recorded_order() -> None:
    frame = frames.event_frame("messageStart", {"role": "assistant"}, None)

    assert list(bf.decode(frame).headers.items()) == [
        (":event-type", "messageStart"),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ]
    assert int.from_bytes(frame[4:8], "big") == 0x52


def test_an_exception_is_named_by_its_own_header() -> None:
    frame = frames.exception_frame("throttlingException", {"message": "slow"})
    message = bf.decode(frame)

    assert (message.message_type, message.exception_type) == ("exception", "throttlingException")
    assert message.event_type is None
    assert message.payload == b'{"message":"slow"}'


@pytest.mark.parametrize(
    ("payload", "padded"),
    [
        ({"role": "assistant"}, '{"p":"abc","role":"assistant"}'),
        ({"metrics": {}, "usage": {}}, '{"metrics":{},"p":"abc","usage":{}}'),
        ({"contentBlockIndex": 0, "start": {}}, '{"contentBlockIndex":0,"p":"abc","start":{}}'),
        ({"contentBlockIndex": 0, "delta": {}}, '{"contentBlockIndex":0,"delta":{},"p":"abc"}'),
    ],
)
def test_padding_stands_in_the_order_of_the_keys(payload: dict[str, object], padded: str) -> None:
    assert bf.decode(frames.event_frame("x", payload, "abc")).payload.decode() == padded


def test_text_is_utf_8_without_escapes() -> None:
    payload = bf.decode(frames.event_frame("x", {"text": 'é/"🙂"\n'}, None)).payload

    assert payload == '{"text":"é/\\"🙂\\"\\n"}'.encode()


def test_a_chunk_carries_base64_of_its_bytes() -> None:
    payload = bf.decode(frames.chunk_frame(b'{"a":1}', "ab")).payload

    assert payload == b'{"bytes":"eyJhIjoxfQ==","p":"ab"}'


def test_padding_is_a_prefix_of_the_alphabet_of_2_to_61() -> None:
    padding = frames.SeededPadding(0, "any")
    drawn = [padding() or "" for _ in range(2000)]

    assert all(frames.ALPHABET.startswith(text) for text in drawn)
    assert {len(text) for text in drawn} == set(range(2, 62))
    assert frames.ALPHABET[:4] + frames.ALPHABET[-2:] == "abcd89"


def test_padding_is_the_same_for_the_same_seed_and_no_other() -> None:
    def draw(*seed: object) -> list[str | None]:
        padding = frames.SeededPadding(*seed)
        return [padding() for _ in range(20)]

    assert draw(1, "a") == draw(1, "a")
    assert draw(1, "a") != draw(2, "a")
    assert draw(1, "a") != draw(1, "b")


LEAD, CONTENT, TRAIL = Kind.LEAD, Kind.CONTENT, Kind.TRAIL


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([LEAD, CONTENT, CONTENT, TRAIL, TRAIL], [0, 0, 1, 1, 1]),
        ([LEAD, CONTENT, TRAIL, LEAD, LEAD, CONTENT, CONTENT, TRAIL], [0, 0, 0, 1, 1, 1, 2, 2]),
        ([LEAD, TRAIL, TRAIL], [0, 0, 0]),
        ([LEAD, CONTENT, LEAD], [0, 0, 0]),
        # A block without content goes with what was before it.
        ([CONTENT, TRAIL, LEAD, TRAIL, LEAD, CONTENT], [0, 0, 0, 0, 1, 1]),
        ([], []),
    ],
)
def test_a_frame_goes_with_the_content_it_belongs_to(
    kinds: list[Kind], expected: list[int]
) -> None:
    assert steps(kinds) == expected


def test_keys_that_are_not_padded_are_left_in_order() -> None:
    frame = frames.event_frame("x", {"b": 1, "c": {"z": 1, "y": 2}}, "ab")

    assert list(json.loads(bf.decode(frame).payload)) == ["b", "c", "p"]

"""Errors: one tree, all facts on them, and nothing else ever leaves a decode."""

import pickle
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import bedrock_frames as bf
from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.support.strategies import damaged_frames, headers_blocks
from tests.vectors.format import Vector

GOOD: Final = wire.encode({"x": True}, b"payload")

TREE: Final[dict[type[Exception], type[Exception]]] = {
    bf.EventStreamError: ValueError,
    bf.ChecksumMismatch: bf.EventStreamError,
    bf.PreludeChecksumMismatch: bf.ChecksumMismatch,
    bf.MessageChecksumMismatch: bf.ChecksumMismatch,
    bf.InvalidLength: bf.EventStreamError,
    bf.InvalidHeader: bf.EventStreamError,
    bf.DuplicateHeader: bf.InvalidHeader,
    bf.Truncated: bf.EventStreamError,
    bf.MessageTooLarge: bf.EventStreamError,
    bf.NotEventStream: bf.EventStreamError,
}


def raised_by(data: bytes, limits: bf.Limits = bf.Limits.CLIENT) -> bf.EventStreamError:
    with pytest.raises(bf.EventStreamError) as raised:
        bf.decode_all(data, limits=limits)
    return raised.value


@pytest.mark.parametrize("error", TREE)
def test_the_tree_of_errors(error: type[Exception]) -> None:
    assert error.__base__ is TREE[error]
    assert error.__module__ in ("bedrock_frames", "bedrock_frames._core")
    assert getattr(bf, error.__name__) is error


class TestFacts:
    def test_a_checksum_error_has_the_stored_and_the_computed_value(self) -> None:
        frame = bytearray(GOOD)
        frame[-4:] = bytes.fromhex("deadbeef")
        error = raised_by(bytes(frame))

        assert isinstance(error, bf.MessageChecksumMismatch)
        assert error.stored == 0xDEADBEEF
        assert error.computed == int.from_bytes(GOOD[-4:], "big")
        assert error.position == len(GOOD) - 4
        assert error.found is error.limit is None
        assert "stored 0xdeadbeef" in str(error)
        assert f"computed 0x{error.computed:08x}" in str(error)

    def test_a_prelude_checksum_error_has_the_stored_and_the_computed_value(self) -> None:
        error = raised_by(GOOD[:8] + bytes.fromhex("deadbeef") + GOOD[12:])

        assert isinstance(error, bf.PreludeChecksumMismatch)
        assert (error.stored, error.computed) == (0xDEADBEEF, int.from_bytes(GOOD[8:12], "big"))

    @pytest.mark.parametrize(
        ("data", "found", "limit"),
        [
            (wire.prelude(15, 0), 15, 16),
            (wire.prelude(16, 1), 1, 0),
            (wire.prelude(64, 2**32 - 1), 2**32 - 1, 48),
            (GOOD[:-1], len(GOOD) - 1, len(GOOD)),
            (GOOD[:7], 7, 12),
            (wire.prelude(2**32 - 1, 0), 2**32 - 1, 64 << 20),
        ],
    )
    def test_a_length_error_has_the_length_and_its_bound(
        self, data: bytes, found: int, limit: int
    ) -> None:
        error = raised_by(data)

        assert (error.found, error.limit) == (found, limit)
        assert str(found) in str(error)
        assert str(limit) in str(error)
        assert error.stored is error.computed is None

    def test_a_second_frame_is_too_much_for_decode(self) -> None:
        with pytest.raises(bf.InvalidLength) as raised:
            bf.decode(GOOD + b"more")

        assert raised.value.kind == "trailing_bytes"
        assert (raised.value.found, raised.value.limit) == (len(GOOD) + 4, len(GOOD))

    def test_a_damaged_frame_is_reported_before_trailing_data(self) -> None:
        with pytest.raises(bf.MessageChecksumMismatch):
            bf.decode(GOOD[:-1] + b"\x00more")

    def test_empty_input_is_truncated_for_decode_alone(self) -> None:
        with pytest.raises(bf.Truncated) as raised:
            bf.decode(b"")
        assert (raised.value.found, raised.value.limit) == (0, 12)
        assert bf.decode_all(b"") == []
        assert bf.scan(b"") == []

    @pytest.mark.parametrize(
        ("theme", "looks_like"),
        [
            ("json", "JSON"),
            ("html", "HTML"),
            ("xml", "HTML"),
            ("sse", "SSE"),
            ("http", "HTTP"),
            ("gzip", "gzip"),
            ("text", "text"),
        ],
    )
    def test_another_format_is_recognised_and_shown(self, theme: str, looks_like: str) -> None:
        bodies = [
            vector.data
            for vector in vector_cases.OWN
            if vector.name.startswith(f"foreign/{theme}") and not vector.messages
        ]
        assert bodies
        for body in bodies:
            error = raised_by(body)
            assert isinstance(error, bf.NotEventStream)
            assert error.looks_like == looks_like
            assert error.head == body[:12]
            assert looks_like in str(error)

    def test_a_duplicate_is_named(self) -> None:
        header = wire.header("twice", wire.TRUE)

        assert '"twice"' in str(raised_by(wire.frame(header * 2)))

    @vector_cases.over(vector_cases.FAULTY)
    def test_every_error_has_its_place(self, vector: Vector) -> None:
        error = raised_by(vector.data, decode_outcomes.LIMITS[vector.limits])

        assert error.offset is not None
        assert error.position is not None
        assert f"frame {error.frame_index}" in str(error)
        assert f"byte {error.offset}" in str(error)
        assert "\n" not in str(error)
        assert error.args[0] == str(error)

    @vector_cases.over(vector_cases.FAULTY)
    def test_every_error_survives_pickling(self, vector: Vector) -> None:
        error = raised_by(vector.data, decode_outcomes.LIMITS[vector.limits])
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 - our own bytes
            assert type(again) is type(error)
            assert decode_outcomes.report(again) == decode_outcomes.report(error)
            assert vars(again) == vars(error)

    def test_an_error_of_encode_survives_pickling(self) -> None:
        with pytest.raises(bf.InvalidHeader) as raised:
            bf.encode({"": "x"})
        again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - our own bytes

        assert decode_outcomes.report(again) == decode_outcomes.report(raised.value)


def outcomes(data: bytes) -> list[object]:
    """Return what every way to decode makes of the data; anything else that is raised escapes."""
    results: list[object] = []
    ways: list[Any] = [
        lambda: bf.decode_all(data),
        lambda: [bf.decode(data[at : at + length]) for at, length, _ in bf.scan(data)],
        lambda: list(bf.iter_messages([data[:9], data[9:]])),
    ]
    for way in ways:
        try:
            results.append(way())
        except bf.EventStreamError as error:
            results.append(decode_outcomes.report(error))
    return results


@given(st.binary(max_size=200))
@example(b"")
def test_any_bytes_give_messages_or_an_event_stream_error(data: bytes) -> None:
    first, *others = outcomes(data)

    assert all(other == first for other in others)


@given(st.binary(min_size=16, max_size=200).map(wire.repair))
def test_any_bytes_with_right_checksums_give_messages_or_an_event_stream_error(data: bytes) -> None:
    first, *others = outcomes(data)

    assert all(other == first for other in others)


@given(damaged_frames() | headers_blocks())
def test_a_frame_with_right_checksums_is_accepted_only_where_the_strict_parser_accepts_it(
    frame: bytes,
) -> None:
    first, *others = outcomes(frame)

    assert all(other == first for other in others)
    try:
        headers, payload = wire.parse(frame)
    except wire.MalformedError:
        assert isinstance(first, decode_outcomes.Report)
    else:
        assert isinstance(first, list)
        (message,) = first
        assert decode_outcomes.content(message).headers == tuple(headers)
        assert message.payload == payload
        assert message.encode() == frame

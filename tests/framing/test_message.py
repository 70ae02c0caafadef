"""The message: a value. Its headers cannot be changed; equal contents are equal messages."""

import copy
import pickle
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

import bedrock_frames as bf
from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.vectors.format import Vector

HEADERS: dict[str, Any] = {":event-type": "chunk", "n": bf.Int16(5), ":message-type": "event"}


@pytest.fixture(params=["decoded", "made"])
def message(request: pytest.FixtureRequest) -> bf.Message:
    made = bf.Message(HEADERS, b"payload")
    return made if request.param == "made" else bf.decode(made.encode())


class TestHeaders:
    def test_they_are_a_mapping_in_wire_order(self, message: bf.Message) -> None:
        headers = message.headers

        assert isinstance(headers, Mapping)
        assert list(headers) == list(headers.keys()) == [":event-type", "n", ":message-type"]
        assert list(headers.items()) == list(HEADERS.items())
        assert list(headers.values()) == list(HEADERS.values())
        assert len(headers) == 3
        assert headers["n"] == 5
        assert headers.get("n") == 5
        assert headers.get("absent") is None
        assert "n" in headers
        assert "absent" not in headers
        assert headers == HEADERS
        with pytest.raises(KeyError):
            headers["absent"]

    def test_they_cannot_be_changed(self, message: bf.Message) -> None:
        headers: Any = message.headers

        for change in ("__setitem__", "__delitem__", "update", "pop", "clear", "setdefault"):
            assert not hasattr(headers, change)
        assert message.headers == HEADERS

    def test_what_a_message_was_made_of_can_change_afterwards(self) -> None:
        headers: dict[str, Any] = {"a": "1"}
        payload = bytearray(b"payload")
        message = bf.Message(headers, payload)
        headers["b"] = "2"
        payload[:] = b"changed"

        assert message.headers == {"a": "1"}
        assert message.payload == b"payload"

    def test_values_have_the_type_of_their_wire_type(self) -> None:
        (vector,) = [v for v in vector_cases.OWN if v.name == "values/all_types"]
        values = bf.decode(vector.data).headers

        assert {name: type(value) for name, value in values.items()} == {
            "true": bool,
            "false": bool,
            "int8": bf.Int8,
            "int16": bf.Int16,
            "int32": bf.Int32,
            "int64": bf.Int64,
            "bytes": bytes,
            "string": str,
            "timestamp": bf.Timestamp,
            "uuid": UUID,
        }

    def test_a_made_message_gives_back_values_as_they_are_decoded(self) -> None:
        moment = datetime(2026, 11, 20, 12, 0, 0, 123_999, UTC)
        headers: Any = {
            "t": moment,
            "n": 7,
            "l": 2**40,
            "b": bytearray(b"x"),
            "v": memoryview(b"y"),
        }
        made = bf.Message(headers)

        assert made == bf.decode(made.encode())
        assert {name: type(value) for name, value in made.headers.items()} == {
            "t": bf.Timestamp,
            "n": bf.Int32,
            "l": bf.Int64,
            "b": bytes,
            "v": bytes,
        }
        assert made.headers["t"] == bf.Timestamp.from_datetime(moment)


class TestTypes:
    def test_they_are_read_from_the_headers(self) -> None:
        message = bf.Message(
            {":message-type": "exception", ":exception-type": "throttlingException"}
        )

        assert message.message_type == "exception"
        assert message.exception_type == "throttlingException"
        assert message.event_type is None

    @pytest.mark.parametrize("wrong", [True, 1, b"event", UUID(int=0), bf.Timestamp(0)])
    def test_a_type_that_is_not_a_string_is_none(self, wrong: Any) -> None:
        names = (":message-type", ":event-type", ":exception-type")
        for made in (bf.Message(dict.fromkeys(names, wrong)),):
            for message in (made, bf.decode(made.encode())):
                assert message.message_type is None
                assert message.event_type is None
                assert message.exception_type is None
        assert bf.scan(made.encode()) == [(0, len(made.encode()), None)]

    def test_types_that_are_absent_are_none(self) -> None:
        message = bf.decode(wire.encode({}))

        assert message.message_type is message.event_type is message.exception_type is None

    def test_headers_that_differ_only_in_value_are_distinguished(self) -> None:
        frames = [wire.encode({":event-type": kind}, b"x") for kind in ("aaa", "bbb") * 20]

        assert [m.event_type for m in bf.decode_all(b"".join(frames))] == ["aaa", "bbb"] * 20

    def test_strings_of_a_stream_are_not_kept_for_ever(self) -> None:
        """A stream of ever new strings must not grow the process: none may become immortal."""
        message = bf.decode(
            wire.encode({":event-type": "never-seen", "never-named": "never-valued"})
        )
        (kind, name) = message.headers

        for text in (message.event_type, name, message.headers[name], message.headers[kind]):
            assert sys.getrefcount(text) < 1 << 28

    def test_more_header_names_than_any_cache_holds_are_distinguished(self) -> None:
        kinds = [f"type{index % 100:03}" for index in range(1000)]
        stream = b"".join(wire.encode({":event-type": kind}, b"x") for kind in kinds)

        assert [m.event_type for m in bf.decode_all(stream)] == kinds
        assert [kind for _, _, kind in bf.scan(stream)] == kinds


class TestValue:
    def test_equal_contents_are_equal(self) -> None:
        assert bf.Message({"a": 1}, b"x") == bf.Message([("a", 1)], bytearray(b"x"))
        assert len({bf.Message({"a": 1}, b"x"), bf.Message({"a": 1}, b"x")}) == 1

    @pytest.mark.parametrize(
        "other",
        [
            bf.Message({"a": 2}, b"x"),
            bf.Message({"b": 1}, b"x"),
            bf.Message({"a": 1}, b"y"),
            bf.Message({"a": 1, "b": 1}, b"x"),
            bf.Message({}, b"x"),
            b"x",
            None,
        ],
    )
    def test_other_contents_are_not_equal(self, other: object) -> None:
        assert bf.Message({"a": 1}, b"x") != other

    @pytest.mark.parametrize("width", [bf.Int8(1), bf.Int16(1), bf.Int64(1), bf.Timestamp(1), True])
    def test_another_width_is_another_message(self, width: Any) -> None:
        """As integers they are equal; as messages their bytes are not."""
        assert bf.Message({"a": bf.Int32(1)}) != bf.Message({"a": width})

    @vector_cases.over(tuple(vector for vector in vector_cases.VALID if len(vector.data) < 4096))
    def test_pickling_and_copying_keep_every_byte(self, vector: Vector) -> None:
        for message in bf.decode_all(vector.data, limits=decode_outcomes.LIMITS[vector.limits]):
            for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                again = pickle.loads(pickle.dumps(message, protocol))  # noqa: S301 - our own bytes
                assert again == message
                assert again.encode() == message.encode()
            assert copy.deepcopy(message).encode() == message.encode()
            assert copy.copy(message) == message

    def test_its_repr_shows_headers_and_payload(self, message: bf.Message) -> None:
        text = repr(message)

        assert text.startswith("Message(")
        assert "':event-type', 'chunk'" in text
        assert "Int16(5)" in text
        assert "b'payload'" in text

    def test_attributes_cannot_be_set(self, message: bf.Message) -> None:
        for name in ("headers", "payload", "event_type", "anything"):
            with pytest.raises(AttributeError):
                setattr(message, name, None)

    def test_a_message_without_a_payload_has_an_empty_one(self) -> None:
        assert bf.Message({}).payload == b""


class TestNumbers:
    @pytest.mark.parametrize("width", [bf.Int8, bf.Int16, bf.Int32, bf.Int64, bf.Timestamp])
    def test_a_width_bounds_its_integers(self, width: type[bf.Int8]) -> None:
        limit = 1 << (width.bits - 1)

        assert width(-limit) == -limit
        assert width(limit - 1) == limit - 1
        for beyond in (-limit - 1, limit):
            with pytest.raises(ValueError, match=f"{width.__name__} holds .* got {beyond}"):
                width(beyond)

    def test_they_are_integers(self) -> None:
        assert bf.Int8(5) + 1 == 6
        assert bf.Int8(5) == 5
        assert len({bf.Int8(5), bf.Int64(5), 5}) == 1
        assert hash(bf.Int8(5)) == hash(5)
        assert repr(bf.Int8(5)) == "Int8(5)"
        assert pickle.loads(pickle.dumps(bf.Int8(5))).bits == 8  # noqa: S301 - our own bytes

    def test_a_timestamp_is_its_instant(self) -> None:
        moment = datetime(2026, 11, 20, 12, 0, 0, 123_000, UTC)

        assert bf.Timestamp.from_datetime(moment).to_datetime() == moment
        assert bf.Timestamp.from_datetime(moment) == moment
        assert bf.Timestamp.from_datetime(moment) != moment.replace(microsecond=123_001)
        assert bf.Timestamp.from_datetime(moment) != moment.replace(tzinfo=None)
        assert bf.Timestamp(-1).to_datetime() == datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC)

    def test_a_timestamp_beyond_datetime_stays_exact(self) -> None:
        beyond = bf.decode(bf.encode({"t": bf.Timestamp(2**63 - 1)})).headers["t"]

        assert isinstance(beyond, bf.Timestamp)
        assert beyond == 2**63 - 1
        assert beyond != datetime.max.replace(tzinfo=UTC)
        with pytest.raises(OverflowError):
            beyond.to_datetime()

    def test_a_naive_datetime_is_refused(self) -> None:
        with pytest.raises(ValueError, match="naive"):
            bf.Timestamp.from_datetime(datetime(2026, 11, 20))

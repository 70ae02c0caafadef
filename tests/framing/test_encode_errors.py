"""What cannot be encoded is refused: by one error that says what, where, and what is allowed."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest

import bedrock_frames as bf
from tests.support import wire_format as wire

WAYS_IN: Final[list[Callable[[Any], object]]] = [
    bf.encode,
    bf.Message,
    bf.Template,
    lambda headers: bf.encode(list(headers.items()) if isinstance(headers, dict) else headers),
]
way_in = pytest.mark.parametrize("take", WAYS_IN, ids=["encode", "Message", "Template", "pairs"])

REFUSED: Final[list[tuple[str, Any, type[bf.EventStreamError], str, list[str]]]] = [
    ("empty name", {"": "v"}, bf.InvalidHeader, "header_name_length", ["0", "255"]),
    ("long name", {"n" * 256: "v"}, bf.InvalidHeader, "header_name_length", ["256", "255"]),
    (
        "long name in bytes",
        {"é" * 128: "v"},
        bf.InvalidHeader,
        "header_name_length",
        ["256", "255"],
    ),
    (
        "long string",
        {"x": "a" * 32_768},
        bf.InvalidHeader,
        "header_value_length",
        ["32768", "32767"],
    ),
    (
        "long string in bytes",
        {"x": "é" * 16_384},
        bf.InvalidHeader,
        "header_value_length",
        ["32768", "32767"],
    ),
    (
        "long bytes",
        {"x": bytes(70_000)},
        bf.InvalidHeader,
        "header_value_length",
        ["70000", "32767"],
    ),
    ("int above 64 bits", {"x": 2**63}, bf.InvalidHeader, "header_value_range", ["x", "64"]),
    ("int below 64 bits", {"x": -(2**63) - 1}, bf.InvalidHeader, "header_value_range", ["x", "64"]),
    ("very large int", {"x": 10**500}, bf.InvalidHeader, "header_value_range", ["x", "64"]),
    (
        "naive datetime",
        {"x": datetime(2026, 11, 20)},
        bf.InvalidHeader,
        "header_value_range",
        ["x", "naive"],
    ),
    (
        "name twice",
        [("x", 1), ("y", 2), ("x", 3)],
        bf.DuplicateHeader,
        "duplicate_header",
        ['"x"', "twice"],
    ),
    (
        "name twice among many",
        [*((f"h{index}", True) for index in range(50)), ("h7", False)],
        bf.DuplicateHeader,
        "duplicate_header",
        ['"h7"', "twice"],
    ),
]


@way_in
@pytest.mark.parametrize(
    ("headers", "error", "kind", "words"),
    [refusal[1:] for refusal in REFUSED],
    ids=[refusal[0] for refusal in REFUSED],
)
def test_a_header_that_cannot_be_written_is_refused(
    take: Callable[[Any], object],
    headers: Any,
    error: type[bf.EventStreamError],
    kind: str,
    words: list[str],
) -> None:
    with pytest.raises(error) as raised:
        take(headers)

    assert type(raised.value) is error
    assert raised.value.kind == kind
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"good": 1, "culprit": "a" * 32_768}, "culprit"),
        ({"good": 1, "culprit": 2**64}, "culprit"),
        ([("good", 1), ("culprit", 1), ("culprit", 2)], "culprit"),
    ],
)
def test_a_refusal_names_the_header(headers: Any, name: str) -> None:
    with pytest.raises(bf.InvalidHeader, match=name):
        bf.encode(headers)


@way_in
@pytest.mark.parametrize("value", [None, 1.5, [], {}, object(), ("a",), 1j])
def test_a_value_that_the_format_has_no_type_for_is_a_type_error(
    take: Callable[[Any], object], value: object
) -> None:
    with pytest.raises(TypeError, match="culprit") as raised:
        take({"culprit": value})

    assert type(value).__name__ in str(raised.value)


@way_in
@pytest.mark.parametrize("name", [None, 1, b"bytes", ("a", "b")])
def test_a_name_that_is_not_a_string_is_a_type_error(
    take: Callable[[Any], object], name: object
) -> None:
    with pytest.raises(TypeError):
        take({name: "value"})


@pytest.mark.parametrize(
    "headers", [None, 5, "text", b"bytes", [1], [("a",)], [("a", 1, 2)], ["ab"], object()]
)
def test_headers_that_are_neither_mapping_nor_pairs_are_a_type_error(headers: Any) -> None:
    for take in (bf.encode, bf.Message, bf.Template):
        with pytest.raises(TypeError):
            take(headers)


def test_lone_surrogates_are_refused() -> None:
    """They have no UTF-8; Python's own error for that is a ValueError too."""
    for headers in ({"x": "\ud800"}, {"\udfff": "x"}):
        for take in (bf.encode, bf.Message, bf.Template):
            with pytest.raises(ValueError, match="surrogate"):
                take(headers)


def test_an_error_in_the_caller_s_iterable_is_the_caller_s() -> None:
    def payloads() -> Any:
        yield b"first"
        raise KeyError("theirs")

    with pytest.raises(KeyError):
        bf.Template({}).encode_all(payloads())
    with pytest.raises(KeyError):
        bf.encode_all(bf.Message({}, payload) for payload in payloads())


def test_encode_all_takes_messages_only() -> None:
    for wrong in ([b"frame"], [None], 5, [bf.Message({}), "text"]):
        with pytest.raises(TypeError):
            bf.encode_all(wrong)  # type: ignore[arg-type]


def test_subclasses_of_plain_types_are_encoded_as_their_base() -> None:
    class Text(str):
        __slots__ = ()

    class Number(int):
        pass

    class Narrow(bf.Int8):
        __slots__ = ()

    frame = bf.encode({Text("s"): Text("v"), "n": Number(5), "i": Narrow(1)})

    assert wire.parse(frame)[0] == [
        ("s", wire.STRING, "v"),
        ("n", wire.INT32, 5),
        ("i", wire.INT8, 1),
    ]


def test_the_longest_names_and_values_are_written() -> None:
    headers: dict[str, wire.PlainValue] = {
        "n" * 255: "a" * 32_767,
        "b": b"\x00" * 32_767,
        "e": "",
        "f": b"",
    }

    assert bf.encode(headers) == wire.encode(headers)


def test_headers_above_the_service_s_limit_are_written() -> None:
    """A limit is the reader's to enforce, and a test of a reader must be able to break it."""
    headers = {f"h{index}": bytes(30_000) for index in range(5)}
    frame = bf.encode(headers)

    assert bf.decode(frame).headers == headers
    with pytest.raises(bf.MessageTooLarge):
        bf.decode(frame, limits=bf.Limits.SERVICE)

"""Streams that decode: every header type at its extremes, payloads, limits met exactly."""

from collections.abc import Iterator
from uuid import UUID

from tests.support import wire_format as wire
from tests.vectors.format import Content, Preset, Vector

BEDROCK_CHUNK = Content(
    (
        (":event-type", wire.STRING, "chunk"),
        (":content-type", wire.STRING, "application/json"),
        (":message-type", wire.STRING, "event"),
    ),
    b'{"bytes":"eyJ0eXBlIjoicGluZyJ9","p":"abcdef"}',
)
CONVERSE_DELTA = Content(
    (
        (":event-type", wire.STRING, "contentBlockDelta"),
        (":content-type", wire.STRING, "application/json"),
        (":message-type", wire.STRING, "event"),
    ),
    '{"contentBlockIndex":0,"delta":{"text":"Grüße, 世界"},"p":"abc"}'.encode(),
)
THROTTLED = Content(
    (
        (":exception-type", wire.STRING, "throttlingException"),
        (":content-type", wire.STRING, "application/json"),
        (":message-type", wire.STRING, "exception"),
    ),
    b'{"message":"Too many requests"}',
)
UNMODELED = Content(
    (
        (":error-code", wire.STRING, "InternalFailure"),
        (":error-message", wire.STRING, "An internal server error occurred"),
        (":message-type", wire.STRING, "error"),
    )
)
ALL_TYPES = Content(
    (
        ("true", wire.TRUE, True),
        ("false", wire.FALSE, False),
        ("int8", wire.INT8, -2),
        ("int16", wire.INT16, -300),
        ("int32", wire.INT32, -70_000),
        ("int64", wire.INT64, -5_000_000_000),
        ("bytes", wire.BYTES, b"\x00\xff\x80"),
        ("string", wire.STRING, "text"),
        ("timestamp", wire.TIMESTAMP, 1_700_000_000_123),
        ("uuid", wire.UUID_, UUID("01020304-0506-0708-090a-0b0c0d0e0f10")),
    ),
    b"payload",
)


def stream(*contents: Content) -> bytes:
    """Return the frames of these contents, joined."""
    return b"".join(wire.encode_typed(c.headers, c.payload) for c in contents)


def valid(name: str, *contents: Content, limits: Preset = "client") -> Vector:
    """Return the vector of a stream that decodes."""
    return Vector(name=name, data=stream(*contents), limits=limits, messages=contents)


def values() -> Iterator[Vector]:
    """Every header type at its extremes."""
    for bits, kind in ((8, wire.INT8), (16, wire.INT16), (32, wire.INT32), (64, wire.INT64)):
        for label, number in (
            ("min", -(1 << (bits - 1))),
            ("minus_one", -1),
            ("zero", 0),
            ("max", (1 << (bits - 1)) - 1),
        ):
            yield valid(f"int{bits}_{label}", Content((("n", kind, number),)))
    for label, moment in (
        ("min", -(2**63)),
        ("before_epoch", -1),
        ("epoch", 0),
        ("odd_millisecond", 1_700_000_000_001),
        ("datetime_max", 253_402_300_799_999),
        ("beyond_datetime", 253_402_300_800_000),
        ("max", 2**63 - 1),
    ):
        yield valid(f"timestamp_{label}", Content((("t", wire.TIMESTAMP, moment),)))
    for label, number in (
        ("nil", 0),
        ("max", 2**128 - 1),
        ("v4", 0x1B4E28BA2FA14D1A883F0016D3CCA427),
    ):
        yield valid(f"uuid_{label}", Content((("u", wire.UUID_, UUID(int=number)),)))
    for label, data in (
        ("empty", b""),
        ("one", b"\x00"),
        ("every_byte", bytes(range(256))),
        ("longest", b"\xa5" * wire.VALUE_MAX),
    ):
        yield valid(f"bytes_{label}", Content((("b", wire.BYTES, data),)))
    for label, text in (
        ("empty", ""),
        ("nul", "\x00"),
        ("two_to_four_byte_characters", "é世𝄞"),
        ("highest_character", "\U0010ffff"),
        ("longest", "a" * wire.VALUE_MAX),
        ("longest_of_three_byte_characters", "世" * (wire.VALUE_MAX // 3)),
    ):
        yield valid(f"string_{label}", Content((("s", wire.STRING, text),)))
    yield valid("bool_true", Content((("t", wire.TRUE, True),)))
    yield valid("bool_false", Content((("f", wire.FALSE, False),)))
    yield valid("all_types", ALL_TYPES)
    yield valid("all_types_in_reverse", Content(ALL_TYPES.headers[::-1], b"payload"))


def names() -> Iterator[Vector]:
    """Header names: lengths, characters, numbers of them."""
    for label, name in (
        ("one_byte", "x"),
        ("longest", "n" * 255),
        ("longest_of_three_byte_characters", "世" * 85),
        ("space", " "),
        ("nul", "\x00"),
        ("proto", "__proto__"),
        ("like_a_frame", "\x00\x00\x00\x10"),
    ):
        yield valid(f"name_{label}", Content(((name, wire.STRING, "v"),)))
    yield valid("names_differ_in_case", Content((("A", wire.INT8, 1), ("a", wire.INT8, 2))))
    yield valid(
        "names_differ_in_normal_form",
        Content((("\u00e9", wire.INT8, 1), ("e\u0301", wire.INT8, 2))),
    )
    yield valid("many_headers", Content(tuple((f"h{i}", wire.INT8, i % 100) for i in range(1025))))


def payloads() -> Iterator[Vector]:
    """Payloads, with and without headers, and what Bedrock sends."""
    yield valid("no_headers_no_payload", Content())
    for label, data in (
        ("one_byte", b"\x00"),
        ("every_byte", bytes(range(256))),
        ("a_frame", stream(BEDROCK_CHUNK)),
        ("64_kib", b"\x5a" * 65_536),
        ("1_mib", b"\x5a" * 1_048_576),
    ):
        yield valid(f"payload_{label}", Content((), data))
    yield valid("bedrock_chunk", BEDROCK_CHUNK)
    yield valid("converse_delta", CONVERSE_DELTA)
    yield valid("modeled_exception", THROTTLED)
    yield valid("unmodeled_error", UNMODELED)


def streams() -> Iterator[Vector]:
    """More than one frame, and none."""
    yield valid("nothing")
    yield valid("two_empty_frames", Content(), Content())
    yield valid("same_headers_again", BEDROCK_CHUNK, BEDROCK_CHUNK, BEDROCK_CHUNK)
    yield valid("changing_headers", CONVERSE_DELTA, BEDROCK_CHUNK, CONVERSE_DELTA, UNMODELED)
    yield valid("ends_in_an_exception", CONVERSE_DELTA, THROTTLED)
    # Same lengths, other header bytes: a cache keyed by length alone would mix them up.
    yield valid(
        "headers_of_equal_length",
        Content(((":event-type", wire.STRING, "aaaa"),), b"1"),
        Content(((":event-type", wire.STRING, "bbbb"),), b"2"),
        Content(((":event-type", wire.STRING, "aaaa"),), b"3"),
    )


def limits() -> Iterator[Vector]:
    """The service's limits met exactly, and the client without them."""
    longest = ("c", wire.BYTES, b"\x00" * wire.VALUE_MAX)
    full = (
        ("a", *longest[1:]),
        ("b", *longest[1:]),
        longest,
        ("d", wire.BYTES, b"\x00" * (131_072 - 3 * (5 + wire.VALUE_MAX) - 5)),
    )
    over = (*full, ("e", wire.TRUE, True))
    yield valid("headers_128_kib", Content(full), limits="service")
    yield valid("headers_over_128_kib_as_client", Content(over))

"""Independent implementations as judges: what they and we accept is equal, and where they accept
what the format forbids, the deviation is theirs, known, and named here with its reason.

botocore is Python's own reader; the JavaScript SDK's codec runs where node and its package are
(``npm ci`` in ``tests/node``).
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings

import bedrock_frames as bf
from tests.support import decode_outcomes, vector_cases
from tests.support import wire_format as wire
from tests.support.strategies import contents, damaged_frames, headers_blocks
from tests.vectors.format import Content

NODE: Final = Path(__file__).parents[1] / "node"

BOTOCORE_ACCEPTS: Final = {
    "header_name_length": "it takes empty names",
    "header_value_length": "it reads the length as 16 bits, which the grammar bounds by 15",
    "header_overrun": "its slices end where the block does: a cut value is taken as a short one",
    "headers_length": "it reads headers from the checksum and the frame behind",
    "message_length": "12 bytes are a message whose checksum is the prelude's; others are awaited",
    "truncated": "it has no end of stream, so a torn frame is one still to come",
    "not_event_stream": "as above, for less than a prelude",
}
SMITHY_ACCEPTS: Final = {
    "header_name_length": "it takes empty names",
    "header_value_length": "it reads the length as 16 bits, which the grammar bounds by 15",
    "header_name_utf8": "its decoder writes U+FFFD for what is not UTF-8",
    "header_value_utf8": "its decoder writes U+FFFD for what is not UTF-8",
    "header_overrun": "its view of the frame goes on behind the block, into the payload",
    "duplicate_header": "the last one wins",
}

DATE_LIMIT_MS: Final = 8_640_000_000_000_000
"""A JavaScript Date ends here; beyond it the peer reads a timestamp as no time at all."""

Plain = tuple[dict[str, object], bytes]


def by_us(stream: bytes) -> tuple[list[bf.Message], str | None]:
    outcome = decode_outcomes.feed([stream])
    return outcome.messages, outcome.error.kind if outcome.error else None


def by_botocore(stream: bytes) -> tuple[list[Plain], bool]:
    """Return the messages and whether the rest was refused, by whatever was raised."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    messages: list[Plain] = []
    try:
        for message in cast("Any", buffer):  # Its stub says that it yields integers.
            messages.append((dict(message.headers), message.payload))  # noqa: PERF401 - it may raise
    except Exception:  # It lets struct.error, KeyError and others out.
        return messages, True
    return messages, False


def as_botocore_says(message: bf.Message) -> Plain:
    """Return a message as botocore spells it: widths forgotten, a UUID as its bytes."""
    values: dict[str, object] = {
        n: v.bytes if isinstance(v, UUID) else v for n, v in message.headers.items()
    }
    return values, message.payload


def compare_with_botocore(stream: bytes) -> None:
    ours, kind = by_us(stream)
    theirs, refused = by_botocore(stream)

    assert list(map(as_botocore_says, ours)) == theirs[: len(ours)]
    if kind is None:
        assert not refused
        assert len(theirs) == len(ours)
    elif not refused or len(theirs) > len(ours):
        assert kind in BOTOCORE_ACCEPTS


# botocore enforces a service's limit on headers, which the specification forbids to clients.
WITHIN_LIMITS: Final = [
    v for v in vector_cases.VECTORS if v.data[4:8] <= (131_072).to_bytes(4, "big")
]


@pytest.mark.parametrize(
    "stream", [v.data for v in WITHIN_LIMITS], ids=[v.name for v in WITHIN_LIMITS]
)
def test_botocore_agrees_on_every_vector(stream: bytes) -> None:
    compare_with_botocore(stream)


@vector_cases.needs_corpus
@pytest.mark.parametrize(
    "stream",
    [r.data for r in vector_cases.RECORDINGS],
    ids=[r.name for r in vector_cases.RECORDINGS],
)
def test_botocore_agrees_on_every_recording(stream: bytes) -> None:
    compare_with_botocore(stream)


@given(contents)
def test_botocore_reads_what_we_write(content: Content) -> None:
    frame = bf.encode(decode_outcomes.inputs(content), content.payload)
    messages, refused = by_botocore(frame)

    assert not refused
    assert messages == [as_botocore_says(bf.decode(frame))]


@pytest.mark.slow
@settings(max_examples=500)
@given(damaged_frames() | headers_blocks())
def test_botocore_agrees_on_malformed_frames_with_right_checksums(frame: bytes) -> None:
    compare_with_botocore(frame)


def by_smithy(frames: list[bytes]) -> list[dict[str, object]]:
    """Return what the JavaScript codec says of each frame, all in one run of node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (NODE / "node_modules" / "@smithy" / "core").is_dir():
        pytest.skip("@smithy/core is not installed: run `npm ci` in tests/node")
    lines = "".join(f"{frame.hex()}\n" for frame in frames)
    run = subprocess.run(
        [node, NODE / "decode.cjs"], input=lines, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in run.stdout.split("\n") if line]


_SMITHY_NAMES: Final = {
    wire.TRUE: "boolean",
    wire.FALSE: "boolean",
    wire.INT8: "byte",
    wire.INT16: "short",
    wire.INT32: "integer",
    wire.INT64: "long",
    wire.BYTES: "binary",
    wire.STRING: "string",
    wire.TIMESTAMP: "timestamp",
    wire.UUID_: "uuid",
}


def as_smithy_says(message: bf.Message) -> dict[str, object]:
    """Return a message as the script spells it."""
    headers: dict[str, list[str]] = {}
    for name, kind, value in decode_outcomes.content(message).headers:
        if isinstance(value, bytes):
            text = value.hex()
        elif isinstance(value, bool):
            text = str(value).lower()
        elif kind == wire.TIMESTAMP and isinstance(value, int) and abs(value) > DATE_LIMIT_MS:
            text = "NaN"
        else:
            text = str(value)
        # Its headers are a plain object, where this name sets the prototype.
        if name != "__proto__":
            headers[name] = [_SMITHY_NAMES[kind], text]
    return {"headers": headers, "payload": message.payload.hex()}


def compare_with_smithy(frames: list[bytes]) -> None:
    for frame, said in zip(frames, by_smithy(frames), strict=True):
        messages, kind = by_us(frame)
        if kind is not None:
            assert "error" in said or kind in SMITHY_ACCEPTS, (frame.hex(), said)
        else:
            assert [said] == list(map(as_smithy_says, messages))


def test_smithy_agrees_on_every_vector() -> None:
    frames = [f for v in vector_cases.VECTORS for f in wire.split(v.data) if len(f) < 100_000]

    compare_with_smithy(frames)


@vector_cases.needs_corpus
def test_smithy_agrees_on_every_recording() -> None:
    compare_with_smithy([frame for r in vector_cases.RECORDINGS for frame in wire.split(r.data)])


@pytest.mark.slow
def test_smithy_agrees_on_drawn_frames_good_and_damaged() -> None:
    drawn: list[bytes] = []

    @settings(max_examples=1000, database=None)
    @given(contents, damaged_frames() | headers_blocks())
    def draw(content: Content, damaged: bytes) -> None:
        drawn.append(bf.encode(decode_outcomes.inputs(content), content.payload))
        drawn.append(damaged)

    draw()
    compare_with_smithy(drawn)

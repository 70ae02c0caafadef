"""Hypothesis strategies: headers of every type, contents, chunkings, damaged frames."""

from hypothesis import strategies as st

from tests.support import wire_format as wire
from tests.vectors.format import Content

CHARACTERS = st.characters(codec="utf-8")

names = st.one_of(
    st.sampled_from([":event-type", ":message-type", ":exception-type", ":content-type", "x"]),
    st.text(CHARACTERS, min_size=1, max_size=63),
)


def _integer(kind: int, bits: int) -> st.SearchStrategy[tuple[int, wire.WireValue]]:
    limit = 1 << (bits - 1)
    edges = st.sampled_from([-limit, -limit + 1, -1, 0, 1, limit - 1])
    return st.tuples(st.just(kind), edges | st.integers(-limit, limit - 1))


typed_values: st.SearchStrategy[tuple[int, wire.WireValue]] = st.one_of(
    st.sampled_from([(wire.TRUE, True), (wire.FALSE, False)]),
    _integer(wire.INT8, 8),
    _integer(wire.INT16, 16),
    _integer(wire.INT32, 32),
    _integer(wire.INT64, 64),
    _integer(wire.TIMESTAMP, 64),
    st.tuples(st.just(wire.BYTES), st.binary(max_size=80)),
    st.tuples(st.just(wire.STRING), st.text(CHARACTERS, max_size=40)),
    st.tuples(st.just(wire.STRING), st.sampled_from(["event", "exception", "error", "chunk"])),
    st.tuples(st.just(wire.UUID_), st.uuids()),
)

contents: st.SearchStrategy[Content] = st.builds(
    lambda headers, payload: Content(
        tuple((name, kind, value) for name, (kind, value) in headers.items()), payload
    ),
    st.dictionaries(names, typed_values, max_size=15),
    st.binary(max_size=300),
)


@st.composite
def chunked(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """Draw a way to cut the data into chunks, empty ones among them."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@st.composite
def damaged_frames(draw: st.DrawFn) -> bytes:
    """Draw a frame with a few bytes of it changed and its checksums made right again.

    Unless its lengths were hit, such a frame passes both checksums: what is wrong with it is
    for the headers' checks to find.
    """
    content = draw(contents)
    frame = bytearray(wire.encode_typed(content.headers, content.payload))
    block = 12 + int.from_bytes(frame[4:8], "big")
    for _ in range(draw(st.integers(1, 4))):
        # Headers are where the grammar is; lengths are hit now and then.
        first, last = draw(st.sampled_from([(12, block), (12, block), (0, len(frame) - 4)]))
        if first >= last:
            continue
        at = draw(st.integers(first, last - 1))
        frame[at] = draw(st.sampled_from([0, 1, 6, 7, 9, 10, 127, 128, 255]) | st.integers(0, 255))
    return wire.repair(bytes(frame))


@st.composite
def headers_blocks(draw: st.DrawFn) -> bytes:
    """Draw a frame with right checksums around a headers block built of plausible pieces."""
    pieces = st.one_of(
        st.builds(
            lambda name, typed: wire.header(name, *typed),
            st.sampled_from(["a", "b", "ü"]),
            typed_values,
        ),
        st.builds(
            lambda name, kind, rest: bytes([len(name)]) + name + bytes([kind]) + rest,
            st.binary(max_size=3),
            st.integers(0, 12),
            st.binary(max_size=20),
        ),
        st.binary(max_size=6),
    )
    block = b"".join(draw(st.lists(pieces, max_size=4)))
    return wire.frame(block, draw(st.binary(max_size=24)))

"""Streams that end in an error: malformed, damaged, above a limit, or of another format."""

import zlib
from collections.abc import Iterator

from tests.support import wire_format as wire
from tests.support.crc32c import crc32c
from tests.vectors.format import Content, Fault, Preset, Vector
from tests.vectors.valid import ALL_TYPES, BEDROCK_CHUNK, CONVERSE_DELTA, stream

_X = wire.header("x", wire.TRUE)


def bad(
    name: str,
    data: bytes,
    error: str,
    kind: str,
    *,
    position: int | None = None,
    before: tuple[Content, ...] = (),
    limits: Preset = "client",
) -> Vector:
    """Return a vector whose ``data``, after the frames of ``before``, ends in an error."""
    start = stream(*before)
    return Vector(
        name=name,
        data=start + data,
        limits=limits,
        messages=before,
        fault=Fault(
            error=error, kind=kind, offset=len(start), frame_index=len(before), position=position
        ),
    )


def headers() -> Iterator[Vector]:
    """Headers blocks that the format does not allow, in frames whose checksums are right."""
    for label, block, kind, position in (
        ("name_empty", wire.header("", wire.TRUE), "header_name_length", 12),
        ("name_empty_second", _X + wire.header("", wire.TRUE), "header_name_length", 15),
        ("name_length_alone", b"\x04", "header_overrun", 13),
        ("name_cut", b"\x04nam", "header_overrun", 13),
        ("name_not_utf8", wire.header(b"\xff", wire.TRUE), "header_name_utf8", 13),
        ("name_cut_character", wire.header(b"a\xc3", wire.TRUE), "header_name_utf8", 13),
        ("name_surrogate", wire.header(b"\xed\xa0\x80", wire.TRUE), "header_name_utf8", 13),
        ("name_overlong", wire.header(b"\xc0\x80", wire.TRUE), "header_name_utf8", 13),
        ("type_missing", b"\x01x", "header_overrun", 14),
        ("type_10", b"\x01x\x0a", "header_type", 14),
        ("type_255", b"\x01x\xff", "header_type", 14),
        ("type_10_second", _X + b"\x01y\x0a" + bytes(8), "header_type", 17),
        ("string_not_utf8", wire.header("x", 7, b"\x00\x02\xc3\x28"), "header_value_utf8", 17),
        ("string_surrogate", wire.header("x", 7, b"\x00\x03\xed\xa0\x80"), "header_value_utf8", 17),
        ("string_length_missing", b"\x01x\x07", "header_overrun", 15),
        ("string_length_cut", b"\x01x\x07\x00", "header_overrun", 15),
        ("string_cut", b"\x01x\x07\x00\x05text", "header_overrun", 17),
        ("bytes_length_missing", b"\x01x\x06", "header_overrun", 15),
        ("bytes_cut", b"\x01x\x06\x00\x05text", "header_overrun", 17),
        ("int8_cut", b"\x01x\x02", "header_overrun", 15),
        ("int16_cut", b"\x01x\x03\x00", "header_overrun", 15),
        ("int32_cut", b"\x01x\x04\x00\x00\x00", "header_overrun", 15),
        ("int64_cut", b"\x01x\x05" + bytes(7), "header_overrun", 15),
        ("timestamp_cut", b"\x01x\x08" + bytes(7), "header_overrun", 15),
        ("uuid_cut", b"\x01x\x09" + bytes(15), "header_overrun", 15),
        ("second_header_cut", _X + b"\x01y\x04\x00", "header_overrun", 18),
    ):
        yield bad(label, wire.frame(block), "InvalidHeader", kind, position=position)
        # The same block with a payload behind it that a careless reader would run into.
        yield bad(
            f"{label}_before_payload",
            wire.frame(block, b"\x01z\x00" * 12),
            "InvalidHeader",
            kind,
            position=position,
        )
    for label, kind_byte in (("string", b"\x07"), ("bytes", b"\x06")):
        for length in (32_768, 65_535):
            yield bad(
                f"{label}_of_{length}",
                wire.frame(b"\x01x" + kind_byte + length.to_bytes(2, "big") + b"a" * length),
                "InvalidHeader",
                "header_value_length",
                position=15,
            )
    twice = _X + wire.header("y", wire.INT8, 1) + wire.header("x", wire.FALSE)
    yield bad("duplicate", wire.frame(twice), "DuplicateHeader", "duplicate_header", position=19)
    yield bad(
        "duplicate_same", wire.frame(_X + _X), "DuplicateHeader", "duplicate_header", position=15
    )
    far = b"".join(wire.header(f"h{i}", wire.TRUE) for i in range(1000))
    yield bad(
        "duplicate_far",
        wire.frame(far + wire.header("h500", wire.TRUE)),
        "DuplicateHeader",
        "duplicate_header",
        position=12 + len(far),
    )
    yield bad(
        "bad_header_after_good_frames",
        wire.frame(b"\x01x\x0a"),
        "InvalidHeader",
        "header_type",
        position=14,
        before=(BEDROCK_CHUNK, BEDROCK_CHUNK),
    )


def checksums() -> Iterator[Vector]:
    """Checksums that are wrong, each in a way that somebody's encoder gets wrong."""
    good = stream(ALL_TYPES)
    body = good[:-4]
    prelude, message = "prelude_checksum", "message_checksum"

    def with_prelude(checksum: bytes) -> bytes:
        return wire.repair(good)[:8] + checksum + good[12:]

    def with_message(checksum: bytes) -> bytes:
        return body + checksum

    stored = good[8:12]
    for label, data in (
        ("prelude_zero", with_prelude(bytes(4))),
        ("prelude_little_endian", with_prelude(stored[::-1])),
        ("prelude_inverted", with_prelude(bytes(b ^ 255 for b in stored))),
        ("prelude_crc32c", with_prelude(crc32c(good[:8]).to_bytes(4, "big"))),
        ("total_length_off_by_one", (len(good) + 1).to_bytes(4, "big") + good[4:]),
        ("headers_length_off_by_one", good[:7] + bytes([good[7] + 1]) + good[8:]),
        ("lengths_little_endian", good[3::-1] + good[7:3:-1] + good[8:]),
        ("shifted_by_one", good[1:]),
        ("zeros", bytes(64)),
    ):
        yield bad(label, data, "PreludeChecksumMismatch", prelude, position=8)
    checks = {
        "message_zero": 0,
        "message_crc32c": crc32c(body),
        "message_without_prelude_checksum": zlib.crc32(body[:8] + body[12:]),
        "message_without_prelude": zlib.crc32(body[12:]),
        "message_seeded_but_from_the_headers": zlib.crc32(body[12:], int.from_bytes(stored, "big")),
        "message_over_itself": zlib.crc32(good),
    }
    for label, value in checks.items():
        data = with_message(value.to_bytes(4, "big"))
        yield bad(label, data, "MessageChecksumMismatch", message, position=len(good) - 4)
    for label, data in (
        ("message_little_endian", with_message(good[: len(good) - 5 : -1])),
        ("payload_changed", good[:-5] + b"D" + good[-4:]),
        ("header_changed", good[:13] + b"T" + good[14:]),
        # A stale checksum is told before the header it hides.
        ("bad_header_and_checksum", good[:12] + b"\x00" + good[13:]),
    ):
        yield bad(label, data, "MessageChecksumMismatch", message, position=len(good) - 4)
    both = wire.prelude(len(good), good[7])[:8] + crc32c(good[:8]).to_bytes(4, "big") + body[12:]
    yield bad(
        "crc32c_everywhere",
        both + crc32c(both).to_bytes(4, "big"),
        "PreludeChecksumMismatch",
        prelude,
        position=8,
    )
    yield bad(
        "prelude_after_good_frames",
        with_prelude(bytes(4)),
        "PreludeChecksumMismatch",
        prelude,
        position=8,
        before=(CONVERSE_DELTA, BEDROCK_CHUNK),
    )
    yield bad(
        "message_after_good_frames",
        with_message(bytes(4)),
        "MessageChecksumMismatch",
        message,
        position=len(good) - 4,
        before=(CONVERSE_DELTA, BEDROCK_CHUNK),
    )


def lengths() -> Iterator[Vector]:
    """Preludes that lie, streams that stop, bounds that are passed by one."""
    for label, total, block, kind, position in (
        ("total_0", 0, 0, "message_length", 0),
        ("total_12", 12, 0, "message_length", 0),
        ("total_15", 15, 0, "message_length", 0),
        ("total_0_headers_max", 0, 2**32 - 1, "message_length", 0),
        ("headers_1_in_16", 16, 1, "headers_length", 4),
        ("headers_one_too_long", 64, 49, "headers_length", 4),
        ("headers_as_long_as_the_message", 64, 64, "headers_length", 4),
        ("headers_max_in_16", 16, 2**32 - 1, "headers_length", 4),
        ("headers_wrap_to_fit", 64, 2**32 - 16, "headers_length", 4),
        ("headers_max_in_max", 2**32 - 1, 2**32 - 1, "headers_length", 4),
    ):
        head = wire.prelude(total, block)
        yield bad(label, head, "InvalidLength", kind, position=position)
        yield bad(f"{label}_with_more", head + bytes(52), "InvalidLength", kind, position=position)
        yield bad(
            f"{label}_second",
            head,
            "InvalidLength",
            kind,
            position=position,
            before=(CONVERSE_DELTA,),
        )
    large = "MessageTooLarge"
    mib = 1 << 20
    service: Preset = "service"
    for label, total, block, kind, position, role in (
        ("service_headers_over", 16 + 131_073, 131_073, "headers_too_large", 4, service),
        ("service_headers_over_and_more", mib, 131_073, "headers_too_large", 4, service),
        ("service_payload_over", 16 + 24 * mib + 1, 0, "payload_too_large", 0, service),
        (
            "service_payload_over_after_headers",
            16 + 100 + 24 * mib + 1,
            100,
            "payload_too_large",
            0,
            service,
        ),
        ("service_total_max", 2**32 - 1, 0, "payload_too_large", 0, service),
        ("client_message_over", 64 * mib + 1, 0, "message_too_large", 0, "client"),
        ("client_headers_over", 64 * mib + 1, 64 * mib - 15, "message_too_large", 0, "client"),
        ("client_total_max", 2**32 - 1, 0, "message_too_large", 0, "client"),
    ):
        preset: Preset = "service" if role == "service" else "client"
        head = wire.prelude(total, block)
        yield bad(label, head, large, kind, position=position, limits=preset)
    whole = stream(ALL_TYPES)
    for label, cut in (
        ("one_byte", 1),
        ("eleven_bytes", 11),
        ("prelude", 12),
        ("in_headers", 40),
        ("before_checksum", len(whole) - 4),
        ("but_one_byte", len(whole) - 1),
    ):
        yield bad(f"cut_after_{label}", whole[:cut], "Truncated", "truncated", position=cut)
        yield bad(
            f"cut_after_{label}_second",
            whole[:cut],
            "Truncated",
            "truncated",
            position=cut,
            before=(CONVERSE_DELTA,),
        )
    for label, total, block, role in (
        ("service_headers_at", 16 + 131_072, 131_072, service),
        ("service_payload_at", 16 + 24 * mib, 0, service),
        ("service_both_at", 16 + 131_072 + 24 * mib, 131_072, service),
        ("client_headers_beyond_service", 16 + 131_073, 131_073, "client"),
        ("client_payload_beyond_service", 16 + 24 * mib + 1, 0, "client"),
        ("client_message_at", 64 * mib, 0, "client"),
    ):
        preset = "service" if role == "service" else "client"
        head = wire.prelude(total, block)
        yield bad(f"{label}_limit_cut", head, "Truncated", "truncated", position=12, limits=preset)


def foreign() -> Iterator[Vector]:
    """Bodies of another format, fed by mistake; only a stream's beginning is judged so."""
    bodies = {
        "json_object": b'{"message":"The security token included in the request is invalid."}',
        "json_array": b'[{"type":"ping"}]        ',
        "json_indented": b'\r\n  \t{\n  "message": "no"\n}',
        "json_after_bom": b'\xef\xbb\xbf{"message":"no"}',
        "json_short": b"{}",
        "html": b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        "html_indented": b"\n  <html><body>503</body></html>",
        "xml": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "sse_data": b'data: {"type":"ping"}\n\n',
        "sse_event": b"event: message_start\ndata: {}\n\n",
        "sse_id": b"id: 1\ndata: {}\n\n",
        "sse_retry": b"retry: 1000\n\n",
        "sse_comment": b": OPENROUTER PROCESSING\n\n",
        "http": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n",
        "gzip": bytes.fromhex("1f8b0800000000000003abae05000000ffff"),
        "text": b"upstream connect error or disconnect/reset before headers",
        "text_short": b"error",
    }
    for label, body in bodies.items():
        yield bad(label, body, "NotEventStream", "not_event_stream", position=0)
    # After a good frame it is a stream, and what follows is a damaged one.
    for label in ("json_object", "sse_data", "text"):
        yield bad(
            f"{label}_after_a_frame",
            bodies[label],
            "PreludeChecksumMismatch",
            "prelude_checksum",
            position=8,
            before=(CONVERSE_DELTA,),
        )
    yield bad("json_short_after_a_frame", b"{}", "Truncated", "truncated", before=(CONVERSE_DELTA,))
    # Bytes that resemble none of these are a damaged event stream.
    yield bad(
        "binary", bytes(range(128, 160)), "PreludeChecksumMismatch", "prelude_checksum", position=8
    )
    yield bad("binary_short", bytes(range(128, 136)), "Truncated", "truncated")

"""Limits: what a service must refuse and a client must not, told before anything is buffered."""

from typing import Final

import pytest

import bedrock_frames as bf
from tests.support import wire_format as wire

GOOD: Final = wire.encode({":event-type": "chunk"}, b"payload")
MIB: Final = 1 << 20


def test_the_service_takes_a_payload_of_exactly_24_mib() -> None:
    frame = wire.encode({}, bytes(24 * MIB))

    assert len(bf.decode(frame, limits=bf.Limits.SERVICE).payload) == 24 * MIB


def test_the_client_takes_what_the_service_must_refuse() -> None:
    frame = wire.encode({}, bytes(24 * MIB + 1))

    assert len(bf.decode(frame, limits=bf.Limits.CLIENT).payload) == 24 * MIB + 1
    with pytest.raises(bf.MessageTooLarge) as raised:
        bf.decode(frame, limits=bf.Limits.SERVICE)
    assert (raised.value.found, raised.value.limit) == (24 * MIB + 1, 24 * MIB)


def test_the_presets_are_what_they_say() -> None:
    service, client = bf.Limits.SERVICE, bf.Limits.CLIENT

    assert service.max_payload_bytes == 24 * MIB
    assert service.max_headers_bytes == 128 * 1024
    assert client.max_message_bytes == 64 * MIB
    assert client.max_payload_bytes == client.max_headers_bytes == 2**32 - 1


def test_the_client_is_the_default() -> None:
    assert bf.Decoder().limits == bf.Limits.CLIENT


@pytest.mark.parametrize(
    ("limits", "kind", "found"),
    [
        (bf.Limits(max_message_bytes=len(GOOD) - 1), "message_too_large", len(GOOD)),
        (bf.Limits(max_headers_bytes=19), "headers_too_large", 20),
        (bf.Limits(max_payload_bytes=6), "payload_too_large", 7),
        (bf.Limits(max_payload_bytes=0), "payload_too_large", 7),
    ],
)
def test_one_byte_above_a_limit_is_refused(limits: bf.Limits, kind: str, found: int) -> None:
    for take in (bf.decode, bf.decode_all, bf.scan):
        with pytest.raises(bf.MessageTooLarge) as raised:
            take(GOOD, limits=limits)
        assert (raised.value.kind, raised.value.found) == (kind, found)
    with pytest.raises(bf.MessageTooLarge):
        bf.Decoder(limits=limits).feed(GOOD[:12])
    with pytest.raises(bf.MessageTooLarge):
        list(bf.iter_messages([GOOD], limits=limits))


def test_a_frame_at_the_limits_is_taken() -> None:
    limits = bf.Limits(max_message_bytes=len(GOOD), max_headers_bytes=20, max_payload_bytes=7)

    assert bf.Decoder(limits=limits).feed(GOOD)[0].encode() == GOOD


def test_none_is_the_bound_of_the_wire() -> None:
    limits = bf.Limits(max_message_bytes=None)

    assert limits.max_message_bytes == 2**32 - 1
    decoder = bf.Decoder(limits=limits)
    assert decoder.feed(wire.prelude(2**32 - 1, 0)) == []


@pytest.mark.parametrize("wrong", [-1, 2**32, 2**64])
def test_an_invalid_limit_is_refused(wrong: int) -> None:
    with pytest.raises(ValueError, match="max_message_bytes is a number of bytes from 0 to"):
        bf.Limits(max_message_bytes=wrong)


def test_limits_compare_and_hash_by_value() -> None:
    same = bf.Limits(max_message_bytes=5), bf.Limits(max_message_bytes=5)

    assert same[0] == same[1]
    assert len({*same, bf.Limits(max_message_bytes=6)}) == 2
    assert same[0] != 5

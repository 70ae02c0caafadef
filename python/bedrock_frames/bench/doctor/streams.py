"""Examines a streamed answer."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

from bedrock_frames import Decoder, EventStreamError
from bedrock_frames.bedrock.model import CONVERSE_STREAM, INVOKE_STREAM, check, shape
from bedrock_frames.bedrock.shapes import Structure
from bedrock_frames.bedrock.words import json_path
from bedrock_frames.bench.doctor.finding import Finding, note, right, wrong
from bedrock_frames.bench.doctor.grammar import grammar_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bedrock_frames import Message
    from bedrock_frames.bench.doctor.exchange import Answer

EVENT_STREAM: Final = "application/vnd.amazon.eventstream"
SHOWN: Final = 5
"""The limit of listed faults of one kind: the same mistake is often in every event."""
MANY_EVENTS: Final = 4
PACED_S: Final = 0.1
"""A first byte that takes this much longer than a refusal was held back by a buffer."""


def examine_stream(
    subject: str, answer: Answer, *, converse: bool, round_trip: float = 0.0
) -> Iterator[Finding]:
    """Yield findings about a streamed answer with status 200.

    ``round_trip`` is how long this endpoint takes at least to say anything, in seconds.
    """
    yield from _head(subject, answer)
    if answer.failure:
        yield wrong(subject, f"the answer broke off: {answer.failure}")
    messages, fault = _decode(answer)
    if fault is not None:
        yield wrong(subject, fault)
    if not messages:
        if fault is None:
            yield wrong(subject, "the answer is empty")
        return
    faults = list(_faults(messages, converse=converse, whole=fault is None and not answer.failure))
    yield from _unknown(subject, messages, converse=converse)
    for text in faults[:SHOWN]:
        yield wrong(subject, text)
    if len(faults) > SHOWN:
        yield wrong(subject, f"and {len(faults) - SHOWN} more")
    if not faults and fault is None and not answer.failure:
        size = f"{len(messages)} frames, {len(answer.body):,} bytes"
        yield right(subject, f"checksums, events and their order are right ({size})")
    yield from _timing(subject, answer, messages, round_trip)
    if converse and not any(b'"p":' in message.payload for message in messages):
        yield note(subject, "events have no padding (p), which the service's have")


def _head(subject: str, answer: Answer) -> Iterator[Finding]:
    if answer.media_type != EVENT_STREAM:
        told = answer.headers.get("content-type", "none")
        yield wrong(subject, f"content-type is {told}, not {EVENT_STREAM}")
    if "content-length" in answer.headers:
        yield note(subject, "a content-length: the answer was whole before it was sent")


def _decode(answer: Answer) -> tuple[list[Message], str | None]:
    messages: list[Message] = []
    decoder = Decoder()
    try:
        messages += decoder.feed(answer.body)
        decoder.finish()
    except EventStreamError as error:
        if answer.body.lstrip().startswith((b"data:", b"event:")):
            return messages, "the body is server-sent events, not an event stream"
        return messages, f"byte {error.offset}, frame {error.frame_index}: {error}"
    return messages, None


def _faults(messages: Sequence[Message], *, converse: bool, whole: bool) -> Iterator[str]:
    named: list[tuple[str, object]] = []
    for index, message in enumerate(messages):
        where = f"frame {index}"
        if message.message_type in ("exception", "error"):
            code = message.exception_type or message.headers.get(":error-code")
            said = message.payload[:200].decode(errors="replace")
            yield f"{where}: {message.message_type} {code!r}: {said}"
            continue
        if message.message_type != "event":
            yield f'{where}: :message-type is {message.message_type!r}, not "event"'
        if message.headers.get(":content-type") != "application/json":
            yield f"{where}: :content-type is not application/json"
        name = message.event_type
        try:
            payload = json.loads(message.payload)
        except ValueError:
            yield f"{where} ({name}): its payload is not JSON"
            continue
        if name is None or name not in _members(converse=converse):
            continue
        named.append((name, payload))
        yield from _payload_faults(where, name, payload, converse=converse)
    if converse:
        yield from grammar_faults(named, whole=whole)
    elif whole and not named:
        yield "there is no chunk"


def _members(*, converse: bool) -> Collection[str]:
    """Return the names of a stream's events and exceptions."""
    stream = shape(CONVERSE_STREAM if converse else INVOKE_STREAM)
    return stream.members if isinstance(stream, Structure) else ()


def _unknown(subject: str, messages: Sequence[Message], *, converse: bool) -> Iterator[Finding]:
    """Note events that the service model does not have: SDKs skip them."""
    members = _members(converse=converse)
    allowed = ", ".join(member for member in members if not member.endswith("Exception"))
    kinds = dict.fromkeys(
        str(message.event_type)
        for message in messages
        if message.message_type == "event" and message.event_type not in members
    )
    for kind in list(kinds)[:SHOWN]:
        yield note(subject, f":event-type {kind!r} is not one of {allowed}: SDKs skip such events")


def _payload_faults(where: str, name: str, payload: object, *, converse: bool) -> Iterator[str]:
    held = (
        {key: value for key, value in payload.items() if key != "p"}
        if isinstance(payload, dict)
        else payload
    )
    for problem in check(CONVERSE_STREAM if converse else INVOKE_STREAM, {name: held}):
        if problem.severity == "error":
            yield f"{where} ({name}): {json_path(problem.path[1:])}: {problem.message}"
    if not converse and isinstance(payload, dict):
        try:
            json.loads(base64.b64decode(str(payload.get("bytes", "")), validate=True))
        except (ValueError, binascii.Error):
            yield f"{where} (chunk): bytes is not JSON in base64"


def _timing(
    subject: str, answer: Answer, messages: Sequence[Message], round_trip: float
) -> Iterator[Finding]:
    if len(messages) < MANY_EVENTS or not answer.reads:
        return
    first, last = answer.reads[0][0], answer.reads[-1][0]
    if len(answer.reads) > 1 and last - first > 0.001:
        spread = f"{len(answer.reads)} reads over {(last - first) * 1000:.0f} ms"
        yield right(subject, f"events arrive as they are made: {spread}")
    elif first > round_trip + PACED_S:
        yield wrong(
            subject,
            f"all {len(messages)} frames came at once after {first * 1000:.0f} ms: "
            "the endpoint, or a proxy before it, buffers",
        )
    else:
        yield note(
            subject,
            f"all {len(messages)} frames came at once: unpaced, or buffered by a proxy; "
            "ask for an answer that takes its time to tell which",
        )

"""A recording turned into a fixture and compiled again is the recording."""

import json
from typing import Any

import pytest

import bedrock_frames as bf
from bedrock_frames._core import Plan
from bedrock_frames.bedrock.frames import ALPHABET
from bedrock_frames.fixtures import from_recording, parse
from tests import cases, wire
from tests.answering import stream_events, whole
from tests.cases import Recording

pytestmark = cases.needs_corpus

recorded = pytest.mark.parametrize(
    "recording", cases.RECORDINGS, ids=[recording.name for recording in cases.RECORDINGS]
)
converse = pytest.mark.parametrize(
    "recording",
    [r for r in cases.RECORDINGS if b"contentBlockDelta" in r.data[:4096]],
    ids=lambda recording: str(recording.name),
)

INCOMPLETE = "frames2-7"
"""In the name of the one recording that begins in the middle."""


def compile_again(fixture: dict[str, Any], operation: str | None = None) -> Plan:
    fixtures = parse([fixture])
    told = "events" in fixture["response"]
    stream = "converse-stream" if told else "invoke-with-response-stream"
    return fixtures.compiler(seed=7)(0, 0, operation or stream, "any", "unknown", None)


def unpadded(message: bf.Message) -> tuple[list[tuple[str, object]], list[tuple[str, object]]]:
    members = json.loads(message.payload)
    members.pop("p", None)
    return list(message.headers.items()), list(members.items())


@recorded
def test_with_its_padding_it_comes_back_byte_for_byte(recording: Recording) -> None:
    plan = compile_again(from_recording(recording.data, padding=True))

    assert plan.body == recording.data
    assert plan.frames == wire.split(recording.data)


@recorded
def test_without_it_comes_back_but_for_the_length_of_padding(recording: Recording) -> None:
    plan = compile_again(from_recording(recording.data))
    again = bf.decode_all(plan.body)

    assert list(map(unpadded, again)) == list(map(unpadded, bf.decode_all(recording.data)))
    assert all(ALPHABET.startswith(json.loads(m.payload)["p"]) for m in again)


@recorded
def test_it_is_a_json_document(recording: Recording) -> None:
    fixture = from_recording(recording.data, padding=True)

    assert json.loads(json.dumps(fixture)) == fixture


@recorded
def test_the_service_model_finds_nothing_wrong(recording: Recording) -> None:
    warnings = parse([from_recording(recording.data)]).warnings

    expected = ["a stream begins with messageStart"] if INCOMPLETE in recording.name else []
    assert [warning.message for warning in warnings] == expected


@converse
def test_its_events_add_up_to_one_body(recording: Recording) -> None:
    fixture = from_recording(recording.data)
    body = whole(compile_again(fixture, "converse"))
    streamed = stream_events(compile_again(fixture))

    deltas = [e["contentBlockDelta"] for e in streamed if "contentBlockDelta" in e]
    said = "".join(d["delta"].get("text", "") for d in deltas)
    blocks = body["output"]["message"]["content"]
    parts = [part for b in blocks for part in b.get("citationsContent", {}).get("content", [b])]
    assert "".join(part.get("text", "") for part in parts) == said
    assert len(blocks) == len({d["contentBlockIndex"] for d in deltas})
    assert body["usage"] == streamed[-1]["metadata"]["usage"]
    assert body["stopReason"] == streamed[-2]["messageStop"]["stopReason"]

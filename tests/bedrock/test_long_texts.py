"""Long texts: their frames are made at once, and are what they would be one by one."""

import json
import time
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bedrock_frames as bf
from bedrock_frames._core import Template, encode_pieces
from bedrock_frames.bedrock import converse, families
from bedrock_frames.bedrock import text as cutting
from bedrock_frames.bedrock.content import Reply, Text, Usage, compact
from bedrock_frames.bedrock.families import Context
from bedrock_frames.bedrock.frames import NoPadding, SeededPadding, chunk_frames, event_frames
from bedrock_frames.bedrock.steps import Kind, steps
from bedrock_frames.bedrock.text import Run, Runs, count, cut, run_in
from tests.support.compiled_answers import CLAUDE, answer

EVERY: Final = "".join(map(chr, range(128))) + "naïve 日本語 é 👨‍👩‍👧 end"
OPENAI: Final = "openai.gpt-oss-20b-1:0"
HEADERS: Final = {":event-type": "chunk", ":message-type": "event"}


def reply(text: str) -> Reply:
    return Reply(blocks=(Text(text=text),), stop_reason="end_turn", usage=Usage(input=1, output=1))


@pytest.mark.parametrize("text", ["", "a", "two words", EVERY, "x" * 50])
@pytest.mark.parametrize("size", [None, 1, 7])
def test_a_run_has_the_pieces_of_its_text(text: str, size: int | None) -> None:
    found = Runs()(text, size)
    assert count(found) == len(cut(text, size))
    pieces = [
        piece for each in found for piece in (each.pieces if isinstance(each, Run) else [each])
    ]
    assert pieces == cut(text, size)


def test_events_of_a_run_are_the_events_of_its_pieces() -> None:
    one_by_one = [
        frame
        for event in converse.events(reply(EVERY))
        for frame in event_frames(event.name, event.payload, NoPadding())
    ]
    at_once = [
        frame
        for event in converse.events(reply(EVERY), pieces=Runs())
        for frame in event_frames(event.name, event.payload, NoPadding())
    ]
    assert at_once == one_by_one
    assert len(at_once) > 30


@pytest.mark.parametrize(
    "model", [CLAUDE, OPENAI, "us.amazon.nova-micro-v1:0", "cohere.command-r-v1:0"]
)
def test_chunks_of_a_run_are_the_chunks_of_its_pieces(model: str) -> None:
    def frames(**options: Any) -> list[bytes]:
        chunks = families.native_chunks(reply(EVERY), Context(model_id=model, **options))
        return [frame for chunk in chunks for frame in chunk_frames(chunk.value, NoPadding())]

    assert frames(pieces=Runs()) == frames()


@pytest.mark.parametrize("chunk", [False, True])
def test_paddings_end_each_payload(chunk: bool) -> None:
    paddings = [0, 1, 62]
    frames = encode_pieces(
        Template(HEADERS), '{"a":', ["x", '"', "\x1f"], "}", paddings=paddings, chunk=chunk
    )
    held = [json.loads(bf.decode(frame).payload) for frame in frames]
    assert [list(each) for each in held] == [["bytes" if chunk else "a", "p"]] * 3
    assert [len(each["p"]) for each in held] == paddings


@pytest.mark.parametrize(
    ("paddings", "after", "why"),
    [([1], "}", "as many as"), ([1, 63], "}", "at most 62"), ([1, 2], "", "must end in }")],
)
def test_pieces_that_cannot_be_padded_are_an_error(
    paddings: list[int], after: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        encode_pieces(Template(HEADERS), "{", ["a", "b"], after, paddings=paddings, chunk=False)


def test_pieces_are_strings() -> None:
    wrong: Any = [b"bytes"]
    with pytest.raises(TypeError):
        encode_pieces(Template(HEADERS), "", wrong, "", paddings=None, chunk=False)


def test_paddings_of_a_run_follow_from_the_seed() -> None:
    first, same, other = (SeededPadding(seed).lengths(500) for seed in (1, 1, 2))
    assert first == same != other
    assert set(first) <= set(range(2, 62))


def test_a_run_is_found_wherever_it_is() -> None:
    run = Run(["a", "b"])
    assert run_in({"x": 1, "choices": [{"delta": {"content": run}}]}) is run
    assert run_in({"x": ["a", {"b": None}]}) is None
    assert compact({"x": run}).count(run) == 1


@given(st.text(st.characters(codec="utf-8")))
def test_texts_are_cut_alike_with_and_without_long_graphemes(given_text: str) -> None:
    assert cut(given_text) == cutting._PIECES.findall(given_text)
    assert cut(given_text, 3) == cutting._every(3).findall(given_text)


LEAD, CONTENT, TRAIL = Kind.LEAD, Kind.CONTENT, Kind.TRAIL


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ([], []),
        ([LEAD], [0]),
        ([LEAD, LEAD, CONTENT, TRAIL], [0, 0, 0, 0]),
        ([TRAIL, CONTENT, CONTENT, TRAIL, LEAD, CONTENT, LEAD], [0, 0, 1, 1, 2, 2, 2]),
        ([CONTENT, LEAD, TRAIL, TRAIL], [0, 0, 0, 0]),
    ],
)
def test_steps_of_what_leads_and_trails(kinds: list[Kind], told: list[int]) -> None:
    assert steps(kinds) == told


@pytest.mark.parametrize(
    "operation", ["converse", "converse-stream", "invoke-with-response-stream"]
)
def test_an_answer_of_two_megabytes_is_made_in_seconds(operation: str) -> None:
    text = "the quick brown fox jumps over the lazy dog; " * 45_000
    began = time.monotonic()
    plan = answer({"content": text}, operation)
    # Well below a second on an idle machine; one frame at a time it was thirteen.
    assert time.monotonic() - began < 8
    assert len(plan.body) > len(text)

"""``doctor``: a right endpoint has nothing wrong, and each fault of a wrong one is named."""

import base64
import json
from email.utils import formatdate

import pytest

import bedrock_frames as bf
from bedrock_frames.bench import BenchOptions, Examination, Finding, examine, run_bench
from bedrock_frames.bench.doctor.exchange import Answer as Answered
from bedrock_frames.bench.doctor.streams import examine_stream
from bedrock_frames.server import Server
from tests.support.bench_endpoint import (
    BLOCK_STOP,
    EVENT_STREAM,
    FRAMES,
    METADATA,
    START,
    STOP,
    Answer,
    Said,
    delta,
    endpoint,
    event,
    exception,
    refusal,
)
from tests.support.buffering_proxy import buffering_proxy

JSON = {"content-type": "application/json"}
BODY = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8},
    "metrics": {"latencyMs": 7},
}
CHUNK = event("chunk", {"bytes": base64.b64encode(b'{"a":1}').decode()})
RIGHT = {
    "converse": Said(headers=JSON, pieces=(json.dumps(BODY).encode(),)),
    "converse-stream": Said(),
    "invoke": Said(headers=JSON, pieces=(b"{}",)),
    "invoke-with-response-stream": Said(pieces=(CHUNK,)),
}


def answering(**instead: Said) -> Answer:
    """Answer rightly, but for the operations named, dashes being underscores."""
    said = RIGHT | {name.replace("_", "-"): answer for name, answer in instead.items()}
    nonsense = instead.get("nonsense", refusal(400, "ValidationException"))
    return lambda operation, body: nonsense if b"no list" in body else said[operation]


def found(url: str) -> list[Finding]:
    return examine(Examination(url=url, timeout=10))


def wrongs(url: str) -> list[str]:
    return [f"{f.subject}: {f.text}" for f in found(url) if f.level == "wrong"]


def test_our_own_server_has_nothing_wrong(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hello, and more of it."})
    findings = found(bedrock.url)
    assert [f for f in findings if f.level == "wrong"] == []
    right = {f.subject for f in findings if f.level == "right"}
    assert {"Converse", "ConverseStream", "InvokeModel", "errors", "clock"} <= right
    assert "InvokeModelWithResponseStream" in right


def test_a_small_right_endpoint_has_nothing_wrong() -> None:
    with endpoint(answering()) as url:
        assert wrongs(url) == []


def without(*frames: bytes) -> tuple[bytes, ...]:
    return tuple(frame for frame in FRAMES if frame not in frames)


BROKEN = bytearray(START)
BROKEN[-1] ^= 1
TYPED_DELTA = event(
    "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"type": "text_delta", "text": "x"}}
)


@pytest.mark.parametrize(
    ("pieces", "named"),
    [
        ((bytes(BROKEN), *FRAMES[1:]), "checksum"),
        ((b"".join(FRAMES)[:-9],), "frame 6"),
        ((), "the answer is empty"),
        (without(START), "the first event is contentBlockDelta, not messageStart"),
        (without(BLOCK_STOP), "block 0 has no contentBlockStop"),
        (without(STOP), "there is no messageStop"),
        (without(METADATA), "there is no metadata"),
        ((START, *FRAMES), "2 messageStart events"),
        ((*FRAMES[:-2], METADATA, STOP), "the last event is messageStop, not metadata"),
        ((*FRAMES[:-1], delta("late"), METADATA), "contentBlockDelta after messageStop"),
        ((START, BLOCK_STOP, *FRAMES[1:]), "which was never open"),
        ((START, TYPED_DELTA, *FRAMES[1:]), "delta"),
        ((exception("throttlingException", "slow down"),), "slow down"),
        ((event("messageStart", {"role": "assistant"}, "text/plain"), *FRAMES[1:]), "content-type"),
        ((bf.encode({}, b"{}"), *FRAMES), ":message-type is None"),
        ((b'data: {"text":"hi"}\n\n', b"data: [DONE]\n\n"), "server-sent events"),
    ],
)
def test_a_wrong_stream_is_named(pieces: tuple[bytes, ...], named: str) -> None:
    with endpoint(answering(converse_stream=Said(pieces=pieces))) as url:
        said = wrongs(url)
    assert any(named in text for text in said), said
    assert all(text.startswith("ConverseStream: ") for text in said)


@pytest.mark.parametrize(
    ("operation", "said", "named"),
    [
        (
            "converse_stream",
            Said(headers=JSON),
            f"content-type is application/json, not {EVENT_STREAM}",
        ),
        ("converse", Said(headers=JSON, pieces=(b"{}",)), "Converse: "),
        ("converse", Said(headers=JSON, pieces=(b"<html>",)), "the body is not JSON"),
        ("invoke", Said(headers={"content-type": "text/html"}, pieces=(b"{}",)), "text/html"),
        ("invoke_with_response_stream", Said(), "there is no chunk"),
        ("invoke", Said(status=503, headers=JSON, pieces=(b"{}",)), "503"),
        ("nonsense", RIGHT["converse"], "answered with 200"),
        ("nonsense", Said(status=400, headers=JSON, pieces=(b"{}",)), "no x-amzn-errortype"),
        ("nonsense", refusal(400, "ThrottlingException"), "has status 400, not 429"),
        ("nonsense", refusal(400, "OhNo"), "which the service model does not have"),
    ],
)
def test_a_wrong_answer_is_named(operation: str, said: Said, named: str) -> None:
    with endpoint(answering(**{operation: said})) as url:
        texts = wrongs(url)
    assert any(named in text for text in texts), texts


def test_an_operation_that_the_endpoint_refuses_is_noted() -> None:
    refused = refusal(404, "ResourceNotFoundException")
    with endpoint(answering(invoke=refused)) as url:
        findings = found(url)
    assert not any(f.level == "wrong" for f in findings)
    assert any(f.level == "note" and "404" in f.text for f in findings)


def test_events_that_sdks_skip_are_noted() -> None:
    unknown = event("surprise", {"a": 1})
    with endpoint(answering(converse_stream=Said(pieces=(unknown, *FRAMES, unknown)))) as url:
        findings = found(url)
    assert not any(f.level == "wrong" for f in findings)
    assert [f.text.split(" is")[0] for f in findings if "surprise" in f.text] == [
        ":event-type 'surprise'"
    ]


def test_an_endpoint_that_refuses_every_operation_is_wrong() -> None:
    refused = refusal(404, "ResourceNotFoundException")
    every = dict.fromkeys(name.replace("-", "_") for name in RIGHT)
    with endpoint(answering(**dict.fromkeys(every, refused))) as url:
        assert wrongs(url) == ["operations: none of the 4 is answered with 200"]


def test_a_clock_that_is_far_off_is_named() -> None:
    yesterday = JSON | {"date": formatdate(1_000_000_000, usegmt=True)}
    said = Said(headers=yesterday, pieces=RIGHT["converse"].pieces)
    with endpoint(answering(converse=said)) as url:
        findings = found(url)
    # The server states its own date first; the one that counts is the last.
    assert any(f.subject == "clock" and f.level == "wrong" for f in findings)


def test_an_endpoint_that_is_not_there_is_named() -> None:
    with endpoint(answering()) as url:
        pass
    assert wrongs(url) == ["connection: Connection refused"]


@pytest.fixture
def paced(bedrock: Server) -> str:
    timing = {"ttft_ms": 80, "gap_ms": 2}
    words = "word " * 60
    bedrock.add(response={"content": words}, timing=timing)
    return bedrock.url


def test_a_proxy_that_buffers_is_named(paced: str) -> None:
    with buffering_proxy(paced) as url:
        before, behind = wrongs(paced), wrongs(url)
    assert before == []
    for operation in ("ConverseStream", "InvokeModelWithResponseStream"):
        said = [text for text in behind if text.startswith(f"{operation}: ")]
        assert any("came at once after" in text and "buffers" in text for text in said), behind


def test_a_benchmark_through_a_buffering_proxy_is_reported(paced: str) -> None:
    with buffering_proxy(paced) as url:
        told = run_bench(BenchOptions(url=url, requests=5))
        failed = run_bench(BenchOptions(url=url, requests=5, fail_bursts=True))
    assert told.requests.bursts == told.requests.completed == 5
    assert any("100% of the streams came in one burst" in note for note in told.notes)
    assert failed.errors == {"burst": 5}
    assert run_bench(BenchOptions(url=paced, requests=5, fail_bursts=True)).errors == {}


def test_an_endpoint_without_http_2_is_noted() -> None:
    with endpoint(answering()) as url:
        notes = [finding.text for finding in found(url) if finding.level == "note"]
    assert any(text.startswith("no HTTP/2") for text in notes)


def timed(*reads: tuple[float, bytes], round_trip: float = 0.01) -> list[Finding]:
    answer = Answered(status=200, headers={"content-type": EVENT_STREAM}, reads=reads)
    return list(examine_stream("it", answer, converse=True, round_trip=round_trip))


def test_frames_that_were_held_back_and_came_at_once_are_buffered() -> None:
    findings = timed((0.7, b"".join(FRAMES)))
    assert any(f.level == "wrong" and "after 700 ms" in f.text for f in findings)


def test_frames_that_came_at_once_and_soon_may_be_unpaced() -> None:
    findings = timed((0.002, b"".join(FRAMES)))
    assert not any(f.level == "wrong" for f in findings)
    assert any(f.level == "note" and "came at once" in f.text for f in findings)


def test_an_endpoint_that_is_far_away_is_not_taken_for_one_that_buffers() -> None:
    findings = timed((0.7, b"".join(FRAMES)), round_trip=0.65)
    assert not any(f.level == "wrong" for f in findings)


def test_frames_that_came_one_by_one_are_right() -> None:
    findings = timed(*((0.1 * index, frame) for index, frame in enumerate(FRAMES)))
    assert any(f.level == "right" and "7 reads over 600 ms" in f.text for f in findings)

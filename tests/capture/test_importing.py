"""Recordings of other tools become captures, captures become fixtures, and those answer alike."""

import base64
import gzip
import http.client
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import bedrock_frames as bf
from bedrock_frames.capture import Capture, to_fixtures
from bedrock_frames.capture.importing import RecordingError, import_files
from bedrock_frames.cli import main
from bedrock_frames.server import Server
from tests.support.vector_cases import CORPUS, RECORDINGS

STREAM: Final = "application/vnd.amazon.eventstream"
MODEL: Final = "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0"
CONVERSE_BODY: Final = {
    "metrics": {"latencyMs": 551},
    "output": {
        "message": {
            "content": [
                {"reasoningContent": {"reasoningText": {"signature": "c2ln", "text": "Hm."}}},
                {"text": "Two cities."},
                {
                    "toolUse": {
                        "input": {"city": "Köln"},
                        "name": "weather",
                        "toolUseId": "tooluse_1",
                    }
                },
                {"toolUse": {"input": {}, "name": "clock", "toolUseId": "tooluse_2"}},
            ],
            "role": "assistant",
        }
    },
    "stopReason": "tool_use",
    "usage": {"inputTokens": 30, "outputTokens": 12, "totalTokens": 42},
}


def asked(text: str) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def interaction(
    operation: str,
    request: object,
    body: bytes | str,
    *,
    content_type: str = "application/json",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> dict[str, object]:
    return {
        "request": {
            "method": "POST",
            "uri": f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{MODEL}/{operation}",
            "body": json.dumps(request),
            "headers": {"Content-Type": ["application/json"]},
        },
        "response": {
            "status": {"code": status, "message": "OK"},
            "headers": {
                "Content-Type": [content_type],
                **{name: [value] for name, value in (headers or {}).items()},
            },
            "body": {"string": body},
        },
    }


def cassette(path: Path, *interactions: dict[str, object]) -> Path:
    path.write_text(yaml.safe_dump({"version": 1, "interactions": list(interactions)}))
    return path


def fixtures_of(tmp_path: Path, *interactions: dict[str, object]) -> Path:
    """Take interactions the whole way, as a user would."""
    recorded = cassette(tmp_path / "cassette.yaml", *interactions)
    capture, made = tmp_path / "made.bfcap", tmp_path / "made.json"
    assert main(["import", str(recorded), "--out", str(capture)]) == 0
    assert main(["verify", str(capture)]) == 0
    assert main(["fixtures", str(capture), "--out", str(made)]) == 0
    assert main(["check", str(made)]) == 0
    return made


def ask(server: Server, operation: str, request: object) -> tuple[int, Mapping[str, str], bytes]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    try:
        path = f"/model/{MODEL}/{operation}"
        connection.request("POST", path, json.dumps(request), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def without_padding(body: bytes) -> list[tuple[dict[str, Any], object]]:
    found = []
    for message in bf.decode_all(body):
        payload = json.loads(message.payload)
        payload.pop("p", None)
        found.append((dict(message.headers), payload))
    return found


WHOLE: Final = [recording for recording in RECORDINGS if ".frames" not in recording.name]
"""Recordings of whole streams."""


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")
def test_every_recorded_stream_is_served_again(tmp_path: Path) -> None:
    chosen = []
    for number, recording in enumerate(WHOLE):
        first = bf.decode_all(recording.data)[0].event_type
        operation = "invoke-with-response-stream" if first == "chunk" else "converse-stream"
        chosen.append((operation, asked(f"question {number}"), recording.data))
    assert len(chosen) > 40
    made = fixtures_of(
        tmp_path,
        *(
            interaction(operation, request, data, content_type=STREAM)
            for operation, request, data in chosen
        ),
    )
    with Server(made) as server:
        for operation, request, data in chosen:
            status, headers, body = ask(server, operation, request)
            assert status == 200
            assert headers["content-type"] == STREAM
            assert without_padding(body) == without_padding(data)


def test_a_converse_answer_is_served_again(tmp_path: Path) -> None:
    text = json.dumps(CONVERSE_BODY)
    made = fixtures_of(tmp_path, interaction("converse", asked("Weather?"), text))
    with Server(made) as server:
        status, _, body = ask(server, "converse", asked("Weather?"))
        missed, _, _ = ask(server, "converse", asked("Weather"))
    assert status == 200
    assert json.loads(body) == CONVERSE_BODY
    assert missed == 404


def test_a_tool_loop_is_told_apart_by_results(tmp_path: Path) -> None:
    first = asked("Weather?")
    answer = {"role": "assistant", "content": CONVERSE_BODY["output"]["message"]["content"]}  # type: ignore[index]
    results = {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": f"tooluse_{n}", "content": [{"text": "rain"}]}}
            for n in (1, 2)
        ],
    }
    second = {"messages": [*first["messages"], answer, results]}  # type: ignore[misc]
    final = {
        **CONVERSE_BODY,
        "output": {"message": {"role": "assistant", "content": [{"text": "Rain."}]}},
        "stopReason": "end_turn",
    }
    made = fixtures_of(
        tmp_path,
        interaction("converse", first, json.dumps(CONVERSE_BODY)),
        interaction("converse", second, json.dumps(final)),
    )
    with Server(made) as server:
        for request, expected in [(second, final), (first, CONVERSE_BODY), (second, final)]:
            assert json.loads(ask(server, "converse", request)[2]) == expected


def test_equal_requests_are_answered_in_their_order(tmp_path: Path) -> None:
    bodies = [{**CONVERSE_BODY, "metrics": {"latencyMs": n}} for n in (1, 2, 3)]
    made = fixtures_of(
        tmp_path, *(interaction("converse", asked("?"), json.dumps(body)) for body in bodies)
    )
    with Server(made) as server:
        found = [json.loads(ask(server, "converse", asked("?"))[2]) for _ in range(4)]
    assert [body["metrics"]["latencyMs"] for body in found] == [1, 2, 3, 3]


def test_errors_and_native_bodies_are_served_again(tmp_path: Path) -> None:
    native = {"content": [{"type": "text", "text": "Hi"}], "type": "message"}
    made = fixtures_of(
        tmp_path,
        interaction(
            "converse",
            asked("slow down"),
            '{"message":"Too many requests, please wait before trying again."}',
            status=429,
            headers={"x-amzn-ErrorType": "ThrottlingException:http://internal.amazon.com/"},
        ),
        interaction("invoke", asked("native"), json.dumps(native)),
    )
    with Server(made) as server:
        status, headers, body = ask(server, "converse", asked("slow down"))
        assert (status, headers["x-amzn-errortype"]) == (429, "ThrottlingException")
        assert json.loads(body)["message"].startswith("Too many requests")
        assert json.loads(ask(server, "invoke", asked("native"))[2]) == native


def read_one(path: Path, tmp_path: Path) -> Any:
    out = tmp_path / "one.bfcap"
    assert import_files([path], out).exchanges == 1
    [exchange] = Capture(out)
    assert exchange.response is not None
    return exchange


def test_gzip_is_taken_off_files_and_bodies(tmp_path: Path) -> None:
    body = gzip.compress(b'{"a":1}')
    recorded = cassette(tmp_path / "plain.yaml", interaction("invoke", asked("x"), body))
    packed = tmp_path / "packed.yaml.gz"
    packed.write_bytes(gzip.compress(recorded.read_bytes()))

    assert read_one(packed, tmp_path).response.body == b'{"a":1}'


TAGGED: Final = """\
version: 1
interactions:
- request:
    method: POST
    uri: https://example.com/model/m/converse
    headers: !!python/tuple []
    body: !!python/object/new:_io.BytesIO
      state: !!python/tuple [!!binary "e30=", 0, null]
  response:
    status: {code: 200, message: OK}
    headers: {}
    body: {string: !!python/unicode "yes"}
"""


def test_tags_of_old_cassettes_are_read_and_others_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(TAGGED)
    exchange = read_one(path, tmp_path)
    assert exchange.request.body == b"{}"
    assert exchange.response.body == b"yes"

    path.write_text(TAGGED.replace("!!python/unicode", "!!python/object/apply:os.system"))
    with pytest.raises(RecordingError, match=r"os\.system"):
        import_files([path], tmp_path / "no.bfcap")
    assert not (tmp_path / "no.bfcap").exists()


def har(*entries: dict[str, object], version: str = "1.2") -> dict[str, object]:
    return {"log": {"version": version, "entries": list(entries)}}


def entry(text: str, encoding: str | None = None) -> dict[str, object]:
    content = {"text": text, "mimeType": STREAM} | ({"encoding": encoding} if encoding else {})
    return {
        "startedDateTime": "2031-01-01T00:00:01.500Z",
        "time": 400.0,
        "timings": {"blocked": -1, "dns": 5, "connect": 20, "ssl": 15, "send": 1, "wait": 300},
        "request": {
            "method": "POST",
            "url": f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{MODEL}/converse-stream",
            "headers": [
                {"name": ":authority", "value": "x"},
                {"name": "authorization", "value": "AWS4-HMAC-SHA256 a secret"},
            ],
            "postData": {"mimeType": "application/json", "text": json.dumps(asked("har"))},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "content-type", "value": STREAM}],
            "content": content,
        },
    }


def test_a_har_file_keeps_its_times_and_no_secret(tmp_path: Path) -> None:
    frame = bf.encode(
        {":message-type": "event", ":event-type": "messageStart"}, b'{"role":"assistant"}'
    )
    path = tmp_path / "one.har"
    path.write_text(json.dumps(har(entry(base64.b64encode(frame).decode(), "base64"))))
    exchange = read_one(path, tmp_path)

    assert exchange.response.body == frame
    assert exchange.response.time_ns == 326_000_000
    assert exchange.ended_ns == 400_000_000
    assert exchange.request.headers == (("authorization", "[redacted]"),)
    assert b"a secret" not in (tmp_path / "one.bfcap").read_bytes()


def test_a_stream_that_was_decoded_as_text_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = bf.encode({":message-type": "event", ":event-type": "messageStart"}, b"\xff")
    path, out = tmp_path / "lost.har", tmp_path / "lost.bfcap"
    path.write_text(json.dumps(har(entry(frame.decode("utf-8", "replace")))))

    assert main(["import", str(path), "--out", str(out)]) == 1
    told = capsys.readouterr()
    assert told.out == f"{out}: 0 exchanges, 1 left out\n"
    assert f"{path}: log.entries[0]: its event stream is damaged" in told.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "before VCR.py 1.0"),
        ("3", "must have `interactions` (VCR.py) or `log` (HAR)"),
        ("{}", "neither `interactions` (VCR.py) nor `log` (HAR)"),
        ('{"interactions": [{"request": {}}]}', "interactions[0]: not an interaction"),
        ('{"log": {"version": "2.0"}}', "HAR version 2.0; 1 is known"),
        ('{"log": {"version": "1.2", "entries": [{}]}}', "log.entries[0]: not an entry of HAR"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
    ],
)
def test_files_of_other_forms_are_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "file", tmp_path / "out.bfcap"
    path.write_text(text)

    assert main(["import", str(path), "--out", str(out)]) == 1
    assert f"{path}: " in capsys.readouterr().err
    assert main(["import", str(path), "--out", str(out)]) == 1
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_what_cannot_become_a_fixture_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = {"image": {"format": "png", "source": {"bytes": "AA=="}}}
    message: dict[str, object] = {"role": "assistant", "content": [image]}
    pictured = {**CONVERSE_BODY, "output": {"message": message}}
    other = interaction("converse", asked("x"), "{}")
    other["request"]["uri"] = "https://example.com/elsewhere"  # type: ignore[index]
    recorded = cassette(
        tmp_path / "c.yaml", interaction("converse", asked("a"), json.dumps(pictured)), other
    )
    capture, made = tmp_path / "c.bfcap", tmp_path / "c.json"
    assert main(["import", str(recorded), "--out", str(capture)]) == 0
    assert main(["fixtures", str(capture), "--out", str(made)]) == 1
    told = capsys.readouterr().err
    assert "exchange 1: a content block of image cannot be streamed" in told
    assert "exchange 2: /elsewhere is not an answer of a model" in told

    assert main(["fixtures", str(capture), "--out", str(made)]) == 2
    assert "File exists" in capsys.readouterr().err


def test_recorded_reads_become_recorded_times(tmp_path: Path) -> None:
    path = tmp_path / "timed.bfcap"
    frames = [
        bf.encode({":message-type": "event", ":event-type": name}, json.dumps(payload).encode())
        for name, payload in [
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hi"}}),
            ("contentBlockStop", {"contentBlockIndex": 0}),
            ("messageStop", {"stopReason": "end_turn"}),
        ]
    ]
    write_timed(
        path,
        [(5, frames[0]), (30, frames[1][:40]), (45, frames[1][40:]), (50, b"".join(frames[2:]))],
    )
    [fixture] = to_fixtures.make(Capture(path)).fixtures

    assert fixture["response"]["recordedTimings"] == {  # type: ignore[index]
        "ttftMs": 5.0,
        "interChunkDelaysMs": [40.0, 5.0, 0.0],
    }


def write_timed(path: Path, reads: Sequence[tuple[int, bytes]]) -> None:
    from bedrock_frames._core import CaptureWriter

    capture = CaptureWriter(path, generation=1, created_ns=0, creator="a test")
    head = {"method": "POST", "target": f"/model/{MODEL}/converse-stream", "version": "HTTP/1.1"}
    capture.request(1, 0, headers=[], **head)
    capture.request_body(1, 0, json.dumps(asked("timed")).encode())
    stream = [("content-type", STREAM.encode())]
    capture.response(1, 1, status=200, version="HTTP/1.1", headers=stream)
    for at_ms, data in reads:
        capture.response_body(1, at_ms * 1_000_000, data)
    capture.end(1, 60_000_000, "complete")
    capture.finish()

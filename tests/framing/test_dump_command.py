"""``bedrock-frames dump``: a stream as JSON, a frame a line; errors on stderr; exit codes."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

import bedrock_frames as bf
from tests.support import vector_cases
from tests.support.vector_cases import Recording

COMMAND: Final = [sys.executable, "-m", "bedrock_frames"]
EVENT: Final = {
    ":event-type": "contentBlockDelta",
    ":content-type": "application/json",
    ":message-type": "event",
}
DELTA: Final = {"contentBlockIndex": 0, "delta": {"text": "Grüße, 世界\u2028"}, "p": "ab"}


def run(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=stdin, capture_output=True, check=False)


def dump(stream: bytes) -> list[dict[str, Any]]:
    """Return the objects of a stream that dumps without complaint."""
    done = run("dump", "-", stdin=stream)
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]


def test_a_frame_is_one_object_with_its_place_headers_and_payload() -> None:
    frame = bf.encode(EVENT, json.dumps(DELTA).encode())

    assert dump(frame + frame) == [
        {
            "offset": offset,
            "length": len(frame),
            "headers": [
                {"name": name, "type": "string", "value": value} for name, value in EVENT.items()
            ],
            "payload": DELTA,
        }
        for offset in (0, len(frame))
    ]


def test_every_header_type_is_named() -> None:
    (vector,) = [v for v in vector_cases.OWN if v.name == "values/all_types"]
    (shown,) = dump(vector.data)

    assert [(h["name"], h["type"], h["value"]) for h in shown["headers"]] == [
        ("true", "bool", True),
        ("false", "bool", False),
        ("int8", "int8", -2),
        ("int16", "int16", -300),
        ("int32", "int32", -70_000),
        ("int64", "int64", -5_000_000_000),
        ("bytes", "bytes", "AP+A"),
        ("string", "string", "text"),
        ("timestamp", "timestamp", 1_700_000_000_123),
        ("uuid", "uuid", "01020304-0506-0708-090a-0b0c0d0e0f10"),
    ]


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b"", {"payload_base64": ""}),
        (b"\x00\xff", {"payload_base64": "AP8="}),
        (b"plain text", {"payload_base64": "cGxhaW4gdGV4dA=="}),
        (b"{broken", {"payload_base64": "e2Jyb2tlbg=="}),
        (b"null", {"payload": None}),
        (b"[1, 2.5]", {"payload": [1, 2.5]}),
        (b'"text"', {"payload": "text"}),
        (b"{}", {"payload": {}}),
        # A non-number is not JSON, and the output has to be.
        (b"NaN", {"payload_base64": "TmFO"}),
        (b"[NaN]", {"payload_base64": "W05hTl0="}),
        (b"1e999", {"payload_base64": "MWU5OTk="}),
        (b"1\x00", {"payload_base64": "MQA="}),
        (b'"\xed\xa0\x80"', {"payload_base64": "Iu2ggCI="}),
        (rb'"\ud800"', {"payload": "\ud800"}),
        (b"[" * 100_000, {}),
    ],
)
def test_a_payload_is_json_where_it_is_json_and_base64_where_not(
    payload: bytes, shown: dict[str, Any]
) -> None:
    (frame,) = dump(bf.encode({}, payload))

    assert {key: frame[key] for key in shown} == shown
    assert ("payload" in frame) != ("payload_base64" in frame)
    assert "chunk" not in frame


def test_json_nested_to_any_depth_is_shown_one_way_or_the_other() -> None:
    depths = range(900, 1010)
    stream = b"".join(bf.encode({}, b"[" * depth + b"]" * depth) for depth in depths)
    done = run("dump", "-", stdin=stream)

    assert (done.returncode, done.stderr) == (0, b"")
    assert len(done.stdout.splitlines()) == len(depths)


@pytest.mark.parametrize(
    ("event_type", "payload", "chunk"),
    [
        ("chunk", b'{"bytes":"eyJ0eXBlIjoicGluZyJ9","p":"ab"}', {"chunk": {"type": "ping"}}),
        ("chunk", b'{"bytes":"bm8ganNvbg=="}', {}),
        ("chunk", b'{"bytes":"not base64!"}', {}),
        ("chunk", b'{"bytes":5}', {}),
        ("chunk", b"[]", {}),
        ("other", b'{"bytes":"eyJ0eXBlIjoicGluZyJ9"}', {}),
    ],
)
def test_the_inner_json_of_a_bedrock_chunk_is_shown(
    event_type: str, payload: bytes, chunk: dict[str, Any]
) -> None:
    (shown,) = dump(bf.encode({":event-type": event_type}, payload))

    assert {key: value for key, value in shown.items() if key.startswith("chunk")} == chunk
    assert shown["payload"] == json.loads(payload)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "capture.bin"
    path.write_bytes(bf.encode(EVENT, b"{}") * 3)
    done = run("dump", path)

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3


def test_an_empty_stream_prints_nothing() -> None:
    assert dump(b"") == []


def test_a_frame_is_printed_before_the_next_has_come() -> None:
    frame = bf.encode(EVENT, b"{}")
    with subprocess.Popen(
        [*COMMAND, "dump", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for index in range(3):
            process.stdin.write(frame)
            assert json.loads(process.stdout.readline())["offset"] == index * len(frame)
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("source", ["file", "-"])
@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (b"\xff" * 16, "prelude_checksum"),
        (bf.encode(EVENT, b"{}")[:-1] + b"\x00", "message_checksum"),
        (bf.encode(EVENT, b"{}")[:-1], "truncated"),
    ],
)
def test_a_bad_frame_ends_the_output_with_one_line_on_stderr(
    tmp_path: Path, source: str, bad: bytes, kind: str
) -> None:
    good = bf.encode(EVENT, b"{}")
    stream = good * 2 + bad
    path = tmp_path / "capture.bin"
    path.write_bytes(stream)
    name = "-" if source == "-" else str(path)
    done = run("dump", name, stdin=stream if source == "-" else b"")

    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    (line,) = done.stderr.decode().splitlines()
    shown = "<stdin>" if source == "-" else name
    starts = [
        f"bedrock-frames: {n}: {kind} at byte {2 * len(good)} (frame 2): " for n in (name, shown)
    ]
    assert line.startswith(tuple(starts))


def test_another_format_is_named() -> None:
    done = run("dump", "-", stdin=b'{"message":"no"}')

    assert done.returncode == 1
    assert done.stdout == b""
    assert b"not_event_stream at byte 0 (frame 0): " in done.stderr
    assert b"JSON" in done.stderr


FRAME: Final = bf.encode(EVENT, b"{}" * 100)


@pytest.mark.parametrize(
    ("stream", "hint"),
    [
        (b"%x\r\n%b\r\n0\r\n\r\n" % (len(FRAME), FRAME), "chunked framing"),
        (b"%X;name=value\r\n%b\r\n0\r\n\r\n" % (len(FRAME), FRAME), "chunked framing"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + FRAME, "HTTP headers"),
        (b"\xef\xbb\xbf" + FRAME, "UTF-8 byte order mark"),
        (b"\xff\xfe" + FRAME, "UTF-16 byte order mark"),
        (FRAME.decode("utf-8", "replace").encode(), "U+FFFD"),
        (gzip.compress(FRAME), "gzip"),
    ],
)
def test_a_capture_of_a_wrong_kind_is_named(stream: bytes, hint: str) -> None:
    done = run("dump", "-", stdin=stream)

    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert hint in line


def test_a_fault_of_a_later_frame_is_not_taken_for_a_wrong_kind() -> None:
    payload = "\N{REPLACEMENT CHARACTER}".encode()
    done = run("dump", "-", stdin=bf.encode({}, payload) + FRAME[:-1] + b"\x00")

    assert done.returncode == 1
    assert "U+FFFD" not in done.stderr.decode()


@pytest.mark.parametrize("name", ["absent.bin", "."])
def test_a_file_that_cannot_be_read_is_one_line_and_exit_code_2(tmp_path: Path, name: str) -> None:
    done = run("dump", tmp_path / name)

    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("bedrock-frames: ")
    assert name.rstrip(".") in line


@pytest.mark.parametrize("arguments", [[], ["dump"], ["unknown"], ["dump", "-", "--unknown"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert b"usage: bedrock-frames" in done.stderr


def test_the_version_is_printed() -> None:
    done = run("--version")

    assert (done.returncode, done.stdout.decode()) == (0, f"bedrock-frames {bf.__version__}\n")


def test_a_closed_pipe_is_not_an_error() -> None:
    stream = bf.encode(EVENT, b"{}") * 5000
    with subprocess.Popen(
        [*COMMAND, "dump", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(stream[: len(stream) // 5000])
        process.stdin.flush()
        assert process.stdout.readline()
        process.stdout.close()
        try:
            process.stdin.write(stream)
            process.stdin.close()
        except BrokenPipeError:
            pass  # It may have gone before it has read everything.
        assert process.stderr.read() == b""


@vector_cases.needs_corpus
@pytest.mark.parametrize(
    "recording",
    vector_cases.RECORDINGS[:3],
    ids=[recording.name for recording in vector_cases.RECORDINGS[:3]],
)
def test_a_recording_is_shown_whole(recording: Recording) -> None:
    shown = dump(recording.data)

    assert len(shown) == recording.frames
    assert sum(frame["length"] for frame in shown) == len(recording.data)
    assert all(("chunk" in f) == (f["headers"][0]["value"] == "chunk") for f in shown)

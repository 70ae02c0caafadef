"""Captures: every exchange comes back as it was, and damage is found wherever it is."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import bedrock_frames as bf
from bedrock_frames._core import CaptureWriter
from bedrock_frames.capture import Capture, CaptureError, dump, verify
from bedrock_frames.cli import main
from tests.support.crc32c import crc32c
from tests.support.vector_cases import RECORDINGS, Recording

FIRST_RECORD: Final = 16 + 8 + len('{"created_ns":1000,"creator":"a test","version":1}')
STREAM: Final = "application/vnd.amazon.eventstream"


def writer(path: Path) -> CaptureWriter:
    return CaptureWriter(path, generation=0x5EED_0001, created_ns=1_000, creator="a test")


def write_exchange(capture: CaptureWriter, number: int, chunks: list[bytes]) -> None:
    capture.request(
        number,
        number * 10,
        method="POST",
        target="/model/m/converse-stream",
        version="HTTP/1.1",
        headers=[("content-type", b"application/json"), ("Authorization", b"a secret")],
    )
    capture.request_body(number, number * 10, b'{"messages":[]}')
    capture.response(
        number,
        number * 10 + 1,
        status=200,
        version="HTTP/1.1",
        headers=[("Content-Type", STREAM.encode())],
    )
    for at, chunk in enumerate(chunks):
        capture.response_body(number, number * 10 + 2 + at, chunk)
    capture.end(number, number * 10 + 9, "complete")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bfcap"
    capture = writer(path)
    for number in (1, 2, 3):
        write_exchange(capture, number, [bf.encode({":event-type": "a"}, b"{}") * 2, b""])
    capture.finish()
    return path


@pytest.mark.parametrize("recording", RECORDINGS, ids=[each.name for each in RECORDINGS])
def test_a_recorded_body_is_read_as_it_came(recording: Recording, tmp_path: Path) -> None:
    body = recording.data
    chunks = [body[at : at + 700] for at in range(0, len(body), 700)]
    path = tmp_path / "one.bfcap"
    capture = writer(path)
    write_exchange(capture, 1, chunks)
    capture.finish()

    [exchange] = Capture(path)
    assert exchange.response is not None
    assert exchange.response.body == body
    assert [chunk.data for chunk in exchange.response.chunks] == chunks
    assert [chunk.time_ns for chunk in exchange.response.chunks] == [*range(12, 12 + len(chunks))]


def test_exchanges_that_overlap_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "mixed.bfcap"
    capture = writer(path)
    head = {"method": "POST", "target": "/", "version": "HTTP/2"}
    for number in (7, 8):
        capture.request(number, 0, headers=[("x", str(number).encode())], **head)
    for at in range(3):
        for number in (7, 8):
            capture.request_body(number, at, f"{number}{at};".encode())
    capture.end(8, 5, "client_left", "the client closed the connection")
    capture.finish()

    first, second = Capture(path)
    assert (first.number, first.outcome, first.error) == (
        8,
        "client_left",
        "the client closed the connection",
    )
    assert (second.number, second.outcome, second.ended_ns) == (7, "unfinished", None)
    assert first.request.body == b"80;81;82;"
    assert second.request.headers == (("x", "7"),)


def test_credentials_are_never_written(small: Path) -> None:
    assert b"a secret" not in small.read_bytes()
    assert dict(next(iter(Capture(small))).request.headers)["Authorization"] == "[redacted]"


def test_a_capture_never_replaces_a_file(small: Path) -> None:
    with pytest.raises(FileExistsError, match=r"small\.bfcap"):
        writer(small)


def test_a_finished_capture_takes_no_more(tmp_path: Path) -> None:
    capture = writer(tmp_path / "done.bfcap")
    capture.finish()
    capture.finish()
    with pytest.raises(ValueError, match="the capture is finished"):
        capture.end(1, 2, "complete")


def test_every_flipped_bit_is_found_and_costs_one_exchange(small: Path, tmp_path: Path) -> None:
    good = small.read_bytes()
    spoiled = tmp_path / "spoiled.bfcap"
    for at in range(len(good)):
        spoiled.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        report = verify(spoiled)
        assert report.damages, at
        whole = [exchange for exchange in Capture(spoiled) if exchange.outcome == "complete"]
        assert len(whole) >= 2, at


def test_a_capture_cut_at_any_byte_is_read_as_far_as_it_goes(small: Path, tmp_path: Path) -> None:
    good = small.read_bytes()
    cut = tmp_path / "cut.bfcap"
    seen = 0
    for length in range(1, len(good)):
        cut.write_bytes(good[:length])
        if length < FIRST_RECORD:
            with pytest.raises(CaptureError, match="no record"):
                verify(cut)
            continue
        report = verify(cut)
        assert not report.damaged
        assert not report.finished
        assert report.exchanges >= seen
        seen = report.exchanges
    assert seen == 3


KILLED: Final = """
import os, sys
from bedrock_frames._core import CaptureWriter
capture = CaptureWriter(sys.argv[1], generation=1, created_ns=0, creator="a test")
number = 0
while True:
    number += 1
    capture.request(number, 0, method="POST", target="/", version="HTTP/1.1", headers=[])
    capture.response_body(number, 1, os.urandom(number * 997 % 40_000))
    capture.end(number, 2, "complete")
    if number % 7 == 0:
        capture.sync()
        print(number, flush=True)
"""


@pytest.mark.parametrize("reports", [1, 3, 40])
def test_a_killed_writer_loses_no_record_that_was_synced(reports: int, tmp_path: Path) -> None:
    path = tmp_path / "killed.bfcap"
    command = [sys.executable, "-c", KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        synced = 0
        for _ in range(reports):
            synced = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    report = verify(path)

    assert not report.damaged
    assert not report.finished
    assert report.exchanges - report.unfinished >= synced
    exchanges = list(Capture(path))
    assert [exchange.number for exchange in exchanges] == [*range(1, len(exchanges) + 1)]
    for exchange in exchanges[:-1]:
        assert exchange.outcome == "complete"


def test_dump_shows_exchanges_and_when_frames_came(small: Path) -> None:
    out = io.StringIO()
    dump(small, out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]

    assert [line["exchange"] for line in lines] == [1] * 5 + [2] * 5 + [3] * 5
    assert lines[0]["request"] == "POST /model/m/converse-stream"
    assert lines[0]["body"] == {"messages": []}
    assert lines[1]["status"] == 200
    assert lines[2]["payload"] == {}
    assert lines[2]["at_ms"] == 12 / 1_000_000
    assert lines[4] == {"exchange": 1, "at_ms": 19 / 1_000_000, "outcome": "complete"}


def test_dump_goes_on_behind_a_faulty_stream(tmp_path: Path) -> None:
    path = tmp_path / "faulty.bfcap"
    capture = writer(path)
    write_exchange(capture, 1, [bf.encode({":event-type": "a"}, b"{}"), b"not a frame at all"])
    write_exchange(capture, 2, [b"\x00"])
    capture.finish()
    out = io.StringIO()
    dump(path, out)
    faults = [
        line["faulty_stream"]
        for line in map(json.loads, out.getvalue().splitlines())
        if "faulty_stream" in line
    ]

    assert len(faults) == 2
    assert "at byte" in faults[0]


def test_commands_tell_captures_from_bodies(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(small)]) == 0
    assert capsys.readouterr().out == f"{small}: 17 records, 3 exchanges, ended cleanly\n"
    assert main(["dump", str(small)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 15

    body = tmp_path / "body.bin"
    body.write_bytes(bf.encode({":event-type": "a"}, b"{}"))
    assert main(["dump", str(body)]) == 0
    assert '"offset":0' in capsys.readouterr().out
    assert main(["verify", str(body)]) == 1
    assert "not a capture" in capsys.readouterr().err
    assert main(["verify", str(tmp_path / "missing")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_damage_and_a_torn_tail_have_their_exit_codes(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = small.read_bytes()
    small.write_bytes(good[:-3])
    assert main(["verify", str(small)]) == 0
    assert "torn tail: bytes" in capsys.readouterr().out
    assert main(["dump", str(small)]) == 0
    assert "torn tail at byte" in capsys.readouterr().err

    small.write_bytes(good[:300] + b"\xff" + good[301:])
    assert main(["verify", str(small)]) == 1
    said = capsys.readouterr().out
    assert "damage: bytes" in said
    assert "1 fragments missing" in said
    assert main(["dump", str(small)]) == 1
    assert "damage at byte" in capsys.readouterr().err


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "later.bfcap"
    writer(path).finish()
    good = path.read_bytes()
    assert good.count(b'"version":1') == 1
    # The checksum is made again, as a later version of the program would.
    later = good.replace(b'"version":1', b'"version":2')
    length = int.from_bytes(later[4:6], "little")
    crc = crc32c(later[4 : 16 + length])
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    path.write_bytes(masked.to_bytes(4, "little") + later[4:])

    with pytest.raises(CaptureError, match="version 2 of the format; 1 is known"):
        verify(path)

"""What a person at a terminal sees, and what Ctrl-C does there."""

import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames.server import Server

BENCH: Final = [sys.executable, "-m", "bedrock_frames", "bench"]
CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CTRL_C: Final = b"\x03"

pytestmark = pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid")


class Terminal:
    """A terminal of 120 columns, and what was written to it."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.written = ""

    @property
    def text(self) -> str:
        """What was written, without what moves the cursor and colours."""
        return CONTROL.sub("", self.written).replace("\r\n", "\n")

    def read_until(self, *words: str) -> None:
        """Read until the words were written, in this order; at most to the end."""
        while not re.search(".*".join(words), self.text, re.DOTALL) and self._read():
            pass

    def read_all(self) -> None:
        """Read to the end."""
        while self._read():
            pass

    def press(self, key: bytes) -> None:
        """Press a key."""
        os.write(self.file, key)

    def _read(self) -> bool:
        data = b""
        # A terminal that nobody writes to any more cannot be read.
        with suppress(OSError):
            data = os.read(self.file, 65_536)
        self.written += data.decode(errors="replace")
        return bool(data)


@contextmanager
def at_a_terminal(*arguments: object) -> Iterator[tuple[Terminal, subprocess.Popen[bytes]]]:
    """Run a benchmark as the foreground of a terminal of its own."""
    near, far = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    command = ["setsid", "--ctty", "--wait", *BENCH, *map(str, arguments)]
    try:
        with subprocess.Popen(
            command, stdin=far, stdout=far, stderr=far, env=environment
        ) as process:
            os.close(far)
            try:
                yield Terminal(near), process
            finally:
                process.kill()
    finally:
        os.close(near)


@pytest.fixture
def url(bedrock: Server) -> str:
    bedrock.add(
        match={"userMessage": "hello"},
        response={"content": "Hello to everyone."},
        timing={"ttft_ms": 10, "gap_ms": 1},
    )
    return bedrock.url


def test_a_panel_changes_in_place_and_leaves_the_report(url: str) -> None:
    with at_a_terminal(url, "--rate", 50, "--duration", "1.5s") as (terminal, process):
        terminal.read_all()
        assert process.wait(30) in (0, 98)

    seen, report = terminal.text, terminal.text.rpartition("first byte")[2]
    assert f"converse-stream {url}" in seen
    assert re.search(r"of 1\.5 s", seen)
    assert re.search(r"completed [1-9]\d*", seen)
    assert "ttft p50 / p99" in seen
    # The cursor goes up, and lines are erased: what changed did so in place.
    assert "\x1b[1A\x1b[2K" in terminal.written
    assert "75 completed" in report
    assert "ttft p50 / p99" not in report


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_ends_the_run_and_still_reports(url: str, tmp_path: Path, processes: int) -> None:
    out = tmp_path / "out.json"
    arguments = ("--rate", 50, "--duration", "60s", "--processes", processes, "--output", out)
    with at_a_terminal(url, *arguments) as (terminal, process):
        terminal.read_until(r"completed [1-9]")
        terminal.press(CTRL_C)
        terminal.read_all()
        assert process.wait(30) == 130

    assert "interrupted: the figures are of what ran until then" in terminal.text
    assert "Traceback" not in terminal.text
    assert out.exists()


def test_quiet_says_nothing_even_at_a_terminal(url: str) -> None:
    with at_a_terminal(url, "--requests", 200, "--concurrency", 4, "--quiet") as (terminal, _):
        terminal.read_all()

    assert [line for line in terminal.text.splitlines() if "trustworthy" not in line] == []


def test_without_a_terminal_there_is_a_line_a_second_on_stderr(url: str) -> None:
    command = [*BENCH, url, "--rate", "50", "--duration", "2.2s"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    lines = [line for line in ran.stderr.splitlines() if "trustworthy" not in line]
    assert all(re.match(r" *\d+\.\ds  sent \d+  done \d+  failed 0 ", line) for line in lines)
    seconds = [int(float(line.split("s", 1)[0])) for line in lines]
    # Each second once; a busy machine may skip one.
    assert len(seconds) >= 2
    assert len(set(seconds)) == len(seconds)
    assert "\x1b" not in ran.stderr + ran.stdout

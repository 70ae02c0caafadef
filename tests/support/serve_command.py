"""``bedrock-frames serve`` as a process: its lines, its log, its end."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.http_client import CONVERSE, ask, asking

COMMAND: Final = [sys.executable, "-m", "bedrock_frames"]
TEXT: Final = "A little at a time, and then a little more, until it is all said."


def fixture_file(folder: Path, text: str = TEXT, **options: Any) -> Path:
    path = folder / "fixtures.json"
    fixture = {"match": {"userMessage": "hello"}, "response": {"content": text}, **options}
    path.write_text(json.dumps({"fixtures": [fixture]}))
    return path


class Served:
    """A running ``serve``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._log: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.first_line = self.url = ""

    def begin(self) -> None:
        """Wait until it says where it listens."""
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.url = self.first_line.removeprefix("listening on ").strip()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self._log.append(line)
                self._changed.notify_all()

    def read_on(self) -> None:
        """Read the log to its end."""
        self._reader.join()

    @property
    def log(self) -> str:
        return "".join(self._log)

    def wait_for_log(self, part: str, timeout: float = 30) -> bool:
        """Wait until a text stands in the log; return whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: part in self.log, timeout)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what else stood on stdout."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        assert self.process.stdout is not None
        rest = self.process.stdout.read()
        code = self.process.wait(timeout=60)
        self.read_on()
        return code, rest


@contextmanager
def served(*arguments: str | Path, prepare: Callable[[], object] | None = None) -> Iterator[Served]:
    """Run ``serve``; ``prepare`` is called in its process, before it is what runs there."""
    with subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=prepare,
    ) as process:
        running = Served(process)
        try:
            running.begin()
            yield running
        finally:
            process.kill()
            # Before its pipes are closed: who reads them meanwhile would fail.
            running.read_on()


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def said(url: str) -> str | int:
    reply = ask(url, "POST", CONVERSE, asking("hello"))
    if reply.status != 200:
        return reply.status
    text: str = reply.json["output"]["message"]["content"][0]["text"]
    return text

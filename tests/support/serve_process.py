"""A ``serve`` in a process of its own, and what can be seen of it from outside."""

import json
import mmap
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.http_client import CONVERSE, Connection, ask, asking, connect
from tests.support.serve_command import Served, served

HELLO: Final[dict[str, Any]] = {
    "match": {"userMessage": "hello"},
    "response": {"content": "still here"},
}
IDLE: Final = {
    "connections": 1.0,
    "requests_in_flight": 0.0,
    "streams_active": 0.0,
}
"""What is under way where nobody but the one who asks is there."""
PATIENCE: Final = 10_000
"""How often the figures are looked at before a test gives up."""
ROUNDS: Final = 3
NOISE_BYTES: Final = 2 << 20
"""What an allocator may keep in all rounds but the first two. What rounds leave must be more."""

needs_proc: Final = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")

Attack = Callable[[str], AbstractContextManager[object]]
"""What is done to the server at a URL; over when the block is left."""


def samples(url: str, connection: Connection | None = None) -> dict[str, float]:
    """Return what stands on ``/metrics``: names without their prefix, with labels as ``{k=v}``."""
    if connection is None:
        with connect(url) as own:
            return samples(url, own)
    text = connection.ask("GET", "/metrics").body.decode()
    found = (s for family in text_string_to_metric_families(text) for s in family.samples)
    return {_name(s.name, s.labels): s.value for s in found}


def wait_for_samples(url: str, **expected: float) -> dict[str, float]:
    """Look at the metrics until they are these, with the connection of the one who looks."""
    with connect(url) as connection:
        for _ in range(PATIENCE):
            found = samples(url, connection)
            if all(found.get(name) == value for name, value in expected.items()):
                return found
    pytest.fail(f"never {expected}: {[(name, found.get(name)) for name in expected]}")


class Watched:
    """A server that runs."""

    def __init__(self, running: Served) -> None:
        self.running = running
        self.url = running.url
        self._proc = Path("/proc") / str(running.process.pid)

    def wait_for(self, **expected: float) -> dict[str, float]:
        """Look at the figures until they are these."""
        return wait_for_samples(self.url, **expected)

    def settle(self) -> dict[str, float]:
        """Wait until the server has noticed that everybody has left."""
        return self.wait_for(**IDLE)

    def serves(self) -> None:
        """Hold that it answers."""
        reply = ask(self.url, "POST", CONVERSE, asking("hello"))
        assert reply.json["output"]["message"]["content"] == [{"text": "still here"}]

    def resident_bytes(self) -> int:
        return int((self._proc / "statm").read_text().split()[1]) * mmap.PAGESIZE

    def open_files(self) -> int:
        return len(os.listdir(self._proc / "fd"))  # noqa: PTH208  (a count, not paths)

    def wait_for_files(self, at_most: int) -> None:
        """Wait until it has so few files open: those of the app are closed when it gets to it."""
        for _ in range(PATIENCE):
            if self.open_files() <= at_most:
                return
        pytest.fail(f"{self.open_files()} files are open, and not {at_most}")

    def withstands(self, attack: Attack) -> None:
        """Hold that it answers during an attack, and that repeating it leaves nothing behind."""
        levels = []
        for round_ in range(1 + ROUNDS):
            with attack(self.url):
                self.serves()
            self.settle()
            if round_ == 0:
                files = self.open_files()
            self.wait_for_files(files)
            levels.append(self.resident_bytes())
        assert levels[-1] - levels[1] < NOISE_BYTES, levels


@contextmanager
def watched(
    folder: Path, fixtures: Sequence[Mapping[str, Any]], *arguments: str
) -> Iterator[Watched]:
    """Serve fixtures; hold at the end that it ends as it should, and has complained of nothing."""
    path = folder / "fixtures.json"
    path.write_text(json.dumps({"fixtures": [HELLO, *fixtures]}))
    with served(path, "--journal", "100", *arguments) as running:
        yield Watched(running)
        assert running.end() == (0, "")
    for complaint in ("Traceback", "panicked", "has ended", "ERROR"):
        assert complaint not in running.log


def _name(name: str, labels: Mapping[str, str]) -> str:
    listed = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return name.removeprefix("bedrock_frames_") + (f"{{{listed}}}" if listed else "")

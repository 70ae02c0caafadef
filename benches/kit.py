"""The measuring kit, and servers on cores of their own.

The kit is not part of this project: a floor (a C server that does nothing but send), a C client,
and a program that compares servers by it. It is looked for at ../shared/bench.
"""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from benches.harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KIT: Final = ROOT.parent / "shared" / "bench"
SERVER_CPU: Final = "0"
CLIENT_CPU: Final = "1"
READY_SECONDS: Final = 30.0

Mark = TypeVar("Mark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The kit's programs, and a folder to write to."""

    folder: Path

    @property
    def client(self) -> Path:
        """The C client."""
        return self.folder / "stream_client"

    def floor(self, gap_ms: str, *options: object) -> str:
        """Return the command of the floor; it has ``{port}`` to fill in."""
        program = shlex.quote(str(self.folder / "floor_server"))
        return " ".join([program, "--port {port} --gap-ms", gap_ms, *map(str, options)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A running server."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def kit() -> Iterator[Kit]:
    """Build the kit in a folder of its own. Ends the program where there is none."""
    if not KIT.is_dir():
        sys.exit("the measuring kit is not at ../shared/bench")
    with tempfile.TemporaryDirectory() as temporary:
        command = ["make", "--silent", "-C", str(KIT), f"OUT={temporary}"]
        subprocess.run(command, check=True, stdout=sys.stderr)
        yield Kit(folder=Path(temporary))


def serve_command(fixtures: Path, *options: str) -> str:
    """Return the command of our server; it has ``{port}`` to fill in."""
    words = [sys.executable, "-m", "bedrock_frames", "serve", str(fixtures)]
    quiet = ["--journal", "0", "--log-level", "warning"]
    return f"{shlex.join([*words, *quiet, *options])} --port {{port}}"


@contextmanager
def running(command: str, *, cpus: str = SERVER_CPU) -> Iterator[Served]:
    """Run a server on some cores until the block ends; its ``{port}`` is filled in."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["taskset", "-c", cpus, *shlex.split(command.replace("{port}", str(port)))]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Served(pid=process.pid, port=port)
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not answer")


def drive(
    kit: Kit, served: Served, *options: object, look: Callable[[], Mark], cpus: str = CLIENT_CPU
) -> tuple[dict[str, Any], tuple[Mark, Mark]]:
    """Run the C client; return its report, and what was seen when its window opened and closed.

    Raises:
        AssertionError: an answer was wrong, or the client could not measure.
    """
    words = ["taskset", "-c", cpus, str(kit.client), "--port", str(served.port)]
    words += [str(option) for option in options]
    seen: list[Mark] = []
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as client:
        assert client.stdout is not None
        assert client.stderr is not None
        said = []
        for line in client.stderr:
            said.append(line)
            if line.startswith("window "):
                seen.append(look())
        report: dict[str, Any] = json.loads(client.stdout.read() or "{}")
    assert report, "".join(said)
    assert report["errors"]["total"] == 0, report["errors"]
    assert len(seen) == 2, "the machine stood still for the whole window"
    opened, closed = seen
    return report, (opened, closed)

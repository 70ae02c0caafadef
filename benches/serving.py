"""Servers in turns, from outside: ours beside a floor that does nothing but send, and a peer.

All send the same 64 frames. Servers run on one core, the measuring client on the other; each answer
is checked before it is timed. The kit's ``compare.py`` does it; here its runs are told apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from benches import stream
from benches.harness import ROOT
from benches.kit import KIT, Kit, kit, serve_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PEER: Final = ROOT / "benches" / "node" / "node_modules" / "@copilotkit" / "aimock"
FLOOR: Final = "C floor"
NATIVE: Final = "native"
ASGI: Final = "asgi"
AIMOCK: Final = "aimock"
ALL: Final = (FLOOR, NATIVE, ASGI, AIMOCK)
HYPER: Final = "hyper"
"""The native server without its workers."""
OPTIONS: Final = {ASGI: ["--asgi"], NATIVE: ["--threads", "1"]}

ATTEMPTS: Final = 2

Run: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of each server; unpaced where ``gap_ms`` is 0."""

    connections: Sequence[int]
    gap_ms: float = 0
    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs by server and connections, in the order of their rounds."""

    of: dict[tuple[str, int], list[Run]] = field(default_factory=lambda: defaultdict(list))

    def add(self, run: dict[str, Any], gap_ms: float) -> None:
        """Take a run, whose streams must all have had their 64 frames."""
        lengths = run["frames_per_stream"] or {"min": stream.FRAMES, "max": stream.FRAMES}
        assert set(lengths.values()) == {stream.FRAMES}, f"{run['server']}: {lengths}"
        self.of[run["server"], run["connections"]].append(run | {"load_gap_ms": gap_ms})

    def figures(self, server: str, connections: int, of: Callable[[Run], float]) -> list[float]:
        """Return a figure of each round."""
        return [of(run) for run in self.of[server, connections]]

    def best(self, server: str, of: Callable[[Run], float]) -> list[float]:
        """Return the highest figure of each round, at whatever load it came."""
        loads = [self.figures(name, n, of) for name, n in self.of if name == server]
        return [max(rounds) for rounds in zip(*loads, strict=True)]

    def table(self) -> list[dict[str, object]]:
        """Return the medians, a row for each server and load."""
        rows = []
        for (server, connections), runs in self.of.items():
            row: dict[str, object] = {"server": server, "connections": connections}
            rows.append(row | {name: median(map(of, runs)) for name, of in COLUMNS.items()})
        return rows

    def samples(self) -> list[Run]:
        """Return every run."""
        return [run for runs in self.of.values() for run in runs]


def offered(run: Run) -> float:
    """Return the part of the frames that were due that came; 1 where none was due at a time."""
    gap_ms: float = run["load_gap_ms"]
    return frames_per_s(run) * gap_ms / 1000 / int(run["connections"]) if gap_ms else 1.0


def coalesced(run: Run) -> float:
    """Return the part of the frames that came in one read with another before them."""
    return max(0.0, 1 - 1 / float(run["frames_per_read"]))


def frames_per_s(run: Run) -> float:
    """Return the frames that came each second."""
    return float(run["frames_per_s"])


def streams_per_s(run: Run) -> float:
    """Return the streams that ended each second."""
    return float(run["streams_per_s"])


def gap_p50(run: Run) -> float:
    """Return the median gap between frames of a stream, in ms."""
    return float(run["gap_ms"]["p50"])


def gap_p99(run: Run) -> float:
    """Return the gap that one in a hundred exceeds, in ms."""
    return float(run["gap_ms"]["p99"])


def gap_error(run: Run) -> float:
    """Return by how many ms one gap in a hundred is wrong, at least."""
    return float((run["gap_error_ms"] or {"p99": 0})["p99"])


def first_frame_p99(run: Run) -> float:
    """Return the time to the first frame that one stream in a hundred exceeds, in ms.

    Where no stream began within the window, the window: it took longer than that.
    """
    return float(run["ttff_ms"]["p99"] if run["ttff_ms"] else 1000 * run["seconds"])


def memory(run: Run) -> float:
    """Return the growth of resident memory over idle, in KiB a stream."""
    return float(run["rss_growth_kib_per_connection"])


def cpu_per_frame(run: Run) -> float:
    """Return the CPU time of the server a frame, in µs."""
    return float(run["server_cpu_us_per_frame"])


COLUMNS: Final[dict[str, Callable[[Run], float]]] = {
    "streams_per_s": streams_per_s,
    "frames_per_s": frames_per_s,
    "offered_ratio": offered,
    "coalesced_ratio": coalesced,
    "gap_p50_ms": gap_p50,
    "gap_p99_ms": gap_p99,
    "gap_error_p99_ms": gap_error,
    "ttff_p99_ms": first_frame_p99,
    "kib_per_stream": memory,
    "server_cpu": lambda run: float(run["server_cpu"]),
    "server_us_per_frame": cpu_per_frame,
    "client_cpu": lambda run: float(run["client_cpu"]),
}


def measure(servers: Sequence[str], load: Load) -> Runs:
    """Measure servers in turns.

    Ends the program where the peer is asked for, and is not there.

    Raises:
        AssertionError: a run failed twice, or a stream did not have its 64 frames.
    """
    if AIMOCK in servers and not PEER.exists():
        sys.exit("aimock is not installed; run `make benches/node/node_modules`")
    runs = Runs()
    with kit() as built:
        commands = _commands(built, load.gap_ms)
        for connections in load.connections:
            for run in _compare(
                built, {name: commands[name] for name in servers}, connections, load
            ):
                runs.add(run, load.gap_ms)
    return runs


def _compare(
    built: Kit, commands: Mapping[str, str], connections: int, load: Load
) -> list[dict[str, Any]]:
    """Let the kit compare; once more where it could not, as when the machine stood still."""
    results = built.folder / "results.json"
    command = [
        *(sys.executable, str(KIT / "compare.py")),
        *("--mode", "paced" if load.gap_ms else "unpaced", "--gap-ms", f"{load.gap_ms:g}"),
        *("--connections", str(connections), "--rounds", str(load.rounds)),
        *("--seconds", f"{load.seconds:g}", "--client", str(built.client), "--json", str(results)),
    ]
    for name, started in commands.items():
        command += ["--server", f"{name}={started}"]
    for _ in range(ATTEMPTS):
        done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        if done.returncode == 0:
            found: list[dict[str, Any]] = json.loads(results.read_text())["runs"]
            return found
    raise AssertionError(f"{connections} connections could not be measured")


def _commands(built: Kit, gap_ms: float) -> dict[str, str]:
    ours = stream.write(built.folder / "ours", stream.fixture(gap_ms))
    theirs = stream.write(built.folder / "theirs", stream.fixture(gap_ms, empty_deltas=0))
    frames = built.folder / "frames"
    frames.write_bytes(stream.frames(stream.fixture(gap_ms)))
    latency = f" --latency {gap_ms:g}" if gap_ms else ""
    peer = f"node {PEER}/dist/cli.js --fixtures {theirs} --port {{port}} --log-level silent"
    return {
        FLOOR: built.floor("{gap_ms}", "--frames", frames),
        **{tier: serve_command(ours, *options) for tier, options in OPTIONS.items()},
        HYPER: f"env BEDROCK_FRAMES_NO_WORKERS=1 {serve_command(ours, *OPTIONS[NATIVE])}",
        AIMOCK: f"{peer} --chunk-size {stream.CHUNK_SIZE}{latency}",
    }


def peers(servers: Sequence[str]) -> dict[str, str]:
    """Return the versions of what is measured beside ours."""
    if AIMOCK not in servers:
        return {}
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    version = json.loads((PEER / "package.json").read_text())["version"]
    return {"aimock": version, "node": node.stdout.strip()}

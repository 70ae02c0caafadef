"""The fixture server under load, beside a floor that does nothing but send, and beside a peer.

    python -m benches.serving --mode unpaced --tier asgi --output benches/results/unpaced-asgi.json

All serve the same 64 frames (a tool call, since the peer's text answers fail in boto3). Servers run
on one core, the measuring client on the other; each answer is checked before it is timed. The
measuring kit is not part of this project: it is looked for at ../shared/bench.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bedrock_frames as bf
from bedrock_frames import fixtures
from benches.harness import refuse_debug_build, write

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
KIT: Final = ROOT.parent / "shared" / "bench"
PEER: Final = ROOT / "benches" / "node" / "node_modules" / "@copilotkit" / "aimock"
MODEL: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"
FRAMES: Final = 64
CHUNK_SIZE: Final = 20
STRUCTURAL_FRAMES: Final = 5
"""messageStart, contentBlockStart, contentBlockStop, messageStop, metadata."""


FLAGS: Final = {"asgi": " --asgi", "native": " --threads 1"}


def fixture_of(gap_ms: float, *, empty_deltas: int) -> dict[str, object]:
    """Return a fixture file whose stream has 64 frames, each ``gap_ms`` after the one before.

    Claude's tool input begins with an empty delta, and so does ours; the peer's does not.
    """
    length = (FRAMES - STRUCTURAL_FRAMES - empty_deltas) * CHUNK_SIZE
    arguments = json.dumps({"city": "x" * (length - len('{"city":""}'))}, separators=(",", ":"))
    assert len(arguments) == length
    entry: dict[str, object] = {
        "match": {"userMessage": "hello"},
        "response": {"toolCalls": [{"name": "get_weather", "arguments": arguments}]},
        "chunkSize": CHUNK_SIZE,
    }
    if gap_ms:
        entry["latency"] = gap_ms
    return {"fixtures": [entry]}


def frames_of(fixture: dict[str, object], seed: int) -> bytes:
    """Return the frames that the server will send: the floor is given the same."""
    entries = fixture["fixtures"]
    assert isinstance(entries, list)
    compiled = fixtures.parse(entries)
    plan = compiled.compiler(seed=seed, padding=True)(
        0, 0, "converse-stream", MODEL, "converse", None
    )
    body = b"".join(plan.frames)
    assert len(bf.scan(body)) == FRAMES
    return body


def servers(folder: Path, tiers: list[str], gap_ms: float) -> Iterator[tuple[str, str]]:
    """Yield names and commands; the floor is the first, which makes it the reference."""
    yield (
        "floor",
        f"{folder}/floor_server --port {{port}} --gap-ms {{gap_ms}} --frames {folder}/frames",
    )
    for tier in tiers:
        flag = FLAGS[tier]
        serve = f"{shlex.quote(sys.executable)} -m bedrock_frames serve {folder}/fixtures"
        yield tier, f"{serve} --port {{port}}{flag} --journal 0 --log-level warning"
    if PEER.exists():
        node = f"node {PEER}/dist/cli.js --fixtures {folder}/peer --port {{port}}"
        latency = f" --latency {gap_ms:g}" if gap_ms else ""
        yield "aimock", f"{node} --chunk-size {CHUNK_SIZE}{latency} --log-level silent"


def measure(
    mode: str, tiers: list[str], connections: str, gap_ms: float, rounds: int, seconds: float
) -> object:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run(
            ["make", "--silent", "-C", str(KIT), f"OUT={folder}"], check=True, stdout=sys.stderr
        )
        fixture = fixture_of(gap_ms, empty_deltas=1)
        for name, file in {"fixtures": fixture, "peer": fixture_of(gap_ms, empty_deltas=0)}.items():
            (folder / name).mkdir()
            (folder / name / "stream.json").write_text(json.dumps(file))
        (folder / "frames").write_bytes(frames_of(fixture, seed=0))
        command = [
            *(sys.executable, str(KIT / "compare.py"), "--mode", mode),
            *("--connections", connections, "--gap-ms", f"{gap_ms:g}"),
            *("--rounds", str(rounds), "--seconds", str(seconds)),
            *("--client", str(folder / "stream_client"), "--json", str(folder / "results.json")),
        ]
        for name, server in servers(folder, tiers, gap_ms):
            command += ["--server", f"{name}={server}"]
        subprocess.run(command, check=False)
        results: object = json.loads((folder / "results.json").read_text())
        return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=["unpaced", "paced"], required=True)
    parser.add_argument("--tier", action="append", choices=["asgi", "native"], required=True)
    parser.add_argument("--connections")
    parser.add_argument("--gap-ms", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    refuse_debug_build()
    if not KIT.exists():
        sys.exit(f"the measuring kit is not at {KIT}")

    paced = options.mode == "paced"
    results = measure(
        options.mode,
        options.tier,
        options.connections or ("100,1000" if paced else "1,64,512"),
        options.gap_ms if paced else 0,
        options.rounds,
        options.seconds,
    )
    if options.output:
        write(options.output, f"serving {options.mode}", results)


if __name__ == "__main__":
    main()

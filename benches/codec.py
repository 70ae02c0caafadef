"""The Rust codec against ``aws-smithy-eventstream``, and against one CRC pass plus one copy.

    python -m benches.codec [--quick] [--output FILE]

Runs ``rust/eventstream/benches/codec.rs`` some times over: Criterion measures one contender after
the other, so a ratio is taken within each of its runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from benches import harness
from benches.harness import ROOT, Effort
from benches.outcome import Comparison, Outcome, costs, faster

SETS: Final = {"delta": "193 B frames", "recorded": "recorded sizes", "1 MiB": "1 MiB frames"}
OURS: Final = {
    "decode": {"decoder": "decode", "decoder, headers read": "decode and read headers"},
    "encode": {"encode": "encode", "template": "Template.encode"},
}
PEER: Final = "aws-smithy-eventstream"
FLOOR: Final = "floor"
FLOOR_NAME: Final = "CRC + copy"
UNIT: Final = "ns/frame"
WITHIN: Final = {"decoder", "encode"}
"""What is held against the floor."""
JUDGED: Final = {"delta", "recorded"}
"""Frames as Bedrock sends them: those that have targets."""
LIMITS: Final = """\
`encode` checks its headers and writes them piece by piece, into room that safe code has to fill \
with zeros first; the floor copies a frame that is there. `Template.encode` is for headers that \
repeat."""

Key = tuple[str, str, str]
"""Direction, contender, set."""


def once(effort: Effort) -> dict[Key, float]:
    """Run all contenders; return nanoseconds a frame."""
    command = ["cargo", "bench", "--locked", "--quiet", "-p", "bedrock-frames-eventstream"]
    command += ["--bench", "codec", "--", "--noplot", "--nresamples", "1001"]
    command += ["--warm-up-time", effort.pick("0.3", "0.01")]
    command += ["--measurement-time", effort.pick("0.7", "0.01")]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "CRITERION_HOME": home}
        done = subprocess.run(
            command, cwd=ROOT, check=False, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        found = {}
        for path in Path(home).rglob("new/benchmark.json"):
            said = json.loads(path.read_text())
            frames = said["throughput"]["ElementsAndBytes"]["elements"]
            estimates = json.loads(path.with_name("estimates.json").read_text())
            key = (said["group_id"], said["function_id"], said["value_str"])
            found[key] = estimates["median"]["point_estimate"] / frames
    return found


def compare(runs: list[dict[Key, float]]) -> list[Comparison]:
    found = []
    for direction, contenders in OURS.items():
        for group, shown in SETS.items():
            judged = group in JUDGED
            peer, floor = ([run[direction, who, group] for run in runs] for who in (PEER, FLOOR))
            for contender, name in contenders.items():
                ours = [run[direction, contender, group] for run in runs]
                title = f"{name}, {shown}"
                target = 3 if judged else None
                found.append(faster(title, ours, PEER, peer, unit=UNIT, target=target))
                if contender in WITHIN:
                    target = 2 if judged else None
                    found.append(costs(title, ours, FLOOR_NAME, floor, unit=UNIT, target=target))
    return found


def version(crate: str) -> str:
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return next(str(package["version"]) for package in locked if package["name"] == crate)


def measure(effort: Effort) -> Outcome:
    runs = [once(effort) for _ in range(effort.pick(3, 1))]
    samples = [{" / ".join(key): took for key, took in sorted(run.items())} for run in runs]
    return Outcome(
        comparisons=compare(runs),
        samples=samples,
        peers={PEER: version(PEER)},
        limits=LIMITS,
    )


if __name__ == "__main__":
    harness.main(measure, name="codec", description=__doc__)

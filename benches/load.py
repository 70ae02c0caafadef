"""The load generator beside the least a client can do, and beside boto3; its memory and its time.

    python -m benches.load [--quick] [--output FILE]

The yardstick is the measuring kit's C client, which checks both CRC-32s of every frame and nothing
of what they mean. Clients take turns on one core, against the kit's floor on the other, whose 64
frames are sent at once. The floor can be slower than a client is, so figures are frames a second of
the client's own CPU time: what it would consume if nothing else held it up.

Punctuality is what it measures of schedules that are known: the floor's and the native tier's.
"""

from __future__ import annotations

import json
import os
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from bedrock_frames._core import LoadRun
from benches import harness, stream
from benches.kit import CLIENT_CPU, Kit, Served, drive, kit, running, serve_command
from benches.outcome import Comparison, Outcome, alone, more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.harness import Effort

CONNECTIONS: Final = 64
MEMORY_GAP_MS: Final = 500.0
MEMORY_STREAMS: Final = 10_000
GAP_MS: Final = 48.0
TTFT_MS: Final = 600.0
STREAMS: Final = 1_000
DELTAS: Final = 60
TEXT: Final = "word " * DELTAS
TOLERANCE_MS: Final = {"p50": 1.0, "p99": 3.0}
UNIT: Final = "frames/CPU-s"
LIMITS: Final = """\
What an endpoint is late by itself is in the punctuality, too. The floor never sends early and \
wakes every 0.5 ms: its rows are what the machine adds."""


def measure(effort: Effort) -> Outcome:
    os.sched_setaffinity(0, {int(CLIENT_CPU)})
    with kit() as built:
        comparisons, samples = speed(built, effort)
        grown = memory(built, effort)
        found = [punctuality(built, effort) for _ in range(effort.pick(3, 1))]
    comparisons.append(
        alone(
            f"memory a stream, {MEMORY_STREAMS:,} streams",
            [grown],
            unit="KiB",
            bound="at_most",
            target=16,
        )
    )
    return Outcome(
        comparisons=[*comparisons, *judge_punctuality(found)],
        samples={"speed": samples, "punctuality": found},
        peers={"boto3": boto3.__version__},
        limits=LIMITS,
    )


# Speed


def speed(built: Kit, effort: Effort) -> tuple[list[Comparison], dict[str, list[float]]]:
    """Compare frames a second of CPU time of each client."""
    seconds = effort.pick(3.0, 0.5)
    rates: dict[str, list[float]] = {"C client": [], "load": [], "boto3": []}
    with running(built.floor("0")) as floor:
        for _ in range(effort.pick(5, 1)):
            rates["C client"].append(c_client(built, floor, seconds))
            rates["load"].append(generator(floor, seconds))
            rates["boto3"].append(sdk(floor, seconds))
    ours, name = rates["load"], "frames consumed and verified"
    return [
        more(name, ours, "C client", rates["C client"], unit=UNIT, target=0.7),
        more(name, ours, "boto3", rates["boto3"], unit=UNIT, target=25),
    ], rates


def c_client(built: Kit, floor: Served, seconds: float) -> float:
    options = ["--connections", CONNECTIONS, "--seconds", seconds, "--verify"]
    found, _ = drive(built, floor, *options, look=lambda: None)
    assert found["frames_per_stream"] == {"min": stream.FRAMES, "max": stream.FRAMES}
    return float(found["frames_per_s"] / found["client_cpu"])


def generator(floor: Served, seconds: float) -> float:
    users = {"kind": "closed", "concurrency": CONNECTIONS}
    found = load(floor, arrivals=users, duration_s=seconds)
    frames = found["totals"]["frames"]
    assert frames >= stream.FRAMES * (found["requests"]["completed"] - CONNECTIONS)
    return float(frames / found["audit"]["cpu_s"])


def sdk(floor: Served, seconds: float) -> float:
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=floor.url,
        region_name="us-east-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="nothing",  # noqa: S106
        config=Config(retries={"total_max_attempts": 1}),
    )
    question: Any = stream.QUESTION
    frames, begun, cpu = 0, time.monotonic(), time.process_time()
    while time.monotonic() < begun + seconds:
        frames += sum(1 for _ in client.converse_stream(modelId=stream.MODEL, **question)["stream"])
    return frames / (time.process_time() - cpu)


def load(served: Served, **options: object) -> dict[str, Any]:
    """Run the generator with one thread; no request may fail."""
    run = LoadRun(json.dumps({"url": served.url, "model": stream.MODEL, **options}))
    run.start()
    assert run.wait(120)
    found: dict[str, Any] = json.loads(run.result())
    assert not found["errors"], found["errors"]
    return found


# Memory


def memory(built: Kit, effort: Effort) -> float:
    """Return how much resident memory a stream takes, in KiB, with many of them open."""
    streams = effort.pick(MEMORY_STREAMS, 100)
    before = _resident_kib()
    with running(built.floor(f"{MEMORY_GAP_MS:g}")) as floor:
        options = {
            "url": floor.url,
            "model": stream.MODEL,
            "grace_s": 0,
            "arrivals": {"kind": "closed", "concurrency": streams},
            "ramp_s": effort.pick(5, 0.2),
            "duration_s": effort.pick(12, 1),
        }
        run = LoadRun(json.dumps(options))
        run.start()
        most = before
        while not run.wait(0.5):
            most = max(most, _resident_kib())
        found = json.loads(run.result())
    assert found["audit"]["in_flight_max"] == streams, found["audit"]
    return (most - before) / streams


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


# Punctuality


def punctuality(built: Kit, effort: Effort) -> dict[str, dict[str, float]]:
    """Measure known schedules; return by endpoint how far from them it is, in ms."""
    timing = {"ttft_ms": TTFT_MS, "gap_ms": GAP_MS}
    fixture = {"match": {}, "response": {"content": TEXT}, "timing": timing, "chunkSize": 5}
    folder = built.folder / "punctual"
    if not folder.exists():
        stream.write(folder, fixture)
    found = {}
    with running(built.floor(f"{GAP_MS:g}")) as floor:
        # The floor's first content is its second frame.
        due = {"ttft_ms": 2 * GAP_MS, "gap_ms": GAP_MS}
        found["C floor, h1"] = _errors(floor, "h1", due, stream.FRAMES * GAP_MS, effort)
    with running(serve_command(folder, "--threads", "1")) as native:
        lasts = TTFT_MS + (DELTAS - 1) * GAP_MS
        for http in ("h1", "h2"):
            found[f"native, {http}"] = _errors(native, http, timing, lasts, effort)
    return found


def _errors(
    served: Served, http: str, due: dict[str, float], lasts_ms: float, effort: Effort
) -> dict[str, float]:
    streams = effort.pick(STREAMS, 20)
    found = load(
        served,
        http=http,
        arrivals={"kind": "constant", "rate": streams / (lasts_ms / 1000)},
        warmup_s=4,
        duration_s=effort.pick(10.0, 1.0),
    )
    metrics = found["metrics"]
    errors = {
        f"{name} {q}": metrics[name][q] - ms for name, ms in due.items() for q in TOLERANCE_MS
    }
    assert found["audit"]["in_flight_max"] >= 0.9 * streams, found["audit"]
    return errors | {"schedule_delay_ms p99": metrics["schedule_delay_ms"]["p99"]}


def judge_punctuality(rounds: Sequence[dict[str, dict[str, float]]]) -> list[Comparison]:
    found = []
    for endpoint in rounds[0]:
        for metric, words in {"ttft_ms": "TTFT", "gap_ms": "gap"}.items():
            for quantile, tolerance in TOLERANCE_MS.items():
                errors = [abs(each[endpoint][f"{metric} {quantile}"]) for each in rounds]
                name = f"error of {words} {quantile}, {STREAMS:,} streams of {endpoint}"
                # The floor shows the machine: it has no target of ours.
                target = tolerance if endpoint.startswith("native") else None
                found.append(alone(name, errors, unit="ms", bound="at_most", target=target))
    return found


if __name__ == "__main__":
    harness.main(measure, name="load", description=__doc__)

"""The load generator beside the least a client can do, and beside boto3; its memory and its time.

    python -m benches.load --output benches/results/load.json

The yardstick is the measuring kit's C client, which checks both CRC-32s of every frame and nothing
of what they mean. Clients take turns on one core, against the kit's floor on the other, whose 64
frames are sent at once. The floor can be slower than a client is, so figures are frames a second of
the client's own CPU time: what it would consume if nothing else held it up. The kit is not part of
this project: it is looked for at ../shared/bench.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from bedrock_frames._core import LoadRun
from benches.harness import refuse_debug_build, write

if TYPE_CHECKING:
    from collections.abc import Iterator

KIT: Final = Path(__file__).resolve().parent.parent.parent / "shared" / "bench"
MODEL: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"
FRAMES: Final = 64
SERVER_CPU: Final = "0"
CLIENT_CPU: Final = 1
MEMORY_GAP_MS: Final = 500.0
STREAMS: Final = 10_000
PUNCTUAL_STREAMS: Final = 1_000
PUNCTUAL_GAP_MS: Final = 48.0


def main() -> int:
    """Measure, print, and write the results where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    refuse_debug_build()
    if not KIT.is_dir():
        print(f"the measuring kit is not at {KIT}", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, {CLIENT_CPU})
    with tempfile.TemporaryDirectory() as folder:
        kit = Path(folder) / "kit"
        shutil.copytree(KIT, kit, copy_function=shutil.copyfile)
        subprocess.run(["make", "-C", str(kit)], check=True, stdout=subprocess.DEVNULL)
        results = {
            "speed": speed(kit, arguments.rounds, arguments.seconds, arguments.connections),
            "memory": memory(kit),
            "punctuality": punctuality(kit),
        }
    print(json.dumps(results, indent=2))
    if arguments.output:
        write(arguments.output, "load", results)
    return 0


@contextlib.contextmanager
def floor(kit: Path, gap_ms: float) -> Iterator[int]:
    """Run the floor on its core; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--port", str(port), "--gap-ms", str(gap_ms)]
    command = ["taskset", "-c", SERVER_CPU, str(kit / "floor_server"), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def drive(port: int, **options: object) -> dict[str, Any]:
    """Run the generator with one thread; no request may fail."""
    url = f"http://127.0.0.1:{port}"
    run = LoadRun(json.dumps({"url": url, "model": MODEL, **options}))
    run.start()
    assert run.wait(120)
    found: dict[str, Any] = json.loads(run.result())
    assert not found["errors"], found["errors"]
    return found


def speed(kit: Path, rounds: int, seconds: float, connections: int) -> dict[str, object]:
    """Frames a second of CPU time, and of the clock, of each client."""
    samples: dict[str, list[tuple[float, float]]] = {"c_client": [], "load": [], "boto3": []}
    with floor(kit, 0) as port:
        for _ in range(rounds):
            samples["c_client"].append(c_client(kit, port, seconds, connections))
            samples["load"].append(generator(port, seconds, connections))
            samples["boto3"].append(sdk(port, seconds))
    per_cpu = {name: [sample[0] for sample in of] for name, of in samples.items()}

    def ratio(one: str, other: str) -> float:
        return median(a / b for a, b in zip(per_cpu[one], per_cpu[other], strict=True))

    return {
        "frames_per_cpu_s": {name: median(of) for name, of in per_cpu.items()},
        "frames_per_s": {name: median(s[1] for s in of) for name, of in samples.items()},
        "load_over_c_client": ratio("load", "c_client"),
        "load_over_boto3": ratio("load", "boto3"),
        "rounds": samples,
    }


def c_client(kit: Path, port: int, seconds: float, connections: int) -> tuple[float, float]:
    """Measure the kit's client."""
    options = ["--port", str(port), "--connections", str(connections), "--seconds", str(seconds)]
    command = [str(kit / "stream_client"), *options, "--verify"]
    run = subprocess.run(command, check=True, capture_output=True)
    found = json.loads(run.stdout)
    assert found["errors"]["total"] == 0
    assert found["frames_per_stream"] == {"min": FRAMES, "max": FRAMES}
    return found["frames_per_s"] / found["client_cpu"], found["frames_per_s"]


def generator(port: int, seconds: float, connections: int) -> tuple[float, float]:
    """Measure ours."""
    users = {"kind": "closed", "concurrency": connections}
    found = drive(port, arrivals=users, duration_s=seconds)
    frames = found["totals"]["frames"]
    assert frames >= FRAMES * found["requests"]["completed"] - FRAMES * connections
    return frames / found["audit"]["cpu_s"], found["rates"]["frames_per_s"]


def sdk(port: int, seconds: float) -> tuple[float, float]:
    """Measure one boto3 client."""
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="nothing",  # noqa: S106
        config=Config(retries={"total_max_attempts": 1}),
    )
    messages: Any = [{"role": "user", "content": [{"text": "hello"}]}]
    frames, begun, cpu = 0, time.monotonic(), time.process_time()
    while time.monotonic() < begun + seconds:
        frames += sum(1 for _ in client.converse_stream(modelId=MODEL, messages=messages)["stream"])
    elapsed = time.monotonic() - begun
    return frames / (time.process_time() - cpu), frames / elapsed


def resident_kib() -> int:
    """Return this process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024


def memory(kit: Path) -> dict[str, object]:
    """Resident memory of a stream, with many of them open."""
    before = resident_kib()
    with floor(kit, MEMORY_GAP_MS) as port:
        url = f"http://127.0.0.1:{port}"
        arrivals = {"kind": "closed", "concurrency": STREAMS}
        options = {"url": url, "model": MODEL, "arrivals": arrivals}
        times = {"ramp_s": 5, "duration_s": 12, "grace_s": 0}
        run = LoadRun(json.dumps({**options, **times}))
        run.start()
        most = before
        while not run.wait(0.5):
            most = max(most, resident_kib())
        found = json.loads(run.result())
    assert found["audit"]["in_flight_max"] == STREAMS, found["audit"]
    return {"streams": STREAMS, "kib_per_stream": (most - before) / STREAMS}


def punctuality(kit: Path) -> dict[str, object]:
    """What is measured of a known schedule: every frame 48 ms after the last, the first too."""
    with floor(kit, PUNCTUAL_GAP_MS) as port:
        found = drive(
            port,
            arrivals={
                "kind": "constant",
                "rate": PUNCTUAL_STREAMS / (FRAMES * PUNCTUAL_GAP_MS / 1000),
            },
            warmup_s=4,
            duration_s=10,
        )
    metrics = found["metrics"]
    # The floor's first content is its second frame.
    due = {"ttft_ms": 2 * PUNCTUAL_GAP_MS, "gap_ms": PUNCTUAL_GAP_MS}
    errors = {
        name: {q: metrics[name][q] - ms for q in ("min", "p50", "p99")} for name, ms in due.items()
    }
    audit = found["audit"]
    return {
        "streams": audit["in_flight_max"],
        "error_ms": errors,
        "schedule_delay_ms": metrics["schedule_delay_ms"],
        "loop_delay_ms": audit["loop_delay_ms"],
    }


if __name__ == "__main__":
    sys.exit(main())

"""Forty users at a time ask the agent service, and the model's own time is set beside theirs.

    python examples/agent_service/load_test.py --threads 64

It runs the fixture server in this process and the service in another, as it is deployed: uvicorn,
one process. ``--threads`` and ``--client`` are given on to the service.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from bedrock_frames.server import Server, parse_timing

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE: Final = Path(__file__).parent
QUESTION: Final = "Which of my orders will be late?"
TIMING: Final = "ttft=900ms,gap=70ms"
"""Of every answer of the model."""
ASK_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured; times in seconds."""

    users: int
    answered: int
    median: float
    slowest: float
    model: float
    """The model's time for one answer: how long its requests took at the fixture server, in all."""
    at_once: int
    """How many requests were at the model at the same time, at most."""

    def __str__(self) -> str:
        return (
            f"{self.answered} of {self.users} users were answered\n"
            f"an answer took {self.median:.1f} s (median), the slowest {self.slowest:.1f} s\n"
            f"the model's part of it was {self.model:.1f} s\n"
            f"requests at the model at the same time: at most {self.at_once}"
        )


def load(
    *,
    users: int,
    threads: int | None = None,
    client: str = "boto3",
    python: str = sys.executable,
    timing: str = TIMING,
) -> Figures:
    """Let so many users ask at the same time; return what it took them, and the model."""
    journal, pace = 10 * (users + 1), parse_timing(timing)
    with Server([HERE / "model.yaml"], timing=pace, journal_entries=journal) as server:
        with service(server.url, threads=threads, client=client, python=python) as url:
            # The first answer loads modules and connects, and is not counted.
            asyncio.run(ask_at_once(url, 1))
            before = len(server.verify({}))
            took = asyncio.run(ask_at_once(url, users))
        requests = server.verify({})[before:]
    spans = [(request.arrived, request.duration or 0.0) for request in requests]
    return Figures(
        users=users,
        answered=len(took),
        median=statistics.median(took or [float("nan")]),
        slowest=max(took, default=float("nan")),
        model=sum(duration for _, duration in spans) / users,
        at_once=most_at_once(spans),
    )


@contextmanager
def service(bedrock: str, *, threads: int | None, client: str, python: str) -> Iterator[str]:
    """Run the service in a process; yield its URL."""
    environment = os.environ | {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AGENT_CLIENT": client,
        "AGENT_THREADS": str(threads or ""),
    }
    environment.pop("AWS_BEARER_TOKEN_BEDROCK", None)
    options = ["--app-dir", str(HERE), "--port", "0", "--no-access-log"]
    command = [python, "-m", "uvicorn", *options, "service:app"]
    with subprocess.Popen(  # noqa: S603 - of arguments made here
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            log = ""
            for line in process.stderr or ():
                log += line
                if found := re.search(r"running on (http://\S+)", line):
                    yield found[1]
                    break
            else:
                raise RuntimeError(f"the service did not start:\n{log}")
        finally:
            process.terminate()
            process.communicate()


async def ask_at_once(url: str, users: int) -> list[float]:
    """Ask once for each user, all at the same time; return how long each answer took."""
    limits = httpx.Limits(max_connections=users)
    async with httpx.AsyncClient(limits=limits, timeout=ASK_SECONDS, trust_env=False) as client:
        took = await asyncio.gather(*(ask(client, url) for _ in range(users)))
    return [seconds for seconds in took if seconds is not None]


async def ask(client: httpx.AsyncClient, url: str) -> float | None:
    """Return how long an answer took; None where it was none."""
    asked = time.monotonic()
    done = False
    async with client.stream("POST", f"{url}/ask", json={"question": QUESTION}) as response:
        async for line in response.aiter_lines():
            done = done or line == "event: done"
    return time.monotonic() - asked if done else None


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """Return how many of these spans (start and length) overlap at most."""
    changes = [(start, 1) for start, _ in spans]
    changes += [(start + length, -1) for start, length in spans]
    running = most = 0
    for _, change in sorted(changes):
        running += change
        most = max(most, running)
    return most


def main() -> None:
    """Measure, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--users", type=int, default=40, help="how many ask at the same time (40)")
    parser.add_argument("--threads", type=int, help="threads of the service; asyncio's default")
    parser.add_argument("--client", choices=["boto3", "aiobotocore"], default="boto3")
    parser.add_argument("--timing", default=TIMING, help=f"of the model's answers ({TIMING})")
    parser.add_argument("--python", default=sys.executable, help="runs the service (this one)")
    stated = parser.parse_args()
    print(load(**vars(stated)))


if __name__ == "__main__":
    main()

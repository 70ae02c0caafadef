"""Arrivals from end to end: what is asked for is when requests are meant to start."""

import json
import socket
import threading
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, Final

import pytest

from bedrock_frames import cli
from bedrock_frames.bench import (
    Arrivals,
    BenchOptions,
    Closed,
    Rate,
    Report,
    Sessions,
    Stages,
    Trace,
    run_bench,
    run_sweep,
)
from tests.support.load_runs import Script, answer, event, http, sending, server

pytestmark = pytest.mark.realtime

BODY: Final = b"".join(answer("Hello"))
ANSWERING: Final = sending(http(BODY))
AZURE: Final = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4,44
2023-11-16 18:17:04.0319600,2,109
2023-11-16 18:17:04.0780200,9,55
"""
MOONCAKE: Final = """{"timestamp": 27482, "input_length": 4, "output_length": 44, "hash_ids": [46]}
{"timestamp": 27534, "input_length": 2, "output_length": 109, "hash_ids": [48]}
{"timestamp": 27580, "input_length": 9, "output_length": 55, "hash_ids": []}
"""


def listening_to(bodies: list[Any]) -> Script:
    def script(connection: socket.socket, request: bytes) -> None:
        bodies.append(json.loads(request.partition(b"\r\n\r\n")[2]))
        connection.sendall(http(BODY))

    return script


def run(
    out: Path, arrivals: Arrivals, script: Script = ANSWERING, **options: Any
) -> tuple[Report, list[Any]]:
    """Run against a server; return the report and the lines of the requests, by their ordinal."""
    with server(script) as url:
        options = {"url": url, "arrivals": arrivals, "requests_out": out, **options}
        found = run_bench(BenchOptions(**options))
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return found, sorted(lines, key=lambda line: (line["request"], line["turn"]))


def intended(lines: list[Any]) -> list[float]:
    return [line["intended_s"] for line in lines]


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", AZURE), ("a.jsonl", MOONCAKE)], ids=["azure", "mooncake"]
)
@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_a_trace_is_played_as_it_came(tmp_path: Path, name: str, text: str, speed: float) -> None:
    path = tmp_path / name
    path.write_text(text)
    bodies: list[Any] = []
    trace = Trace(path=path, speed=speed)
    found, lines = run(tmp_path / "out", trace, listening_to(bodies))

    assert found.requests.completed == 3
    times = [at / speed for at in (0, 0.052, 0.098)]
    assert intended(lines) == pytest.approx(times, abs=0.0001)
    # One after the other, so these are in order.
    assert [body["inferenceConfig"]["maxTokens"] for body in bodies] == [44, 109, 55]
    words = [body["messages"][0]["content"][0]["text"].split() for body in bodies]
    assert list(map(len, words)) == [4, 2, 9]


def test_stages_follow_one_another(tmp_path: Path) -> None:
    stages = Stages(stages=((20, 0.5), (0, 0.2), (100, 0.3)))
    found, lines = run(tmp_path / "out", stages)

    assert found.requests.sent == found.requests.completed == 40
    tenths = Counter(int(at * 10 + 1e-6) for at in intended(lines))
    assert [tenths[tenth] for tenth in range(11)] == [2, 2, 2, 2, 2, 0, 0, 10, 10, 10, 0]
    # A run is over with its last answer, a moment before its last stage.
    assert found.rates.requested_requests_per_s == pytest.approx(40, rel=0.05)


def test_a_ramp_begins_slowly(tmp_path: Path) -> None:
    found, lines = run(tmp_path / "out", Rate(rate=100), ramp=0.6, duration=1)

    early = sum(at < 0.3 for at in intended(lines))
    late = sum(0.3 <= at < 0.6 for at in intended(lines))
    # A quarter of the area below a slope lies in its first half.
    assert early == pytest.approx(7.5, abs=1)
    assert late == pytest.approx(22.5, abs=1)
    assert found.requests.sent == early + late + 40


def test_a_ramp_of_users_adds_one_after_the_other(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def script(connection: socket.socket, _: bytes) -> None:
        together.wait()
        connection.sendall(http(BODY))

    _, lines = run(tmp_path / "out", Closed(concurrency=4), script, ramp=0.4, requests=4)
    # Each waits for the last, so each asks once; none does too early.
    assert all(at >= 0.1 * user - 0.001 for user, at in enumerate(sorted(intended(lines))))


@pytest.mark.parametrize(("process", "burstiness"), [("poisson", 1), ("gamma", 2), ("gamma", 0.5)])
def test_chance_is_as_uneven_as_was_asked_for(
    tmp_path: Path, process: Any, burstiness: float
) -> None:
    arrivals = Rate(rate=1000, process=process, burstiness=burstiness)
    _, lines = run(tmp_path / "out", arrivals, requests=1000, seed=5)
    gaps = [later - earlier for earlier, later in pairwise(intended(lines))]

    # With this seed, always the same.
    assert fmean(gaps) == pytest.approx(0.001, rel=0.1)
    assert pstdev(gaps) / fmean(gaps) == pytest.approx(burstiness, rel=0.15)
    _, again = run(tmp_path / "out", arrivals, requests=1000, seed=5)
    assert intended(again) == intended(lines)


def test_a_sweep_ends_at_what_the_endpoint_can_do() -> None:
    """One at a time, 20 ms each, is 50 a second."""
    alone = threading.Lock()

    def script(connection: socket.socket, _: bytes) -> None:
        with alone:
            threading.Event().wait(0.02)
        connection.sendall(http(BODY))

    with server(script) as url:
        options = BenchOptions(url=url, duration=0.5, warmup=0.2, grace=10)
        found = run_sweep(options, first=10, most=400)

    assert found.sweep[0].rate == 10
    assert any(step.saturated for step in found.sweep)
    assert 0 < (found.rates.requested_requests_per_s or 0) <= 50 / 0.95
    assert all(step.saturated for step in found.sweep if step.rate > 60)


FLAGS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "--concurrency 3 --requests 9": ("arrivals", {"kind": "closed", "concurrency": 3}),
    "--rate 50 --duration 200ms": ("arrivals", {"kind": "constant", "rate": 50}),
    "--rate 50 --arrival poisson --duration 200ms": ("arrivals", {"kind": "poisson", "rate": 50}),
    "--rate 50 --arrival gamma --burstiness 2 --duration 200ms": (
        "arrivals",
        {"kind": "gamma", "rate": 50, "burstiness": 2},
    ),
    "--stages 50:100ms,100:100ms": (
        "arrivals",
        {
            "kind": "stages",
            "stages": [[50, 0.1], [100, 0.1]],
            "process": "constant",
            "burstiness": 1,
        },
    ),
    "--trace TRACE --trace-format azure --trace-speed 2": (
        "arrivals",
        {"kind": "trace", "path": "TRACE", "format": "azure", "speed": 2},
    ),
    "--sweep 20:30 --duration 200ms": ("arrivals", {"kind": "constant", "rate": 20}),
    "--requests 2 --sessions --think-time 5ms --max-turns 3 --tool-result x --session-header X-I": (
        "sessions",
        {"think_time_ms": 5, "max_turns": 3, "tool_result": "x", "header": "X-I"},
    ),
}


@pytest.mark.parametrize("flags", FLAGS)
def test_the_command_line_asks_for_what_it_says(tmp_path: Path, flags: str) -> None:
    trace, out = tmp_path / "TRACE", tmp_path / "out.json"
    trace.write_text(AZURE)
    with server(ANSWERING) as url:
        stated = flags.replace("TRACE", str(trace)).split()
        code = cli.main(["bench", url, *stated, "--output", str(out), "--quiet"])
    found = json.loads(out.read_text().replace(str(trace), "TRACE"))

    name, expected = FLAGS[flags]
    if "--sweep" in flags:
        # The rate that was kept is the machine's to say.
        assert found["sweep"][0]["rate"] == 20
    else:
        assert found["options"][name] == expected
    assert found["requests"]["completed"] == found["requests"]["sent"] > 0
    assert code == (0 if found["trustworthy"] else 98)


def test_an_agent_thinks_before_it_answers(tmp_path: Path) -> None:
    calls = [
        event("messageStart", {"role": "assistant"}),
        event(
            "contentBlockStart",
            {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t1", "name": "add"}}},
        ),
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}),
        event("contentBlockStop", {"contentBlockIndex": 0}),
        event("messageStop", {"stopReason": "tool_use"}),
        answer()[-1],
    ]

    def script(connection: socket.socket, request: bytes) -> None:
        turns = request.count(b'"toolResult"')
        connection.sendall(http(b"".join(calls) if turns < 2 else BODY))

    sessions = Sessions(think_time=0.05)
    found, lines = run(
        tmp_path / "out", Rate(rate=50), script, requests=5, duration=2, sessions=sessions
    )

    assert found.stop_reasons == {"tool_use": 10, "end_turn": 5}
    assert [(line["request"], line["turn"]) for line in lines] == [
        (session, turn) for session in range(5) for turn in range(3)
    ]
    for before, after in pairwise(lines):
        if after["turn"]:
            ended = before["intended_s"] + before["e2e_ms"] / 1000
            # From the end of the answer, or a moment later, when the agent has read it.
            assert after["intended_s"] >= ended + 0.05 - 1e-6

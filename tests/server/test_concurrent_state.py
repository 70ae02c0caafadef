"""State under load from many threads: sequences and the journal miss nothing and mix nothing up."""

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from bedrock_frames.server import NativeServer, Place, create_app
from bedrock_frames.server.app import parts_of
from tests.support.http_client import CONVERSE, MODEL, asking, connect
from tests.support.load_runs import result, start
from tests.support.native_server import needs_files, plane, wait_for

STEPS: Final = 4
SESSIONS: Final = 1500
"""Of each protocol, all at a time."""
PROTOCOLS: Final = ("h1", "h2")
PACE: Final = {"timing": {"ttft_ms": 20, "gap_ms": 5}}
CALLS: Final = [
    {
        "match": {"userMessage": "next", "sequenceIndex": step},
        "response": {"toolCalls": [{"name": f"step{step}", "arguments": {"step": step}}]},
        **PACE,
    }
    for step in range(STEPS - 1)
]
END: Final = {"match": {"userMessage": "next"}, "response": {"content": "That was all."}, **PACE}


@needs_files(2 * SESSIONS)
@pytest.mark.parametrize("operation", ["converse-stream", "converse"])
def test_each_of_thousands_of_concurrent_sessions_has_its_own_sequence(operation: str) -> None:
    total = 2 * SESSIONS * STEPS
    app = create_app([*CALLS, END], journal_entries=total, max_sessions=2 * SESSIONS)
    options: dict[str, Any] = {
        "model": MODEL,
        "operation": operation,
        "bodies": [json.dumps(asking("next"))],
        "arrivals": {"kind": "closed", "concurrency": SESSIONS},
        "requests": SESSIONS,
        "sessions": {"header": "x-test-id"},
    }
    with NativeServer(app, Place(threads=4)) as running:
        # The seed is part of the sessions' names.
        runs = [
            start(running.url, http=http, seed=at, **options) for at, http in enumerate(PROTOCOLS)
        ]
        results = [result(run) for run in runs]
        wait_for(running.plane, in_flight=0)
    engine = parts_of(app).engine
    count, entries = engine.journal(limit=total)
    asked = defaultdict(list)
    for entry in entries:
        asked[entry.session].append(entry.fixture)

    for found in results:
        assert found["errors"] == {}
        assert found["audit"]["in_flight_max"] == SESSIONS
        assert found["stop_reasons"] == {"tool_use": SESSIONS * (STEPS - 1), "end_turn": SESSIONS}
    assert len(asked) == 2 * SESSIONS
    assert [name for name, steps in asked.items() if steps != list(range(STEPS))] == []
    assert count == len({entry.id for entry in entries}) == total
    assert len({entry.request_id for entry in entries}) == total
    assert {(entry.outcome, entry.status) for entry in entries} == {("delivered", 200)}
    assert engine.evicted_sessions == 0


def test_one_sequence_gives_each_step_once_to_clients_that_share_it() -> None:
    count = 400
    steps = [
        {
            "match": {"userMessage": "next", "sequenceIndex": step},
            "response": {"content": str(step)},
        }
        for step in range(count)
    ]

    def run(url: str) -> list[str]:
        with connect(url) as connection:
            replies = [connection.ask("POST", CONVERSE, asking("next")) for _ in range(count // 8)]
        return [r.json["output"]["message"]["content"][0]["text"] for r in replies]

    with plane(steps, threads=4) as (url, serving):
        with ThreadPoolExecutor(8) as pool:
            heard = [text for texts in pool.map(run, [url] * 8) for text in texts]
        wait_for(serving, in_flight=0)

    assert sorted(map(int, heard)) == list(range(count))

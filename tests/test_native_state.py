"""State under load from many threads: sequences and the journal miss nothing and mix nothing up."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.http_client import CONVERSE, asking, connect
from tests.planes import plane, wait_for

STEPS: Final = 4
SESSIONS: Final = 2000
CLIENTS: Final = 16
SEQUENCE: Final[list[Any]] = [
    {"match": {"userMessage": "next", "sequenceIndex": step}, "response": {"content": str(step)}}
    for step in range(STEPS)
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    options: Any = {"journal_entries": SESSIONS * STEPS, "max_sessions": SESSIONS}
    with Server(SEQUENCE, **options) as server:
        yield server


def test_each_of_thousands_of_sessions_has_its_own_sequence(server: Server) -> None:
    together = threading.Barrier(CLIENTS)

    def run(client: int) -> dict[str, list[str]]:
        heard: dict[str, list[str]] = {}
        together.wait()
        with connect(server.url) as connection:
            for _ in range(STEPS):
                for number in range(client, SESSIONS, CLIENTS):
                    session = f"session {number}"
                    reply = connection.ask("POST", CONVERSE, asking("next"), {"x-test-id": session})
                    content = reply.json["output"]["message"]["content"]
                    heard.setdefault(session, []).append(content[0]["text"])
        return heard

    with ThreadPoolExecutor(CLIENTS) as pool:
        heard = {k: v for part in pool.map(run, range(CLIENTS)) for k, v in part.items()}
    expected = [str(step) for step in range(STEPS)]
    total, entries = server.parts.engine.journal(limit=SESSIONS * STEPS)

    assert len(heard) == SESSIONS
    assert [session for session, texts in heard.items() if texts != expected] == []
    assert total == len({entry.id for entry in entries}) == SESSIONS * STEPS
    assert {entry.outcome for entry in entries} == {"delivered"}
    assert len({entry.request_id for entry in entries}) == SESSIONS * STEPS


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


def test_figures_count_every_frame_and_byte() -> None:
    fixture = {"match": {"userMessage": "next"}, "response": {"content": "one two three"}}
    body = json.dumps(asking("next")).encode()
    with plane([fixture], threads=2) as (url, serving):
        with connect(url) as connection:
            path = CONVERSE.replace("converse", "converse-stream")
            replies = [connection.ask("POST", path, body) for _ in range(50)]
        figures = wait_for(serving, in_flight=0)

    assert figures.body_bytes == sum(len(reply.body) for reply in replies)
    assert figures.frames > 50
    assert figures.first_frame.total == figures.duration.total == 50
    assert figures.lateness.total == figures.interrupted == 0

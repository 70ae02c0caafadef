"""The journal: what was asked, without its secrets, and what became of it."""

import json
import threading
from typing import Any

import pytest

from bedrock_frames._core import MAX_JOURNAL_BYTES, Engine, Playback
from tests.support.engine_requests import MODEL, ask, conversation, engine, rule, user

GO = conversation(user("go"))


def statuses(made: Engine, **kwargs: Any) -> tuple[int, list[int]]:
    total, entries = made.journal(**kwargs)
    return total, [entry.id for entry in entries]


def test_an_entry_records_request_and_answer() -> None:
    made = engine([rule()])
    path = f"/model/{MODEL.replace(':', '%3A')}/converse-stream"
    body = json.dumps(GO, indent=4).encode()
    headers = [(b"Content-Type", b"application/json"), (b"X-A", b"1"), (b"x-a", b"\xff")]
    answer = made.answer("POST", f"{path}?testId=s".encode(), headers, body, arrived=12.5)
    total, [entry] = made.journal()
    assert answer is not None
    assert (total, entry.id, entry.request_id) == (1, 0, answer.request_id)
    assert (entry.arrived, entry.method, entry.path) == (12.5, "POST", path)
    assert (entry.operation, entry.model, entry.session) == ("converse-stream", MODEL, "s")
    assert (entry.attempt, entry.status, entry.fixture) == (1, 200, 0)
    assert entry.headers == {"content-type": "application/json", "x-a": "1, \ufffd"}
    assert (entry.body, entry.body_bytes) == (body, len(body))
    assert (entry.outcome, entry.sent_frames) == ("pending", 0)


def test_a_body_is_parsed_where_the_journal_has_all_of_it() -> None:
    made = engine([rule()], journal_body_bytes=100)
    ask(made, GO)
    ask(made, b"not json")
    ask(made, conversation(user("go" * 100)))
    whole, faulty, cut = made.journal()[1]
    assert whole.json() == GO
    with pytest.raises(ValueError, match="Expecting value"):
        faulty.json()
    with pytest.raises(ValueError, match=r"has 100 of the [0-9]+ bytes .* journal_body_bytes"):
        cut.json()


def test_a_refused_request_is_recorded_too() -> None:
    made = engine([])
    ask(made, b"not json")
    made.answer("GET", b"/async-invoke", [], b"", arrived=0.0)
    made.answer("POST", b"/model/m/converse/", [], b"x", arrived=0.0)
    _, entries = made.journal()
    found = [(entry.status, entry.operation, entry.model, entry.body) for entry in entries]
    assert found == [
        (400, "converse", MODEL, b"not json"),
        (404, None, None, b""),
        (404, None, None, b"x"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-Amz-Security-Token",
        "Cookie",
        "x-api-key",
        "API-KEY",
        "X-Goog-Api-Key",
        "Proxy-Authorization",
        "x-client-secret",
    ],
)
def test_secrets_are_redacted(name: str) -> None:
    made = engine([rule()])
    ask(made, GO, headers={name: "AWS4-HMAC-SHA256 Credential=AKIA/x hush", "x-amz-date": "today"})
    _, [entry] = made.journal()
    assert entry.headers == {name.lower(): "[redacted]", "x-amz-date": "today"}


def test_the_journal_is_a_ring() -> None:
    made = engine([rule()], journal_entries=3)
    answers = [ask(made, GO) for _ in range(5)]
    assert statuses(made) == (3, [2, 3, 4])
    made.settle(Playback(answers[0]).finish("delivered", 0.0))
    made.settle(Playback(answers[4]).finish("delivered", 0.0))
    assert [entry.outcome for entry in made.journal()[1]] == ["pending", "pending", "delivered"]


def test_the_journal_can_be_off() -> None:
    made = engine([rule()], journal_entries=0)
    made.settle(Playback(ask(made, GO)).finish("delivered", 0.0))
    assert made.journal() == (0, [])


def test_bodies_are_kept_up_to_their_limit() -> None:
    made = engine([rule()], journal_body_bytes=10)
    body = json.dumps(GO).encode()
    ask(made, body)
    _, [entry] = made.journal()
    assert (entry.body, entry.body_bytes) == (body[:10], len(body))


def test_bodies_together_have_a_limit_and_the_newest_is_kept() -> None:
    made = engine([rule()], journal_body_bytes=10**9, max_body_bytes=10**9)
    size = MAX_JOURNAL_BYTES // 4
    for _ in range(6):
        ask(made, b"x" * size)
    total, entries = made.journal(newest=True)
    assert total == 3
    assert [entry.id for entry in entries] == [5, 4, 3]
    assert all(len(entry.body) == size for entry in entries)


def test_pages_are_oldest_first() -> None:
    made = engine([rule()])
    for _ in range(7):
        ask(made, GO)
    assert statuses(made, offset=0, limit=3) == (7, [0, 1, 2])
    assert statuses(made, offset=5, limit=3) == (7, [5, 6])
    assert statuses(made, offset=9) == (7, [])
    assert statuses(made, limit=0) == (7, [])


def test_filters_are_all_to_be_met() -> None:
    made = engine([rule()])
    ask(made, GO, headers={"x-test-id": "a"})
    ask(made, GO, headers={"x-test-id": "b"})
    ask(made, b"", headers={"x-test-id": "b"})
    made.answer("GET", b"/model/m/converse", [(b"x-test-id", b"b")], b"", arrived=0.0)
    assert statuses(made, session="b") == (3, [1, 2, 3])
    assert statuses(made, session="b", status=400) == (1, [2])
    assert statuses(made, method="GET") == (1, [3])
    assert statuses(made, path="/model/m/converse") == (1, [3])
    assert statuses(made, path=f"/model/{MODEL}/converse", session="b", limit=1) == (2, [1])
    assert statuses(made, session="c") == (0, [])


def test_outcomes_are_settled_by_request_id() -> None:
    made = engine([rule()])
    answers = [ask(made, GO) for _ in range(3)]
    for answer, end in zip(answers[1:], ("stopped", "delivered"), strict=True):
        playback = Playback(answer)
        playback.next(0.0, 1_000_000)
        settlement = playback.finish(end, 2.5)
        assert settlement.request_id == answer.request_id
        made.settle(settlement)
    found = [(entry.outcome, entry.sent_frames, entry.duration) for entry in made.journal()[1]]
    assert found == [("pending", 0, None), ("cut", 0, 2.5), ("delivered", 1, 2.5)]


@pytest.mark.parametrize("outcome", ["", "pending", "Delivered", "lost"])
def test_an_unknown_end_is_refused(outcome: str) -> None:
    playback = Playback(ask(engine([rule()]), GO))
    with pytest.raises(ValueError, match="delivered, client_left, stalled, cut, stopped, failed"):
        playback.finish(outcome, 0.0)


def test_a_reset_empties_the_journal_and_ids_go_on() -> None:
    made = engine([rule()])
    ask(made, GO)
    made.reset(sequences=False)
    assert made.journal() == (0, [])
    ask(made, GO)
    assert statuses(made) == (1, [1])


def test_every_request_of_many_threads_is_recorded_once() -> None:
    made = engine([rule()], journal_entries=10_000)

    def work(name: str) -> None:
        for _ in range(200):
            answer = ask(made, GO, headers={"x-test-id": name})
            made.settle(Playback(answer).finish("delivered", 0.0))

    workers = [threading.Thread(target=work, args=(f"s{n}",)) for n in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    total, entries = made.journal(limit=10_000)
    assert (total, [entry.id for entry in entries]) == (1600, list(range(1600)))
    assert len({entry.request_id for entry in entries}) == 1600
    assert {entry.outcome for entry in entries} == {"delivered"}
    assert made.journal(session="s3")[0] == 200

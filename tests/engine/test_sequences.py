"""Sequences, turns, retries and sessions: which of several fixtures that match answers."""

import threading
from collections import Counter
from typing import Any

import pytest

from tests.support.engine_requests import (
    Compiler,
    Json,
    ask,
    assistant,
    contains,
    conversation,
    engine,
    equals,
    error,
    fixture,
    rule,
    user,
)

GO = conversation(user("go"))


def step(index: int, **criteria: Any) -> Any:
    return rule({"user_message": contains("go"), "sequence_index": index, **criteria})


def turn(index: int | None, text: str = "go", **criteria: Any) -> Any:
    at = {} if index is None else {"turn_index": index}
    return rule({"user_message": contains(text), **at, **criteria})


def after(turns: int) -> Json:
    """A conversation in which the assistant has spoken so often."""
    said = [message for n in range(turns) for message in (user(f"q{n}"), assistant(f"a{n}"))]
    return conversation(*said, user("go"))


def test_a_sequence_is_answered_step_by_step() -> None:
    made = engine([step(0), step(1), step(2)])
    assert [fixture(made, GO) for _ in range(4)] == [0, 1, 2, None]


def test_the_order_of_steps_is_their_index_not_their_place() -> None:
    made = engine([step(2), step(0), step(1)])
    assert [fixture(made, GO) for _ in range(3)] == [1, 2, 0]


def test_an_exhausted_sequence_falls_through() -> None:
    made = engine([step(0), rule()])
    assert [fixture(made, GO) for _ in range(3)] == [0, 1, 1]


def test_an_earlier_fixture_without_an_index_hides_a_sequence() -> None:
    made = engine([turn(None), step(0)])
    assert [fixture(made, GO) for _ in range(2)] == [0, 0]


def test_a_later_sibling_without_an_index_does_not_advance_the_sequence() -> None:
    made = engine([step(1), turn(None)])
    assert [fixture(made, GO) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("key", ["context", "tool_result", "session", "model"])
def test_sequences_of_other_criteria_are_counted_apart(key: str) -> None:
    other = {key: contains("")}
    made = engine([step(0), step(0, **other), step(1), step(1, **other)])
    headers = {"x-aimock-context": "c"}
    body = conversation(user("go"), {"role": "user", "content": [{"toolResult": {"content": []}}]})
    found = [fixture(made, body, headers=headers) for _ in range(5)]
    assert found == [0, 1, 2, 3, None]


def test_steps_of_one_index_are_one_step() -> None:
    made = engine([step(0), step(0), step(1)])
    assert [fixture(made, GO) for _ in range(3)] == [0, 2, None]


def test_a_refused_request_takes_no_step() -> None:
    made = engine([step(0), step(1)])
    assert ask(made, b"{").status == 400
    assert ask(made, conversation(user("stop"))).status == 404
    assert fixture(made, GO) == 0


def test_each_session_has_its_own_sequence() -> None:
    made = engine([step(0), step(1)])
    by_header = {"headers": {"X-Test-Id": "a"}}
    by_query = {"query": "?x=1&testId=b%20c"}
    credential = (
        "AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/bedrock/aws4_request, Signature=0"
    )
    by_key = {"headers": {"Authorization": credential}}
    sessions: list[dict[str, Any]] = [{}, by_header, by_query, by_key]
    assert [fixture(made, GO, **session) for session in sessions for _ in range(2)] == [0, 1] * 4
    assert made.sessions == 4
    _, entries = made.journal(limit=10)
    assert [entry.session for entry in entries[::2]] == ["default", "a", "b c", "AKIA1"]


def test_a_test_id_goes_before_the_query_and_the_credential() -> None:
    made = engine([rule({"session": equals("a")})])
    credential = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA/x"}
    headers = {"x-test-id": "a", **credential}
    assert fixture(made, GO, headers=headers, query="?testId=b") == 0
    assert fixture(made, GO, headers=credential, query="?testId=a") == 0
    assert fixture(made, GO, headers=credential) is None


def test_a_bearer_token_is_not_a_session() -> None:
    made = engine([rule({"session": equals("default")})])
    assert fixture(made, GO, headers={"authorization": "Bearer abc"}) == 0


def test_a_retry_gets_the_same_step_again() -> None:
    made = engine([step(0), step(1), step(2)])

    def attempt(call: str, number: int) -> int | None:
        headers = {"amz-sdk-invocation-id": call, "amz-sdk-request": f"attempt={number}; max=3"}
        return fixture(made, GO, headers=headers)

    assert [attempt("a", 1), attempt("a", 2), attempt("a", 3)] == [0, 0, 0]
    assert [attempt("b", 1), attempt("a", 4), attempt("b", 2)] == [1, 0, 1]
    assert attempt("c", 1) == 2
    assert [entry.attempt for entry in made.journal()[1]] == [1, 2, 3, 1, 4, 2, 1]


def test_an_invocation_id_is_of_its_session() -> None:
    made = engine([step(0), step(1)])
    headers = {"amz-sdk-invocation-id": "same"}
    one, other = {**headers, "x-test-id": "1"}, {**headers, "x-test-id": "2"}
    assert [fixture(made, GO, headers=h) for h in (one, other, one)] == [0, 0, 0]
    assert fixture(made, GO, headers={"x-test-id": "1"}) == 1


def test_resetting_begins_sequences_again() -> None:
    made = engine([step(0), step(1)])
    assert fixture(made, GO) == 0
    made.reset(journal=False)
    assert (fixture(made, GO), made.journal()[0], made.sessions) == (0, 2, 1)


def test_a_sequence_goes_on_when_other_rules_are_loaded_beside_it() -> None:
    made = engine([step(0), step(1)])
    assert fixture(made, GO) == 0
    made.load([rule({"user_message": equals("other")}), step(0), step(1), step(2)], Compiler())
    assert [fixture(made, GO) for _ in range(3)] == [2, 3, None]


def test_a_sequence_that_was_gone_begins_again() -> None:
    made = engine([step(0), step(1)])
    assert fixture(made, GO) == 0
    made.load([rule({"user_message": equals("other")})], Compiler())
    assert made.sessions == 0
    made.load([step(0), step(1)], Compiler())
    assert fixture(made, GO) == 0


def test_sequences_that_stay_keep_their_sessions_and_no_others() -> None:
    other = {"user_message": equals("other")}
    steps = [rule({**other, "sequence_index": index}) for index in range(2)]
    made = engine([step(0), step(1), *steps])
    fixture(made, GO, headers={"x-test-id": "stays"})
    fixture(made, conversation(user("other")), headers={"x-test-id": "goes"})
    assert made.sessions == 2
    made.load([*steps[:1], step(0), step(1)], Compiler())
    assert made.sessions == 2
    made.load([step(0), step(1)], Compiler())
    assert made.sessions == 1
    assert fixture(made, GO, headers={"x-test-id": "stays"}) == 1


def test_turns_of_the_same_criteria_have_counts_that_stay_apart() -> None:
    rules = [turn(0, sequence_index=0), turn(0, sequence_index=1), turn(1, sequence_index=0)]
    made = engine(rules)
    assert fixture(made, GO) == 0
    made.load([rule({"user_message": equals("other")}), *rules], Compiler())
    assert (fixture(made, GO), fixture(made, after(1))) == (2, 3)


def test_a_retry_after_a_load_gets_the_step_that_it_was_given() -> None:
    made = engine([step(0), step(1)])
    headers = {"amz-sdk-invocation-id": "same"}
    assert fixture(made, GO, headers=headers) == 0
    made.load([rule({"user_message": equals("other")}), step(0), step(1)], Compiler())
    assert fixture(made, GO, headers=headers) == 1
    assert fixture(made, GO) == 2


def test_the_session_that_was_not_used_for_longest_is_given_up() -> None:
    made = engine([step(0), step(1), step(2)], max_sessions=2)
    asked = [fixture(made, GO, headers={"x-test-id": session}) for session in "abacab"]
    assert asked == [0, 0, 1, 0, 2, 0]
    assert (made.sessions, made.evicted_sessions) == (2, 2)


def test_no_session_is_given_up_before_there_are_too_many() -> None:
    made = engine([step(0), step(1)], max_sessions=3000, journal_entries=0)
    names = [{"x-test-id": f"session-{n}"} for n in range(3000)]
    assert {fixture(made, GO, headers=name) for name in names} == {0}
    assert {fixture(made, GO, headers=name) for name in names} == {1}
    assert (made.sessions, made.evicted_sessions) == (3000, 0)


def test_no_step_is_given_twice_to_threads() -> None:
    steps, threads = 400, 8
    made = engine([step(n) for n in range(steps)], journal_entries=0)
    found: list[int | None] = []

    def work() -> None:
        found.extend(fixture(made, GO) for _ in range(steps // threads))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Counter(found) == Counter(range(steps))


@pytest.mark.parametrize(
    ("turns", "count", "expected"),
    [
        ([0, 1, 2], 0, 0),
        ([0, 1, 2], 1, 1),
        ([2, 1, 0], 2, 0),
        ([0, 1], 7, 1),  # the highest turn that is not ahead
        ([0, 3], 2, 0),  # which may be far behind
        ([5], 0, 0),  # a lone turn ahead answers too
        ([5, 3, 4], 1, 1),  # of turns that are all ahead, the lowest
        ([5, None], 1, 1),  # but not where one without a turn is there
        ([None, 0], 0, 0),  # at the very turn, the earlier of the two
        ([0, None], 0, 0),
        ([None, 1], 2, 1),  # behind it, the one with a turn
        ([None, 9], 2, 0),
        ([1, 1], 1, 0),  # of equal turns, the earlier
        ([0, 0], 5, 0),
    ],
)
def test_turns_choose_among_fixtures_of_one_text(
    turns: list[int | None], count: int, expected: int
) -> None:
    assert fixture(engine([turn(index) for index in turns]), after(count)) == expected


@pytest.mark.parametrize(
    ("rules", "count", "expected"),
    [
        ([turn(0, "g"), turn(1, "o"), turn(2, "go")], 1, 1),
        ([turn(None, "g"), turn(3, "o"), turn(1, "go")], 2, 2),
        ([turn(2, "g"), turn(None, "go"), turn(2, "o")], 2, 0),
        ([turn(None, "g"), turn(2, "o")], 2, 0),
        ([turn(0, "no"), turn(0, "g")], 0, 1),
    ],
)
def test_turns_choose_among_fixtures_of_different_texts(
    rules: list[Any], count: int, expected: int
) -> None:
    assert fixture(engine(rules), after(count)) == expected


def test_turns_of_sequences_take_their_own_steps() -> None:
    made = engine([step(0, turn_index=1), step(1, turn_index=1), step(0, turn_index=0)])
    assert [fixture(made, after(1)) for _ in range(2)] == [0, 1]
    # Turn 1 is exhausted, and turn 0 is the highest one that is left.
    assert [fixture(made, after(1)) for _ in range(2)] == [2, None]


def test_strict_mode_distinguishes_a_miss_from_an_exhausted_sequence() -> None:
    made = engine([step(0)], strict=True)
    status, kind, message = error(ask(made, conversation(user("stop"))))
    assert (status, kind) == (503, "ServiceUnavailableException")
    assert message.startswith("Strict mode: no fixture matched")
    assert fixture(made, GO) == 0
    status, kind, message = error(ask(made, GO))
    assert (status, kind) == (503, "ServiceUnavailableException")
    assert message == "Strict mode: 1 candidate fixture(s) skipped by sequence/turn state."


@pytest.mark.parametrize(
    ("strict", "header", "status"),
    [
        (False, "true", 503),
        (False, " 1", 503),
        (True, "FALSE", 404),
        (True, "0", 404),
        (True, "?", 503),
    ],
)
def test_a_header_overrides_strict_mode(strict: bool, header: str, status: int) -> None:
    assert ask(engine([], strict=strict), GO, headers={"X-AIMock-Strict": header}).status == status


@pytest.mark.parametrize(
    ("criteria", "why"),
    [
        ({"user_message": contains("stop")}, 'userMessage must contain "stop", and is "go"'),
        ({"user_message": equals("Go")}, 'userMessage must equal "Go", and is "go"'),
        (
            {"system_message": [contains("x")]},
            'systemMessage must contain "x", and the request has none',
        ),
        ({"tool_result": contains("x")}, 'toolResultContains must contain "x"'),
        ({"has_tool_result": True}, "hasToolResult is true, and the current turn has none"),
        ({"operation": ["invoke"]}, "operation is invoke, not converse"),
        ({"model": {"model": "nova"}}, 'model "nova" is not "us.anthropic'),
        ({"session": equals("s")}, 'session must equal "s", and is "default"'),
    ],
)
def test_a_miss_names_the_key_that_failed(criteria: dict[str, Any], why: str) -> None:
    status, kind, message = error(ask(engine([rule(criteria, "greeting")]), GO))
    assert (status, kind) == (404, "ResourceNotFoundException")
    assert 'Closest: fixture 0 ("greeting"), whose ' + why in message


def test_a_miss_names_the_closest_of_thousands() -> None:
    rules = [
        rule({"user_message": contains(f"weather in city{n}")}, f"city {n}") for n in range(5000)
    ]
    message = error(ask(engine(rules), conversation(user("Weather in CITY4321?"))))[2]
    assert 'Closest: fixture 4321 ("city 4321")' in message


def test_a_miss_names_an_exhausted_sequence() -> None:
    made = engine([step(0)])
    assert fixture(made, GO) == 0
    assert "1 would, but for their place in a sequence" in error(ask(made, GO))[2]
    assert made.unmatched == 1


def test_a_miss_without_fixtures_is_explained() -> None:
    assert "There are no fixtures." in error(ask(engine([]), GO))[2]

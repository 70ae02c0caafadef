"""``verify``: how often requests came that meet a match, judged as fixtures are matched."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from bedrock_frames._core import Rule
from bedrock_frames.fixtures import FixtureError
from bedrock_frames.server import Server
from bedrock_frames.server.verify import read_times
from tests.support.engine_requests import ask as ask_engine
from tests.support.engine_requests import (
    assistant,
    calls,
    contains,
    conversation,
    engine,
    result,
    user,
)
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, MODEL, Reply, ask, asking

FIXTURES: Final = [{"match": {"userMessage": "hello"}, "response": {"content": "Hello!"}}]
GOODBYE: Final = {"userMessage": "goodbye"}


@pytest.fixture(params=["native", "asgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(FIXTURES, asgi=request.param == "asgi") as server:
        yield server


def say(server: Server, *texts: str, path: str = CONVERSE, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    for text in texts:
        ask(server.url, "POST", path, asking(text), named)


def post(server: Server, **body: Any) -> Reply:
    return ask(server.url, "POST", "/__control/verify", body)


def test_what_came_as_often_as_expected_is_returned(server: Server) -> None:
    say(server, "hello one", "other", "hello two")

    found = server.verify({"userMessage": "hello"}, times=2, outcome="delivered", status=200)

    assert [json.loads(entry.body) for entry in found] == [
        asking("hello one"),
        asking("hello two"),
    ]
    assert server.verify({"userMessage": "other"}, status=404)
    assert server.verify({}, times=3)
    assert server.verify(GOODBYE, times="never") == []


@pytest.mark.parametrize(
    ("times", "holding"),
    [
        (None, {1, 2, 3}),
        (0, {0}),
        (2, {2}),
        ("never", {0}),
        ({"never": True}, {0}),
        ({"exact": 1}, {1}),
        ({"atLeast": 2}, {2, 3}),
        ({"atMost": 1}, {0, 1}),
        ({"between": [1, 2]}, {1, 2}),
    ],
)
def test_how_often(times: Any, holding: set[int]) -> None:
    count = read_times(times)

    assert {k for k in range(4) if count.holds(k)} == holding


@pytest.mark.parametrize(
    "times",
    [True, -1, 1.5, "twice", {}, {"atLeast": 1, "atMost": 2}, {"between": [2, 1]}, {"least": 1},
     {"between": 3}, {"never": False}, {"exact": "1"}, [1], {"atLeast": 10**30}],
)  # fmt: skip
def test_a_count_that_makes_no_sense_is_refused(server: Server, times: Any) -> None:
    with pytest.raises(ValueError, match=r"times|between|never|count|unknown key"):
        read_times(times)
    assert post(server, match={}, times=times).status == 400


def test_a_failure_says_what_came_closest_and_what_failed(server: Server) -> None:
    say(server, "hello", x_test_id="me")
    say(server, "good day", path=CONVERSE_STREAM, x_test_id="you")

    with pytest.raises(AssertionError) as failed:
        server.verify({"userMessage": "goodbye", "session": "you", "operation": "converse-stream"})

    lines = str(failed.value).splitlines()
    assert lines[0].startswith("Expected at least 1 request with ")
    assert lines[0].endswith("0 of 2 requests in the journal did fit")
    assert lines[1] == (
        f"Closest: request 1 (POST {CONVERSE_STREAM}, session 'you'): "
        'userMessage must contain "goodbye", and is "good day"'
    )
    assert 'session must equal "you", and is "me"' in lines[2]


def test_what_came_too_often_is_shown(server: Server) -> None:
    say(server, "hello 1", "hello 2")

    with pytest.raises(AssertionError, match=r"exactly 1 request .*\nFits: request 0 .*\nFits: "):
        server.verify({"userMessage": "hello"}, times=1)


def test_conditions_on_the_answer_are_reported(server: Server) -> None:
    say(server, "hello")

    with pytest.raises(AssertionError, match=r"status must be 404, and is 200"):
        server.verify({"userMessage": "hello"}, status=404)
    with pytest.raises(AssertionError, match='outcome must be "cut", and is "delivered"'):
        server.verify({"userMessage": "hello"}, outcome="cut")


@pytest.mark.parametrize(("old", "new"), [("interrupted", "client_left"), ("aborted", "cut")])
def test_old_names_of_outcomes_are_taken_with_a_warning(server: Server, old: str, new: str) -> None:
    say(server, "hello")

    with pytest.warns(DeprecationWarning, match=f'"{old}" is called "{new}" now'):
        server.verify({"userMessage": "hello"}, outcome=old, times="never")


def test_the_control_api_counts_and_tells(server: Server) -> None:
    say(server, "hello", "other")
    held = post(server, match={"userMessage": "hello"}, times={"exact": 1}, outcome="delivered")
    failed = post(server, match={"userMessage": "hello"}, times="never")
    closest = post(server, match=GOODBYE)

    assert (held.status, held.json["verified"], held.json["count"]) == (200, True, 1)
    assert held.json["requests"] == [0]
    assert (failed.status, failed.json["verified"]) == (406, False)
    assert closest.json["closest"][0] == {
        "id": 1,
        "failed": ['userMessage must contain "goodbye", and is "other"'],
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"times": 1}, '"match"'),
        ({"match": []}, '"match"'),
        ({"match": {}, "time": 1}, "times"),
        ({"match": {}, "outcome": "lost"}, "client_left"),
        ({"match": {}, "status": "200"}, "status"),
        ({"match": {"userMesage": "x"}}, "userMessage"),
        ({"match": {"userMessage": {"regex": "("}}}, "$.match.userMessage"),
        ({"match": {"sequenceIndex": 1}}, "$.match.sequenceIndex"),
        ({"match": {"endpoint": "image"}}, "endpoint"),
    ],
)
def test_what_makes_no_sense_is_refused(server: Server, body: dict[str, Any], told: str) -> None:
    reply = post(server, **body)

    assert reply.status == 400
    assert told in reply.body.decode().replace('\\"', '"')


def test_a_faulty_match_is_a_fixture_error(server: Server) -> None:
    with pytest.raises(FixtureError, match="userMessage"):
        server.verify({"userMesage": "x"})


def test_a_body_that_was_cut_is_judged_by_its_head_alone() -> None:
    with Server(FIXTURES, journal_body_bytes=10) as server:
        say(server, "hello", "hello", x_test_id="me")
        known = [
            server.verify({"session": "me", "model": MODEL, "operation": "converse"}, times=2),
            server.verify({"session": "you", "userMessage": "hello"}, times=0),
            server.verify({"userMessage": "hello"}, times={"atMost": 2}),
        ]
        with pytest.raises(
            AssertionError, match=r"2 requests cannot be judged.*kept 10 of \d+ byt"
        ):
            server.verify({"userMessage": "hello"}, times="never")
        with pytest.raises(AssertionError, match="cannot be judged"):
            server.verify({"userMessage": "hello"}, times=2)
        reply = post(server, match={"userMessage": "hello"})

    assert list(map(len, known)) == [2, 0, 0]
    assert (reply.status, reply.json["unknown"]) == (406, 2)


def test_a_secret_that_the_journal_does_not_keep_proves_nothing(server: Server) -> None:
    say(server, "hello", **{"x-api-key": "k1"})

    for key in ("k1", "k2"):
        with pytest.raises(AssertionError, match="does not keep what x-api-key says"):
            server.verify({"headers": {"x-api-key": key}}, times="never")


def test_what_calls_no_model_and_what_is_malformed_never_fits(server: Server) -> None:
    ask(server.url, "POST", CONVERSE, b"{")
    ask(server.url, "POST", CONVERSE, b"\xff")
    ask(server.url, "POST", "/model/m/nothing", b"{}")

    with pytest.raises(AssertionError, match=r"(?s)not valid JSON"):
        server.verify({})


MESSAGES: Final = [
    conversation(user("hello")),
    conversation(user("hello", "there"), system=[{"text": "be brief"}]),
    conversation(user("a"), assistant("b"), user("hello")),
    conversation(
        user("w"), calls("t1"), {"role": "user", "content": [result("t1", {"text": "r"})]}
    ),
    conversation(user("x"), toolConfig={"tools": [{"toolSpec": {"name": "calculator"}}]}),
]
CRITERIA: Final[list[dict[str, Any]]] = [
    {},
    {"user_message": contains("hello")},
    {"user_message": {"regex": "^h.*e$"}},
    {"system_message": [contains("brief")]},
    {"tool_call_id": {"equals": "t1"}},
    {"tool_result": contains("r")},
    {"has_tool_result": True},
    {"tool_name": {"equals": "calculator"}},
    {"model": {"model": "anthropic.claude-3-5-sonnet"}},
    {"operation": ["invoke"]},
    {"session": {"equals": "me"}},
    {"context": {"equals": "ctx"}},
]


@pytest.mark.parametrize("criteria", CRITERIA, ids=str)
def test_it_agrees_with_how_fixtures_are_matched(criteria: dict[str, Any]) -> None:
    rule = Rule(criteria=criteria, name="rule")
    made = engine([rule])
    headers = [{}, {"x-test-id": "me", "x-aimock-context": "ctx"}]
    answers = [ask_engine(made, body, headers=h) for body in MESSAGES for h in headers]

    assert [fits for _, fits, _ in made.verify(rule)] == [a.fixture is not None for a in answers]


def test_a_turn_is_the_requests_own() -> None:
    made = engine([Rule(criteria={}, name="rule")])
    for body in MESSAGES:
        ask_engine(made, body)
    judged = made.verify(Rule(criteria={"turn_index": 1}, name="second"))

    assert [fits for _, fits, _ in judged] == [False, False, True, True, False]
    assert judged[0][2] == ["turnIndex must be 1, and is 0"]


def test_the_plugin_verifies(bedrock: Server) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hello!"})
    bedrock.client().converse(
        modelId="any.model", messages=[{"role": "user", "content": [{"text": "hello"}]}]
    )

    assert [entry.operation for entry in bedrock.verify(times=1)] == ["converse"]
    with pytest.raises(AssertionError, match="Closest"):
        bedrock.verify(match=GOODBYE)


def test_dropped_requests_leave_an_upper_bound_undecided() -> None:
    with Server(FIXTURES, journal_entries=2) as server:
        say(server, "hello one", "hello two", "other")
        with pytest.raises(AssertionError, match="journal has dropped 1 request"):
            server.verify({"userMessage": "hello one"}, times="never")
        with pytest.raises(AssertionError, match="journal has dropped 1 request"):
            server.verify({"userMessage": "hello"}, times={"atMost": 1})
        assert len(server.verify({"userMessage": "hello"})) == 1
        assert server.verify({"userMessage": "hello"}, times={"atMost": 2})
        reply = post(server, match={"userMessage": "hello one"}, times="never")
        assert (reply.status, reply.json["evicted"]) == (406, 1)

        server.parts.engine.reset()
        assert server.verify({}, times="never") == []


def test_nothing_is_verified_without_a_journal() -> None:
    with Server(FIXTURES, journal_entries=0) as server:
        for times in ("never", {"atMost": 3}, 1, None):
            with pytest.raises(AssertionError, match="journal is off"):
                server.verify({}, times=times)
        reply = post(server, match={}, times="never")

    assert (reply.status, reply.json["evicted"]) == (406, None)

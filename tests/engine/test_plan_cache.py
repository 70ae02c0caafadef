"""Plans that an engine remembers: how many, for how long, and who waits while one is made."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest

from bedrock_frames._core import Engine, Plan, Plane
from tests.support.engine_requests import JSON, ask, conversation, engine, equals, rule, user
from tests.support.http_client import CONVERSE, Connection, asking, connect
from tests.support.http_client import ask as ask_server

KB: Final = 1000
LIMIT: Final = 20


class Sized:
    """Makes bodies of so many bytes, and counts how often."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.models: list[str] = []

    def __call__(self, *asked: Any) -> Plan:
        self.models.append(asked[3])
        return Plan(headers=JSON, frames=[b"x" * self.size], steps=[0])


def ask_all(made: Engine, models: str) -> None:
    for model in models:
        assert ask(made, conversation(user("go")), model=model).status == 200


def test_a_plan_above_the_bound_is_remembered_until_the_next_one() -> None:
    sized = Sized(300 * KB)
    made = engine([rule()], sized, max_plan_bytes=100 * KB)
    ask_all(made, "aaabbbaa")
    assert sized.models == ["a", "b", "a"]


def test_plans_share_one_bound_however_they_are_spread() -> None:
    sized = Sized(200 * KB)
    made = engine([rule()], sized, max_plan_bytes=1000 * KB)
    ask_all(made, "abcd" * 5)
    assert sized.models == [*"abcd"]


def test_plans_beyond_the_bound_are_forgotten() -> None:
    sized = Sized(200 * KB)
    made = engine([rule()], sized, max_plan_bytes=1000 * KB)
    ask_all(made, "abcdefgh")
    sized.models.clear()
    ask_all(made, "abcdefgh")
    assert len(sized.models) >= 4


def test_plans_that_left_with_their_rules_leave_room() -> None:
    sized = Sized(200 * KB)
    made = Engine(max_plan_bytes=1000 * KB)
    for _ in range(3):
        made.load([rule()], sized)
        ask_all(made, "abcd" * 2)
    assert sized.models == [*"abcd"] * 3


class Slow:
    """Makes the plan of the first fixture when it is let, and all others at once."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()
        self.made = 0

    def __call__(self, *asked: Any) -> Plan:
        fixture: int = asked[0]
        if fixture == 0:
            self.begun.set()
            assert self.open.wait(LIMIT)
            self.made += 1
        return Plan(headers=JSON, frames=[b'{"fixture":%d}' % fixture], steps=[0])


RULES: Final = [
    rule({"user_message": equals(text)} if text else {}) for text in ("slow", "cold", "")
]


@contextmanager
def slowly() -> Iterator[tuple[str, Slow]]:
    slow = Slow()
    serving = Plane(engine(RULES, slow), host="127.0.0.1")
    host, port = serving.addresses[0]
    try:
        yield f"http://{host}:{port}", slow
    finally:
        slow.open.set()
        serving.stop(0)


def waiting(url: str, count: int, stack: ExitStack) -> list[Connection]:
    """Return connections that wait for the slow plan: more than there are threads."""
    connections = [stack.enter_context(connect(url)) for _ in range(count)]
    for connection in connections:
        connection.send("POST", CONVERSE, asking("slow"))
    return connections


def large(text: str) -> Mapping[str, Any]:
    return {**asking(text), "system": [{"text": "x" * 400_000}]}


@pytest.mark.parametrize("body", [asking("warm"), large("warm")], ids=["small", "large"])
def test_a_warm_answer_does_not_wait_for_plans_that_are_made(body: Mapping[str, Any]) -> None:
    with slowly() as (url, slow), ExitStack() as stack:
        assert ask_server(url, "POST", CONVERSE, asking("warm")).json == {"fixture": 2}
        waiting(url, 40, stack)
        assert slow.begun.wait(LIMIT)
        assert ask_server(url, "POST", CONVERSE, body).json == {"fixture": 2}
        assert not slow.open.is_set()


def test_a_plan_does_not_wait_for_another_that_many_wait_for() -> None:
    with slowly() as (url, slow), ExitStack() as stack:
        waiting(url, 40, stack)
        assert slow.begun.wait(LIMIT)
        for body in (asking("cold"), large("cold but large")):
            assert ask_server(url, "POST", CONVERSE, body).status == 200


def test_a_plan_that_many_wait_for_is_made_once_for_all() -> None:
    with slowly() as (url, slow), ExitStack() as stack:
        connections = waiting(url, 40, stack)
        assert slow.begun.wait(LIMIT)
        slow.open.set()
        assert [each.reply().json for each in connections] == [{"fixture": 0}] * 40
        assert slow.made == 1


def test_threads_that_ask_for_the_same_plan_share_it() -> None:
    slow = Slow()
    made = engine(RULES, slow)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(ask(made, conversation(user("slow"))).body))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert slow.begun.wait(LIMIT)
    assert ask(made, conversation(user("cold"))).body == b'{"fixture":1}'
    slow.open.set()
    for thread in threads:
        thread.join(LIMIT)
    assert (answers, slow.made) == ([b'{"fixture":0}'] * 8, 1)


def test_a_plan_that_could_not_be_made_is_tried_again() -> None:
    def failing(*given: Any) -> Plan:
        given_up.append(given)
        raise ValueError("not now")

    given_up: list[Any] = []
    made = engine([rule()], failing)
    assert [ask(made, conversation(user("go"))).status for _ in range(2)] == [400, 400]
    assert len(given_up) == 2

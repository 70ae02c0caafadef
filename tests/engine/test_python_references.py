"""What an engine holds of Python is let go when it is done with it, whichever thread lets go."""

import gc
import sys
import threading
from collections.abc import Mapping

import pytest

from bedrock_frames._core import Engine, Plan
from bedrock_frames.fixtures import Request
from bedrock_frames.fixtures.compile.compiler import Compiler as FixtureCompiler
from bedrock_frames.server import Server
from tests.support.engine_requests import Compiler, ask, contains, conversation, engine, rule, user
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, asking
from tests.support.http_client import ask as ask_server
from tests.support.native_server import until

CYCLES = 20
GO = conversation(user("go"))


def live(kind: type) -> int:
    gc.collect()
    return sum(type(found) is kind for found in gc.get_objects())


class Kept(Compiler):
    """A compiler of this file alone."""


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "portable"])
def test_a_server_releases_replaced_fixtures(asgi: bool) -> None:
    others = live(FixtureCompiler)
    with Server(asgi=asgi) as server:
        for _ in range(CYCLES):
            server.parts.catalog.add([{"match": {}, "response": {"content": "hi"}}])
            for path in (CONVERSE, CONVERSE_STREAM):
                assert ask_server(server.url, "POST", path, asking("hi")).complete
            server.parts.catalog.drop_added()
        assert live(FixtureCompiler) == others + 1
    # The threads of a server that was left end a little later.
    del server
    assert until(lambda: live(FixtureCompiler) == others)


def test_rules_that_are_replaced_let_go_of_their_compiler() -> None:
    made = Engine()
    for _ in range(CYCLES):
        made.load([rule()], Kept())
        ask(made, GO)
    assert live(Kept) == 1
    del made
    assert live(Kept) == 0


def test_an_answer_that_is_never_finished_lets_go_of_its_compiler() -> None:
    made = engine([rule()], Kept())
    path = b"/model/m/converse"
    pending = made.begin("POST", path, [], b'{"messages":[]}', arrived=0.0)
    made.load([], Kept())
    assert live(Kept) == 2
    del pending
    assert live(Kept) == 1


def test_a_body_leaves_with_its_plan() -> None:
    made = engine([rule()])
    body = ask(made, GO).body
    made.load([], Kept())
    # This variable's, and the argument's.
    assert sys.getrefcount(body) == 2


def test_a_body_of_a_plan_that_was_never_kept_leaves_with_its_answer() -> None:
    made = engine([rule(dynamic=True)])
    answer = ask(made, GO)
    body = answer.body
    assert answer.body is body
    del answer
    assert sys.getrefcount(body) == 2


def test_a_compiler_that_fails_is_let_go_too() -> None:
    class Failing:
        def __call__(self, *given: object) -> Plan:
            raise ValueError(f"cannot answer {given}")

    made = Engine()
    for _ in range(CYCLES):
        made.load([rule()], Failing())
        assert ask(made, GO).status == 400
    made.load([], Kept())
    assert live(Failing) == 0


def test_a_load_while_requests_are_answered_neither_leaks_nor_hangs() -> None:
    made = engine([rule({"user_message": contains("go")})], Kept())
    ended = threading.Event()

    def asking_on() -> None:
        while not ended.is_set():
            ask(made, GO)

    threads = [threading.Thread(target=asking_on) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(CYCLES):
        made.load([rule({"user_message": contains("go")})], Kept())
    ended.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert live(Kept) == 1


def test_a_callable_is_let_go_with_its_fixture() -> None:
    class Answering:
        def __call__(self, request: Request) -> Mapping[str, object]:
            return {"content": request.user_message}

    with Server() as server:
        for _ in range(CYCLES):
            server.parts.catalog.add([{"match": {}, "response": Answering()}])
            assert ask_server(server.url, "POST", CONVERSE, asking("hi")).status == 200
            server.parts.catalog.drop_added()
        # The thread that made the last answer may still hold it.
        assert until(lambda: live(Answering) == 0)

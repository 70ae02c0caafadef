"""Fixtures that come and go while a server answers: what stays the same stays as it was."""

import json
from pathlib import Path
from typing import Any

import pytest

from bedrock_frames._core import Answer
from bedrock_frames.fixtures import load
from bedrock_frames.server import Server, create_app
from bedrock_frames.server.app import parts_of
from bedrock_frames.server.catalog import Catalog
from bedrock_frames.server.watch import reload
from tests.support.engine_requests import Compiler, ask, conversation, engine, equals, rule, user
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Reply, asking
from tests.support.http_client import ask as ask_server

Fixture = dict[str, Any]


def said(text: str, **match: object) -> Fixture:
    return {"match": {"userMessage": {"equals": text}, **match}, "response": {"content": text}}


def step(index: int) -> Fixture:
    found = said("go", sequenceIndex=index)
    found["response"]["content"] = f"step {index}"
    return found


def write(path: Path, fixtures: list[Fixture]) -> Path:
    path.write_text(json.dumps({"fixtures": fixtures}))
    return path


STEPS = [step(index) for index in range(4)]


def text(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    content: str = reply.json["output"]["message"]["content"][0]["text"]
    return content


def go(url: str, session: str = "one") -> str:
    headers = {"content-type": "application/json", "x-test-id": session}
    return text(ask_server(url, "POST", CONVERSE, asking("go"), headers))


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "portable"])
def test_sessions_keep_their_place_while_others_add_and_drop_fixtures(asgi: bool) -> None:
    with Server(STEPS, asgi=asgi) as server:
        catalog = server.parts.catalog
        assert go(server.url, "one") == "step 0"
        catalog.add([said("other")], first=True)
        assert (go(server.url, "one"), go(server.url, "two")) == ("step 1", "step 0")
        catalog.add([said("more")])
        assert go(server.url, "one") == "step 2"
        catalog.drop_added()
        assert (go(server.url, "one"), go(server.url, "two")) == ("step 3", "step 1")


def test_what_is_dropped_begins_again_when_it_is_added_again() -> None:
    with Server() as server:
        for _ in range(2):
            server.parts.catalog.add(STEPS)
            assert [go(server.url) for _ in range(2)] == ["step 0", "step 1"]
            server.parts.catalog.drop_added()


def test_an_edit_of_one_fixture_in_a_file_leaves_the_sequences_of_others(tmp_path: Path) -> None:
    path = write(tmp_path / "f.json", [*STEPS, {**said("other"), "description": "old"}])
    with Server(path) as server:
        assert go(server.url) == "step 0"
        write(path, [{**said("other"), "description": "new"}, *STEPS])
        assert reload(server.parts.catalog, [path])
        assert go(server.url) == "step 1"
        server.parts.engine.reset()
        assert go(server.url) == "step 0"


def catalog_and_bodies(fixtures: list[Fixture], **options: Any) -> tuple[Catalog, Any]:
    parts = parts_of(create_app(fixtures, **options))

    def answer(prompt: str, operation: str = "converse-stream") -> Answer:
        return ask(parts.engine, conversation(user(prompt)), operation=operation)

    return parts.catalog, answer


def test_plans_of_fixtures_that_stay_are_not_made_again() -> None:
    catalog, answer = catalog_and_bodies([said("a"), said("b")])
    first = answer("a").body
    catalog.add([said("c")], first=True)
    assert answer("a").body is first
    catalog.drop_added()
    assert answer("a").body is first


def test_a_plan_leaves_with_its_fixture_and_is_made_for_the_one_in_its_place(
    tmp_path: Path,
) -> None:
    catalog, answer = catalog_and_bodies([said("a")])
    assert b"longer" not in answer("a").body
    changed = said("a")
    changed["response"]["content"] = "longer"
    catalog.replace_files(load([write(tmp_path / "f.json", [changed])]))
    assert b"longer" in answer("a", "converse").body


WEIGHTED: Fixture = {
    "match": {"userMessage": {"equals": "draw"}},
    "responses": [{"weight": 1, "response": {"content": f"variant {n}"}} for n in range(8)],
    "streamingProfile": {"ttft": 1, "tps": 5000, "jitter": 0.5},
}


@pytest.mark.parametrize(
    "others", [[], [said("a")], [said("a"), said("b"), said("c")]], ids=lambda found: len(found)
)
def test_draws_are_of_the_fixture_and_not_of_its_place(others: list[Fixture]) -> None:
    def drawn(fixtures: list[Fixture]) -> list[tuple[bytes, list[tuple[float, int]]]]:
        _, answer = catalog_and_bodies(fixtures, seed=7)
        found = [answer("draw") for _ in range(10)]
        return [(each.body, list(each.writes)) for each in found]

    alone = drawn([WEIGHTED])
    assert drawn([*others, WEIGHTED]) == alone
    assert drawn([{**WEIGHTED, "name": "by another name"}]) == alone
    assert len({body for body, _ in alone}) > 2


def test_both_transports_draw_alike_after_a_fixture_was_added() -> None:
    replies = []
    for asgi in (False, True):
        with Server([WEIGHTED], asgi=asgi, seed=3) as server:
            server.parts.catalog.add([said("other")], first=True)
            each = [ask_server(server.url, "POST", CONVERSE_STREAM, asking("draw")) for _ in "abc"]
            replies.append([reply.body for reply in each])
    assert replies[0] == replies[1]


def rules() -> list[Any]:
    return [rule({"user_message": equals(name)}, identity=ord(name)) for name in "ab"]


def test_plans_are_kept_on_request_alone() -> None:
    first, second = Compiler(), Compiler()
    made = engine(rules(), first)
    ask(made, conversation(user("a")))
    made.load(rules()[::-1], second, keep_plans=True)
    assert ask(made, conversation(user("a"))).body == b"0/0"
    assert not second.asked
    made.load(rules(), second)
    ask(made, conversation(user("a")))
    assert len(second.asked) == 1


def test_rules_without_an_identity_have_no_plans_to_keep() -> None:
    other = Compiler()
    made = engine([rule()])
    ask(made, conversation(user("a")))
    made.load([rule()], other, keep_plans=True)
    ask(made, conversation(user("a")))
    assert len(other.asked) == 1


def test_a_plan_that_is_made_while_rules_are_replaced_is_of_its_own_rules() -> None:
    made = engine(rules(), Compiler())
    body = b'{"messages":[{"role":"user","content":[{"text":"a"}]}]}'
    pending: Any = made.begin("POST", b"/model/m/converse", [], body, arrived=0.0)
    second = Compiler()
    made.load(rules()[::-1], second)
    assert pending.finish().body == b"0/0"
    assert ask(made, body, model="m").body == b"1/0"


def test_an_identity_has_128_bits() -> None:
    assert rule(identity=2**128 - 1).identity == 2**128 - 1
    assert rule().identity is None
    with pytest.raises(OverflowError):
        rule(identity=2**128)


def test_unreachable_fixtures_are_reported_as_they_are_added(
    caplog: pytest.LogCaptureFixture,
) -> None:
    catalog, _ = catalog_and_bodies([said("a")])

    def told(text: str, *, first: bool = False) -> bool:
        caplog.clear()
        catalog.add([said(text)], first=first)
        return "never answers" in caplog.text

    assert [told("a"), told("b"), told("b"), told("c"), told("a")] == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert not told("d", first=True)
    assert told("d")
    catalog.drop_added()
    assert [told("d"), told("d"), told("a")] == [False, True, True]

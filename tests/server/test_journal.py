"""What the journal and the figures tell of answers: their fixtures, times and numbers; bounds."""

import select
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames._core import MAX_APP_BODIES_BYTES, Engine
from bedrock_frames.server import Server
from tests.support.engine_requests import Compiler, conversation, engine, rule, user
from tests.support.engine_requests import ask as ask_engine
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, ask, asking, connect
from tests.support.native_server import PATIENCE_S, until

PACED: Final = {"latency": 20}
FIXTURES: Final[list[dict[str, Any]]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": "Hello!"}},
    {
        "match": {"userMessage": "slowly"},
        "response": {"content": "a little at a time"},
        "timing": {"ttft_ms": 30, "gap_ms": 5},
    },
]
both = pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])


@pytest.fixture(params=["native", "asgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(FIXTURES, asgi=request.param == "asgi") as server:
        yield server


def responses(url: str) -> list[dict[str, Any]]:
    return [entry["response"] for entry in ask(url, "GET", "/__control/journal").json]


def test_an_entry_says_how_long_its_answer_took_and_how_late_it_was(server: Server) -> None:
    ask(server.url, "POST", CONVERSE, asking("hello"))
    ask(server.url, "POST", CONVERSE_STREAM, asking("slowly"))
    at_once, paced = responses(server.url)

    assert at_once["durationMs"] >= 0
    assert at_once["latenessMs"] is None
    assert paced["durationMs"] >= 30
    assert 0 <= paced["latenessMs"] < paced["durationMs"]


def test_an_entry_says_where_its_fixture_stood(server: Server) -> None:
    ask(server.url, "POST", CONVERSE, asking("slowly"))
    ask(server.url, "POST", CONVERSE, asking("what matches nothing"))
    server.parts.catalog.add([FIXTURES[0]], first=True)
    ask(server.url, "POST", CONVERSE, asking("slowly"))

    places = [(entry["place"], entry["fixture"]) for entry in responses(server.url)]
    assert places == [("<api> $.fixtures[1]", 1), (None, None), ("<api> $.fixtures[1]", 2)]


def test_the_place_in_a_file_is_its_path_and_the_fixtures(tmp_path: Path) -> None:
    path = tmp_path / "named.json"
    path.write_text(
        '{"fixtures": [{"name": "greets", "match": {}, "response": {"content": "Hi"}}]}'
    )
    with Server(path) as server:
        ask(server.url, "POST", CONVERSE, asking("hello"))
        (response,) = responses(server.url)

    assert response["place"] == f"{path} $.fixtures[0]"


def test_figures_count_by_model_and_by_fixture(server: Server) -> None:
    for model, text in (("m-1", "hello"), ("m-1", "nothing"), ("m-2", "hello")):
        ask(server.url, "POST", f"/model/{model}/converse", asking(text))
    shown = ask(server.url, "GET", "/metrics").body.decode().splitlines()

    assert 'bedrock_frames_model_calls_total{model="m-1"} 2.0' in shown
    assert 'bedrock_frames_model_calls_total{model="m-2"} 1.0' in shown
    assert 'bedrock_frames_fixture_answers_total{fixture="<api> $.fixtures[0]"} 2.0' in shown


def test_names_that_are_counted_are_bounded() -> None:
    rules = [rule({"user_message": {"equals": str(k)}}, place=f"f {k}") for k in range(1100)]
    made: Engine = engine(rules, Compiler())
    for k in range(1100):
        ask_engine(made, conversation(user(str(k))), model=f"m-{k % 150}-{'x' * 300}")

    assert len(made.models) == 101
    assert sum(made.models.values()) == 1100
    assert max(map(len, made.models)) <= 256
    assert (len(made.answered), made.answered["other"]) == (1001, 100)


def test_an_error_may_be_for_several_requests(server: Server) -> None:
    given = {"error": "AccessDeniedException", "message": "Not for you", "times": 2}
    assert ask(server.url, "POST", "/__control/error", given).json == {"queued": True}

    statuses = [ask(server.url, "POST", CONVERSE, asking("hello")).status for _ in range(3)]
    assert statuses == [403, 403, 200]


@pytest.mark.parametrize("times", [0, -1, 1001, True, "2", 1.0])
def test_how_many_errors_makes_sense(server: Server, times: Any) -> None:
    given = {"status": 500, "times": times}
    refused = ask(server.url, "POST", "/__control/error", given)

    assert refused.status == 400
    assert refused.json == {"error": '"times" is a whole number from 1 to 1000'}


def test_errors_that_would_be_too_many_are_refused_together(server: Server) -> None:
    def queue(times: int) -> int:
        given = {"error": "AccessDeniedException", "times": times}
        return ask(server.url, "POST", "/__control/error", given).status

    assert [queue(999), queue(2), queue(1), queue(1)] == [200, 400, 200, 400]


def test_the_plugin_gives_several_errors(bedrock: Server) -> None:
    bedrock.add(response={"content": "Hello!"})
    bedrock.next_error("ValidationException", "No", times=2)
    client = bedrock.client()

    for _ in range(2):
        with pytest.raises(client.exceptions.ValidationException):
            client.converse(modelId="m", messages=[])
    assert [request.status for request in bedrock.requests] == [400, 400]


@both
def test_bodies_for_the_control_api_are_bounded_together(asgi: bool) -> None:
    size = MAX_APP_BODIES_BYTES // 2
    head = f"POST /__control/fixtures HTTP/1.1\r\nhost: localhost\r\ncontent-length: {size}\r\n\r\n"
    small = {"fixtures": [{"match": {}, "response": {"content": "x"}}]}
    with Server(FIXTURES, asgi=asgi) as server:
        with ExitStack() as stack:
            connections = [stack.enter_context(connect(server.url)) for _ in range(3)]
            for connection in connections:
                connection.socket.sendall(head.encode())
                # One of them may be refused, and closed, while it sends.
                with suppress(OSError):
                    connection.send_until_closed(b" " * 1_000_000, size // 1_000_000 - 1)
            sockets = {connection.socket: connection for connection in connections}
            told, _, _ = select.select(list(sockets), [], [], PATIENCE_S)
            replies = [sockets[one].reply() for one in told]
        until(lambda: ask(server.url, "POST", "/__control/fixtures", small).status == 200)

    # The last of the second body may come while the third is being refused: then both are.
    assert 1 <= len(replies) <= 2
    assert all(reply.status == 503 for reply in replies)
    assert all("too much" in reply.json["message"] for reply in replies)

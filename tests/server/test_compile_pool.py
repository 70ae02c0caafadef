"""Answers that Python makes while streams keep their times, over whatever protocol they came."""

import json
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest

from bedrock_frames.fixtures import Request
from bedrock_frames.server import Server
from tests.support.http2_client import http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Reply, ask, asking, connect
from tests.support.native_server import CURL, needs_curl, paced, plane, until

TEXT: Final = "a little at a time"
LIMIT: Final = 20


class Gate:
    """A callable that answers when it is let."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, request: Request) -> Mapping[str, object]:
        self.begun.release()
        assert self.open.wait(LIMIT)
        return {"content": f"{request.user_message}!"}


@contextmanager
def gated(**options: Any) -> Iterator[tuple[Server, Gate]]:
    gate = Gate()
    slow: dict[str, object] = {"match": {"userMessage": "slow"}, "response": gate}
    with Server([slow, paced(TEXT, gap_ms=2)], **options) as server:
        try:
            yield server, gate
        finally:
            gate.open.set()


def is_served(server: Server) -> bool:
    return ask(server.url, "POST", CONVERSE_STREAM, asking(TEXT)).complete


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "portable"])
def test_streams_go_on_while_a_callable_takes_its_time(asgi: bool) -> None:
    with gated(asgi=asgi) as (server, gate), connect(server.url) as connection:
        connection.send("POST", CONVERSE, asking("slow"))
        assert gate.begun.acquire(timeout=LIMIT)
        assert all(is_served(server) for _ in range(3))

        gate.open.set()
        content = connection.reply().json["output"]["message"]["content"]
        assert content == [{"text": "slow!"}]


def test_callables_may_wait_for_one_another() -> None:
    here = threading.Barrier(4)

    def answer(request: Request) -> Mapping[str, object]:
        here.wait(LIMIT)
        return {"content": request.session}

    with Server([{"match": {}, "response": answer}]) as server:
        clients = [connect(server.url) for _ in range(4)]
        connections = [client.__enter__() for client in clients]
        for connection in connections:
            connection.send("POST", CONVERSE, asking("together"))
        assert [connection.reply().status for connection in connections] == [200] * 4
        for client in clients:
            client.__exit__(None, None, None)


def test_first_uses_of_other_fixtures_do_not_wait_for_callables() -> None:
    with gated() as (server, gate), ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(connect(server.url)).send("POST", CONVERSE, asking("slow"))
        # As many as there are threads for.
        for _ in range(16):
            assert gate.begun.acquire(timeout=LIMIT)
        assert is_served(server)
        # None of them was done meanwhile: the next would have begun.
        assert not gate.begun.acquire(blocking=False)


def curl_slowly(url: str, *options: str) -> subprocess.Popen[bytes]:
    body = '{"messages":[{"role":"user","content":[{"text":"slow"}]}]}'
    return subprocess.Popen(
        [CURL, "-sS", *options, "-d", body, url + CONVERSE], stdout=subprocess.PIPE
    )


@needs_curl
def test_it_is_the_same_over_http_2() -> None:
    with (
        gated() as (server, gate),
        curl_slowly(server.url, "--http2-prior-knowledge") as waiting,
    ):
        assert gate.begun.acquire(timeout=LIMIT)
        assert is_served(server)
        gate.open.set()
        answer = waiting.communicate(timeout=LIMIT)[0]

    assert b'"slow!"' in answer


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "portable"])
def test_a_client_that_leaves_while_its_answer_is_made_has_left(asgi: bool) -> None:
    with gated(asgi=asgi) as (server, gate):
        with connect(server.url) as leaving:
            leaving.send("POST", CONVERSE, asking("slow"))
            assert gate.begun.acquire(timeout=LIMIT)
        gate.open.set()
        until(lambda: outcomes(server) == ["client_left"])


@needs_curl
def test_a_client_that_leaves_over_http_2_has_left() -> None:
    with gated() as (server, gate):
        with curl_slowly(server.url, "--http2-prior-knowledge") as leaving:
            assert gate.begun.acquire(timeout=LIMIT)
            leaving.kill()
        gate.open.set()
        until(lambda: outcomes(server) == ["client_left"])


def outcomes(server: Server) -> list[str]:
    return [entry.outcome for entry in server.parts.engine.journal()[1]]


@pytest.mark.parametrize("version", ["h1", "chunked", "h2"])
def test_large_requests_are_answered_as_small_ones_are(version: str) -> None:
    """They are read elsewhere, so that no stream waits for it."""
    given: list[Any] = [
        {"match": {"userMessage": "the end of a plain one"}, "response": {"content": "plain"}},
        {
            "match": {"userMessage": "the end of a long one"},
            "response": {"content": "turn {{turn}}", "template": True},
        },
    ]
    ends = ["the end of a plain one", "the end of a long one", "another end"]
    bodies = [asking("x" * length + end) for length in (10, 131_072, 1_000_000) for end in ends]
    with Server(given) as server:
        replies = list(all_asked(server.url, version, bodies))
        journal = ask(server.url, "GET", "/__control/journal").json

    texts = [b"plain", b"turn 0", b"No fixture matched"]
    assert [reply.status for reply in replies] == [200, 200, 404] * 3
    assert all(text in reply.body for text, reply in zip(texts * 3, replies, strict=True))
    assert [entry["bodyBytes"] for entry in journal] == [len(json.dumps(body)) for body in bodies]


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_who_streams_does_not_read_large_requests(version: str) -> None:
    gate = Gate()
    given: list[Any] = [
        {"match": {"userMessage": "slow"}, "response": gate},
        {"match": {"userMessage": "plain"}, "response": {"content": "plain"}},
    ]
    small = asking("plain")
    large = {**small, "system": [{"text": "x" * 200_000}]}
    with plane(given, max_making=1) as (url, _), connect(url) as waiting:
        assert ask(url, "POST", CONVERSE, small).status == 200
        waiting.send("POST", CONVERSE, asking("slow"))
        assert gate.begun.acquire(timeout=LIMIT)
        # Nobody else is there who makes answers; a plan that is there needs none of them.
        of_small, of_large = all_asked(url, version, [small, large])
        assert (of_small.status, of_large.status) == (200, 503)
        assert b"makes 1 answers at a time" in of_large.body

        gate.open.set()
        assert waiting.reply().status == 200
        until(lambda: ask(url, "POST", CONVERSE, large).status == 200)


def all_asked(url: str, version: str, bodies: list[dict[str, Any]]) -> Iterator[Reply]:
    """Ask one after the other on one connection; over HTTP/1.1 without waiting for answers."""
    sent = [json.dumps(body) for body in bodies]
    if version == "h2":
        with http2(url) as two:
            for body in sent:
                stream = two.open(CONVERSE)
                two.send_body(stream, body.encode())
                yield two.reply(stream)
        return
    if version == "chunked":
        framed = [
            f"transfer-encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n"
            for body in sent
        ]
    else:
        framed = [f"content-length: {len(body)}\r\n\r\n{body}" for body in sent]
    requests = "".join(f"POST {CONVERSE} HTTP/1.1\r\nhost: t\r\n{rest}" for rest in framed)
    with connect(url) as one:
        sending = threading.Thread(target=one.socket.sendall, args=(requests.encode(),))
        sending.start()
        for _ in bodies:
            yield one.reply()
        sending.join()


def test_first_uses_of_many_fixtures_at_once_are_all_answered() -> None:
    """A load test may begin with thousands of requests that nothing has compiled yet."""
    count = 200
    given: list[Any] = [
        {"match": {"userMessage": f"<{at}>"}, "response": {"content": f"{at}"}}
        for at in range(count)
    ]
    with Server(given) as server:
        clients = [connect(server.url) for _ in range(count)]
        connections = [client.__enter__() for client in clients]
        for at, connection in enumerate(connections):
            connection.send("POST", CONVERSE, asking(f"<{at}>"))
        replies = [connection.reply() for connection in connections]
        for client in clients:
            client.__exit__(None, None, None)

    said = [reply.json["output"]["message"]["content"][0]["text"] for reply in replies]
    assert said == [str(at) for at in range(count)]

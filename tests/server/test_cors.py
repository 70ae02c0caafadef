"""``cors``: pages of one origin may ask Bedrock's paths from a browser."""

from typing import Final

import pytest

from bedrock_frames.server import Server, create_app
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, asking, connect

ORIGIN: Final = "http://localhost:3000"
FIXTURES: Final = [{"match": {"userMessage": "hello"}, "response": {"content": "Hello!"}}]
PREFLIGHT: Final = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-amz-date",
}
both = pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])


@both
def test_a_preflight_allows_what_an_sdk_sends(asgi: bool) -> None:
    with Server(FIXTURES, asgi=asgi, cors=ORIGIN) as server, connect(server.url) as connection:
        reply = connection.ask("OPTIONS", CONVERSE, headers=PREFLIGHT)
        journal = connection.ask("GET", "/__control/journal").json

    allowed = reply.headers["access-control-allow-headers"].replace(" ", "").lower()
    assert reply.status == 200
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert {"authorization", "content-type", "x-amz-date"} <= set(allowed.split(","))
    assert journal == []


@both
@pytest.mark.parametrize("origin", [ORIGIN, "*"])
@pytest.mark.parametrize("path", [CONVERSE, CONVERSE_STREAM, "/model/m/no-such-operation"])
def test_answers_and_errors_may_be_read_by_the_page(asgi: bool, origin: str, path: str) -> None:
    with Server(FIXTURES, asgi=asgi, cors=origin) as server, connect(server.url) as connection:
        replies = [
            connection.ask("POST", path, asking(text), {"origin": ORIGIN})
            for text in ("hello", "what matches nothing")
        ]

    assert {reply.headers["access-control-allow-origin"] for reply in replies} == {origin}
    assert {reply.headers["access-control-expose-headers"] for reply in replies} == {"*"}
    assert all("vary" in reply.headers for reply in replies if origin != "*")


@both
def test_a_preflight_of_another_origin_is_refused(asgi: bool) -> None:
    with Server(FIXTURES, asgi=asgi, cors=ORIGIN) as server, connect(server.url) as connection:
        headers = {**PREFLIGHT, "origin": "https://evil.example"}
        reply = connection.ask("OPTIONS", CONVERSE, headers=headers)

    assert reply.status == 400
    assert "access-control-allow-origin" not in reply.headers


@both
def test_the_control_api_stays_closed_to_pages(asgi: bool) -> None:
    with Server(FIXTURES, asgi=asgi, cors=ORIGIN) as server, connect(server.url) as connection:
        replies = [
            connection.ask("OPTIONS", "/__control/fixtures", headers=PREFLIGHT),
            connection.ask("GET", "/__control/journal", headers={"origin": ORIGIN}),
        ]

    assert [reply.status for reply in replies] == [403, 403]


@both
def test_without_it_no_answer_has_its_headers(asgi: bool) -> None:
    with Server(FIXTURES, asgi=asgi) as server, connect(server.url) as connection:
        preflight = connection.ask("OPTIONS", CONVERSE, headers=PREFLIGHT)
        answer = connection.ask("POST", CONVERSE, asking("hello"), {"origin": ORIGIN})

    assert (preflight.status, answer.status) == (405, 200)
    assert "access-control-allow-origin" not in {*preflight.headers, *answer.headers}


@pytest.mark.parametrize("origin", ["", "example.com", "https://example.com/", "null", "a\r\nb"])
def test_what_is_not_an_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="cors is an origin as browsers send it"):
        create_app(cors=origin)

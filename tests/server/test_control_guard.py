"""The control API is for programs: what a web page can make a browser send is refused."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette

from bedrock_frames.server import Place, Server, create_app, serve
from tests.support.http_client import CONVERSE, JSON, Reply, asking, connect

HELLO: Final = {"match": {}, "response": {"content": "ours"}}
THEIRS: Final = {"fixtures": [{"match": {}, "response": {"content": "theirs"}}]}
TOKEN: Final = "a-token-of-tests"  # noqa: S105
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104


@pytest.fixture(params=["native", "asgi"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server([HELLO], asgi=request.param == "asgi") as server:
        yield server


def send(
    url: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] = JSON
) -> Reply:
    """Ask with exactly these headers; ``host`` among them takes the place of the right one."""
    stated = {"host": urlsplit(url).netloc, **headers}
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"content-length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in stated.items()]
    with connect(url) as connection:
        connection.socket.sendall("\r\n".join([*lines, "", ""]).encode() + data)
        return connection.reply()


FOREIGN: Final[dict[str, dict[str, str]]] = {
    "another origin": {"origin": "https://evil.example"},
    "a sandboxed page": {"origin": "null"},
    "another port of this machine": {"origin": "http://127.0.0.1:1"},
    "another site, without an origin": {"sec-fetch-site": "cross-site"},
    "another port, without an origin": {"sec-fetch-site": "same-site"},
    "a name that was bound anew": {"host": "evil.example:4010"},
    "a name that looks like an address": {"host": "127.0.0.1.evil.example"},
    "a name before an at": {"host": "localhost@evil.example"},
    "a single label": {"host": "intranet"},
}


@pytest.mark.parametrize("root", ["/__control", "/__aimock"])
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_what_comes_from_a_web_page_is_refused(
    server: Server, foreign: dict[str, str], root: str
) -> None:
    simple = {"content-type": "text/plain", **foreign}
    refused = [
        send(server.url, "POST", f"{root}/fixtures?position=first", THEIRS, simple),
        send(server.url, "GET", f"{root}/journal", headers=foreign),
        send(server.url, "DELETE", f"{root}/fixtures", headers=foreign),
        send(server.url, "POST", f"{root}/reset", headers=foreign),
        send(server.url, "POST", f"{root}/error", {"status": 500}, simple),
        send(server.url, "OPTIONS", f"{root}/fixtures", headers=foreign),
        send(server.url, "GET", f"{root}/no-such-route", headers=foreign),
    ]
    answer = send(server.url, "POST", CONVERSE, asking("hello"))

    assert [(reply.status, list(reply.json)) for reply in refused] == [(403, ["error"])] * 7
    assert not any("access-control-allow-origin" in reply.headers for reply in refused)
    assert answer.json["output"]["message"]["content"] == [{"text": "ours"}]


def test_a_refusal_says_what_is_allowed(server: Server) -> None:
    def reason(**headers: str) -> str:
        error: str = send(server.url, "GET", "/__control/journal", headers=headers).json["error"]
        return error

    assert "Host 'evil.example' is not a name of this server; allowed are an IP address" in reason(
        host="evil.example"
    )
    assert "Origin 'https://evil.example' is not this server" in reason(
        origin="https://evil.example"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:4010"},
        {"host": "LOCALHOST."},
        {"host": "[::1]:4010"},
        {"host": "192.0.2.7"},
        {"sec-fetch-site": "none"},
        {"host": "localhost:4010", "origin": "http://localhost:4010"},
        {"host": "localhost", "origin": "https://localhost", "sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
def test_programs_and_pages_of_the_server_itself_are_answered(
    server: Server, headers: dict[str, str]
) -> None:
    assert send(server.url, "GET", "/__control/journal", headers=headers).status == 200


def test_two_host_headers_are_refused() -> None:
    with Server([HELLO]) as server, connect(server.url) as connection:
        head = "GET /__control/journal HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n"
        connection.socket.sendall(head.encode())

        assert connection.reply().status == 400


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_probes_and_metrics_are_open_under_any_name(server: Server, path: str) -> None:
    reply = send(server.url, "GET", path, headers={"host": "bedrock-frames.tests.svc"})

    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers


def test_answers_of_bedrock_are_open_under_any_name(server: Server) -> None:
    headers = {"host": "bedrock-frames.tests.svc"}

    assert send(server.url, "POST", CONVERSE, asking("hello"), headers).status == 200


@pytest.mark.parametrize("asgi", [False, True])
def test_a_name_may_be_allowed(asgi: bool) -> None:
    with Server([HELLO], asgi=asgi, control_hosts=["Mock.Internal"]) as server:
        reply = send(server.url, "GET", "/__control/journal", headers={"host": "mock.internal:80"})

    assert reply.status == 200


@pytest.mark.parametrize("asgi", [False, True])
def test_with_a_token_it_decides_and_nothing_else(asgi: bool) -> None:
    with Server([HELLO], asgi=asgi, control_token=TOKEN) as server:

        def status(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return send(server.url, "GET", "/__control/journal", headers=named).status

        given = [
            status(authorization=f"Bearer {TOKEN}"),
            status(authorization=f"bearer {TOKEN}", host="mock"),
            status(x_control_token=TOKEN),
        ]
        refused = [
            status(),
            status(authorization="Bearer another"),
            status(authorization=f"Basic {TOKEN}"),
            status(x_control_token=f"{TOKEN}x"),
            status(**{"x-control-token": "\xff"}),
        ]
        asked = send(server.url, "GET", "/__control/journal")

        assert given == [200] * 3
        assert refused == [401] * 5
        assert asked.headers["www-authenticate"] == "Bearer"
        assert "Bearer TOKEN" in asked.json["error"]
        assert send(server.url, "POST", CONVERSE, asking("hello")).status == 200


@pytest.mark.parametrize("asgi", [False, True])
def test_without_a_control_api_its_paths_are_refused(asgi: bool) -> None:
    with Server([HELLO], asgi=asgi, control=False) as server:
        reply = send(server.url, "POST", "/__control/fixtures", THEIRS)
        ready = send(server.url, "GET", "/ready")

    assert (reply.status, ready.status) == (403, 200)
    assert "--no-control" in reply.json["error"]


def test_an_address_of_other_machines_needs_a_token_or_no_control() -> None:
    said = "'0.0.0.0' is not a loopback address, and needs control_token"
    with pytest.raises(ValueError, match=said):
        Server([HELLO], host=ANY_ADDRESS)
    with pytest.raises(ValueError, match=said):
        serve(create_app([HELLO]), Place(host=ANY_ADDRESS), asgi=True)
    with pytest.raises(ValueError, match=said):
        serve(create_app([HELLO]), Place(host=ANY_ADDRESS))
    for options in ({"control_token": TOKEN}, {"control": False}):
        with Server([HELLO], host=ANY_ADDRESS, **options) as server:
            assert send(server.url, "GET", "/health").status == 200


def test_an_empty_host_is_all_addresses() -> None:
    with pytest.raises(ValueError, match="'' is not a loopback address"):
        Server([HELLO], host="", asgi=True)


def test_names_are_not_taken_apart_into_letters() -> None:
    with pytest.raises(ValueError, match="control_hosts"):
        Server([HELLO], control_hosts="mock.test")


@pytest.mark.parametrize("token", ["", "with space", "\u00e4", "x" * 513])
def test_a_token_that_cannot_stand_in_a_header_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="control_token is 1 to 512 visible ASCII characters"):
        create_app(control_token=token)


def test_one_text_is_not_a_list_of_hosts() -> None:
    with pytest.raises(ValueError, match="control_hosts is a list of host names"):
        create_app(control_hosts="mock")


@pytest.mark.parametrize(
    ("client", "status"),
    [
        (("127.0.0.1", 1), 200),
        (("::1", 1), 200),
        (("::ffff:127.0.0.1", 1), 200),
        (("testclient", 1), 200),
        (None, 200),
        (("192.0.2.7", 1), 403),
        (("::ffff:192.0.2.7", 1), 403),
        (("fe80::1%eth0", 1), 403),
    ],
)
def test_clients_of_other_machines_need_a_token_under_any_host(
    client: tuple[str, int] | None, status: int
) -> None:
    assert asyncio.run(_journal_status(create_app([HELLO]), client)) == status
    guarded = create_app([HELLO], control_token=TOKEN)
    assert asyncio.run(_journal_status(guarded, client)) == 401
    assert asyncio.run(_journal_status(guarded, client, token=TOKEN)) == 200


async def _journal_status(
    app: Starlette, client: tuple[str, int] | None, token: str | None = None
) -> int:
    """Ask an app for its journal as an ASGI host does; return the status."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/__control/journal",
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1"),
            *([(b"x-control-token", token.encode())] if token else []),
        ],
        "client": client,
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send_message(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send_message)
    status: int = sent[0]["status"]
    return status

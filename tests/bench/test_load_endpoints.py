"""The load generator against our own server: every operation, every protocol."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames.server import NativeServer, Place, create_app
from tests.support.load_runs import drive, http, sending, server

TEXT: Final = "Hello to everyone who reads this."
TOOL: Final[Any] = {
    "match": {"userMessage": "add", "hasToolResult": False},
    "response": {"toolCalls": [{"name": "add", "arguments": {"a": 1}}]},
}
HELLO: Final[Any] = {"match": {}, "response": {"content": TEXT}}
CLAUDE: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"
USERS: Final = {"kind": "closed", "concurrency": 5}


def asking(text: str) -> str:
    return json.dumps({"messages": [{"role": "user", "content": [{"text": text}]}]})


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    with NativeServer(create_app([TOOL, HELLO]), Place()) as running:
        yield running.url


@pytest.fixture(scope="module")
def certified() -> Iterator[tuple[str, Path]]:
    with NativeServer(create_app([HELLO]), Place(tls=True)) as running:
        assert running.certificate is not None
        yield running.url, running.certificate


@pytest.mark.parametrize("version", ["h1", "h2"])
@pytest.mark.parametrize("model", [CLAUDE, "amazon.nova-lite-v1:0", "amazon.titan-text-lite-v1"])
@pytest.mark.parametrize("operation", ["converse-stream", "converse", "invoke-stream", "invoke"])
def test_right_answers_complete(plain: str, operation: str, model: str, version: str) -> None:
    found = drive(
        plain,
        operation=operation,
        model=model,
        http=version,
        arrivals=USERS,
        requests=20,
        bodies=[
            '{"inputText":"hello"}' if "titan" in model and "invoke" in operation else asking("x")
        ],
    )

    assert found["errors"] == {}
    assert found["requests"]["completed"] == 20
    assert found["totals"]["output_tokens"] > 0
    assert (found["totals"]["frames"] > 0) is ("stream" in operation)
    assert found["metrics"]["ttft_ms"]["count"] == (20 if "stream" in operation else 0)


@pytest.mark.parametrize("operation", ["converse-stream", "converse"])
def test_the_text_is_what_the_fixture_says(plain: str, operation: str) -> None:
    right = drive(plain, model=CLAUDE, operation=operation, requests=3, expect_text=TEXT)
    wrong = drive(plain, model=CLAUDE, operation=operation, requests=3, expect_text=TEXT[:-1])

    assert right["requests"]["completed"] == 3
    assert wrong["errors"] == {"mismatch": 3}


@pytest.mark.parametrize("operation", ["converse-stream", "converse"])
def test_an_agent_s_turns_are_played_to_the_end(plain: str, operation: str) -> None:
    found = drive(
        plain, model=CLAUDE, operation=operation, requests=4, bodies=[asking("add")], sessions={}
    )

    assert found["stop_reasons"] == {"tool_use": 4, "end_turn": 4}
    assert found["rates"]["requested_sessions_per_s"] is None
    assert found["rates"]["requests_per_s"] == 2 * found["rates"]["sessions_per_s"] > 0


@pytest.mark.parametrize(("text", "ends"), [("add", True), ("add it and wait", False)])
def test_a_rate_of_sessions_is_kept_by_those_that_come_to_their_end(text: str, ends: bool) -> None:
    never = {
        "match": {"userMessage": "add it and wait", "hasToolResult": True},
        "response": HELLO["response"],
        "timing": {"ttft_ms": 3_600_000},
    }
    with NativeServer(create_app([never, TOOL, HELLO]), Place(), drain_timeout=0) as running:
        found = drive(
            running.url,
            arrivals={"kind": "constant", "rate": 20},
            duration_s=1,
            grace_s=0.1,
            bodies=[asking(text)],
            sessions={},
        )

    rates = found["rates"]
    assert rates["requested_requests_per_s"] is None
    assert rates["requested_sessions_per_s"] == pytest.approx(20)
    assert (rates["sessions_per_s"] > 0) is ends
    assert rates["requests_per_s"] > rates["sessions_per_s"]


@pytest.mark.parametrize("version", ["h1", "h2", "auto"])
def test_tls_is_spoken_to_whom_it_trusts(certified: tuple[str, Path], version: str) -> None:
    url, certificate = certified
    options: dict[str, Any] = {"model": CLAUDE, "http": version, "requests": 10, "arrivals": USERS}
    trusting = drive(url, tls={"ca_file": str(certificate)}, **options)
    careless = drive(url, tls={"insecure": True}, **options)
    careful = drive(url, **options)

    assert trusting["requests"]["completed"] == careless["requests"]["completed"] == 10
    assert careful["errors"] == {"tls": 10}
    assert "certificate" in careful["error_samples"]["tls"]
    assert (trusting["audit"]["connections_opened"] == 1) is (version != "h1")


def test_requests_of_http_2_share_connections(plain: str) -> None:
    users = {"kind": "closed", "concurrency": 250}
    found = drive(plain, model=CLAUDE, http="h2", arrivals=users, requests=500)

    assert found["requests"]["completed"] == 500
    assert found["audit"]["connections_opened"] <= 3


def test_http_2_is_not_spoken_by_everyone() -> None:
    with server(sending(http(b"{}"))) as url:
        found = drive(url, http="h2", requests=2, timeout_s=5)

    assert found["requests"]["completed"] == 0
    assert found["requests"]["failed"] == 2

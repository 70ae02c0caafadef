"""The server's timing, changed while it runs."""

from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, ask, asking

HELLO: Final = {"match": {}, "response": {"content": "hello"}}
PATH: Final = "/__control/timing"


def told(url: str) -> Any:
    return ask(url, "POST", CONVERSE, asking("hi"), {}).json["metrics"]["latencyMs"]


def test_a_timing_is_shown_changed_and_reset() -> None:
    with Server([HELLO], timing={"ttft_ms": 20, "gap_ms": 0}) as server:
        url = server.url
        assert told(url) == 20
        assert ask(url, "GET", PATH).json == {"timing": {"ttft_ms": 20, "gap_ms": 0}}

        changed = ask(url, "PUT", PATH, {"timing": {"ttft": {"dist": "fixed", "ms": 35}}})
        assert changed.status == 200
        assert changed.json["timing"]["ttft"] == {"dist": "fixed", "ms": 35.0}
        assert told(url) == 35

        assert ask(url, "PUT", PATH, {"timing": None}).json == {"timing": None}
        assert told(url) == 1

        ask(url, "POST", "/__control/reset")
        assert told(url) == 20


def test_a_profile_is_a_timing() -> None:
    with Server([HELLO]) as server:
        reply = ask(server.url, "PUT", PATH, {"timing": "profile:nova-micro"})
        assert reply.json["timing"]["gap"]["dist"] == "gamma"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", 'Missing "timing"'),
        ({"timing": {"ttft": {"dist": "gamma"}}}, "ttft.mean_ms is required"),
        ({"timing": "profile:none"}, "no profile is named"),
        ({"timing": 5}, "must be an object"),
        ({"timings": None}, "unknown key"),
    ],
)
def test_a_timing_that_makes_no_sense_changes_nothing(body: Any, message: str) -> None:
    with Server([HELLO], timing={"ttft_ms": 20, "gap_ms": 0}) as server:
        reply = ask(server.url, "PUT", PATH, body)

        assert reply.status == 400
        assert message in str(reply.json)
        assert told(server.url) == 20

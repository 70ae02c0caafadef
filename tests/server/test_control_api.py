"""The control API and the figures: what people and test harnesses ask a running server."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, MODEL, Reply, ask, asking

HELLO: Final = {"match": {"userMessage": "hello"}, "response": {"content": "from a file"}}
ADDED: Final = {"match": {"userMessage": "hello"}, "response": {"content": "added"}}
OTHER: Final = {"match": {"userMessage": "other"}, "response": {"content": "another"}}


@pytest.fixture
def url() -> Iterator[str]:
    with Server([HELLO]) as server:
        yield server.url


def said(url: str, text: str, headers: dict[str, str] | None = None) -> str | int:
    """Return the text that Converse answers, or the status of its refusal."""
    reply = ask(url, "POST", CONVERSE, asking(text), headers or {})
    if reply.status != 200:
        return reply.status
    answer: str = reply.json["output"]["message"]["content"][0]["text"]
    return answer


def post(url: str, path: str, body: Any = None) -> Reply:
    return ask(url, "POST", path, body)


@pytest.mark.parametrize(
    "path", ["/health", "/ready", "/__control/health", "/__control/ready", "/__aimock/health"]
)
def test_a_running_server_is_well(url: str, path: str) -> None:
    reply = ask(url, "GET", path)

    assert reply.status == 200
    assert reply.json["status"] in ("ok", "ready")


def test_fixtures_are_listed_in_order(url: str) -> None:
    post(url, "/__control/fixtures", {"fixtures": [OTHER]})
    listed = ask(url, "GET", "/__control/fixtures").json

    assert listed["count"] == 2
    assert [f["match"]["userMessage"] for f in listed["fixtures"]] == ["hello", "other"]


@pytest.mark.parametrize("root", ["/__control", "/__aimock"])
def test_added_fixtures_answer_behind_those_of_files(url: str, root: str) -> None:
    reply = post(url, f"{root}/fixtures", {"fixtures": [ADDED, OTHER]})

    assert (reply.status, reply.json) == (200, {"added": 2})
    assert said(url, "hello") == "from a file"
    assert said(url, "other") == "another"


def test_fixtures_may_be_added_to_the_front(url: str) -> None:
    post(url, "/__control/fixtures?position=first", {"fixtures": [ADDED]})

    assert said(url, "hello") == "added"


def test_faulty_fixtures_are_refused_with_all_their_faults_and_none_is_added(url: str) -> None:
    faulty = {"match": {"userMesage": "typo"}, "response": {"toolCalls": 3}}
    reply = post(url, "/__control/fixtures", {"fixtures": [OTHER, faulty]})
    details = reply.json["details"]

    assert reply.status == 400
    assert reply.json["error"] == "Validation failed"
    assert any("userMessage" in fault["message"] for fault in details)
    assert all(fault["path"].startswith("$") for fault in details)
    assert len([f for f in details if f["severity"] == "error"]) >= 2
    assert said(url, "other") == 404


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"{not json", "Invalid JSON"),
        (b"[]", "object"),
        (b"[" * 100_000, "Invalid JSON"),
        (b'{"fixtures": 1}', "fixtures"),
        (b"{}", "fixtures"),
        (b'{"fixtures": [1, null]}', "Validation failed"),
        (b'{"fixtures": [{"match": {"userMessage": "\\ud800"}, "response": {}}]}', "Validation"),
    ],
)
def test_anything_but_a_list_of_fixtures_is_refused(url: str, body: bytes, part: str) -> None:
    reply = ask(url, "POST", "/__control/fixtures", body)

    assert reply.status == 400
    assert part in reply.json["error"]


def test_delete_drops_all_fixtures(url: str) -> None:
    assert ask(url, "DELETE", "/__control/fixtures").json == {"cleared": True}
    assert said(url, "hello") == 404


def test_reset_keeps_what_came_from_files(url: str) -> None:
    post(url, "/__control/fixtures", {"fixtures": [OTHER]})
    said(url, "hello")

    assert post(url, "/__control/reset").json == {"reset": True}
    assert ask(url, "GET", "/__control/journal").json == []
    assert (said(url, "hello"), said(url, "other")) == ("from a file", 404)


@pytest.mark.parametrize("path", ["/__aimock/reset", "/__aimock/reset/fixtures"])
def test_the_alias_resets_everything(url: str, path: str) -> None:
    assert post(url, path).json == {"reset": True}
    assert said(url, "hello") == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/__control/fixtures"), ("POST", "/__aimock/reset")],
)
def test_reset_brings_back_what_was_dropped_of_files(url: str, method: str, path: str) -> None:
    ask(url, method, path)
    post(url, "/__control/fixtures", {"fixtures": [OTHER]})
    assert (said(url, "hello"), said(url, "other")) == (404, "another")

    post(url, "/__control/reset")
    assert (said(url, "hello"), said(url, "other")) == ("from a file", 404)


def test_what_is_added_and_never_answers_is_logged(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    post(url, "/__control/fixtures?position=first", {"fixtures": [ADDED]})
    assert caplog.records == []
    post(url, "/__control/fixtures", {"fixtures": [OTHER, ADDED]})

    (message,) = [record.message for record in caplog.records if "never" in record.message]
    assert message.startswith("<api>: $.fixtures[1].match: never answers: ")


@pytest.mark.parametrize(
    ("path", "body", "part"),
    [
        ("/__control/error", {"error": "ThrottlingException", "retryAfter": 3}, '"retryAfter"'),
        ("/__control/error", {"eror": "ThrottlingException"}, 'did you mean "error"'),
        ("/__aimock/error", {"status": 429, "mesage": "x"}, 'did you mean "message"'),
        ("/__control/fixtures", {"fixtures": [OTHER], "position": "first"}, '"position"'),
    ],
)
def test_keys_that_mean_nothing_are_refused(
    url: str, path: str, body: dict[str, Any], part: str
) -> None:
    reply = post(url, path, body)

    assert reply.status == 400
    assert part in reply.json["error"]
    assert (said(url, "hello"), said(url, "other")) == ("from a file", 404)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"fixtures": [], "fixtures": []}', 'the key "fixtures" stands twice in one object'),
        (
            '{"fixtures": [{"match": {"model": "a", "model": "b"}, "response": {"content": "c"}}]}',
            'the key "model" stands twice in one object',
        ),
        ('{"fixtures": [1e999]}', "the number 1e999 is out of range"),
        ('{"fixtures": [NaN]}', "NaN is not a JSON number"),
        ('{"fixtures": [' + "9" * 5000 + "]}", "a number has 5,000 digits"),
        ("[" * 100_000, "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
    ],
)
def test_json_that_would_lose_something_is_refused(url: str, body: str | bytes, why: str) -> None:
    data = body.encode() if isinstance(body, str) else body
    reply = ask(url, "POST", "/__control/fixtures", data)

    assert (reply.status, why in reply.json["error"]) == (400, True)


def test_sequences_can_be_reset(url: str) -> None:
    steps = [
        {"match": {"userMessage": "next", "sequenceIndex": k}, "response": {"content": str(k)}}
        for k in range(2)
    ]
    post(url, "/__control/fixtures", {"fixtures": steps})
    before = [said(url, "next") for _ in range(3)]
    post(url, "/__control/reset/sequences")

    assert before == ["0", "1", 404]
    assert said(url, "next") == "0"
    assert len(ask(url, "GET", "/__control/journal").json) == 4


def test_the_journal_keeps_the_request_as_it_came(url: str) -> None:
    body = b'{"messages": [{"role":"user","content":[{"text":"hello"}]}], "x": 1, "x": 2}'
    headers = {"authorization": "secret", "x-amz-security-token": "secret", "x-test-id": "me"}
    ask(url, "POST", CONVERSE_STREAM, body, headers)
    reply = ask(url, "GET", "/__control/journal")
    (entry,) = reply.json

    assert body.decode() in reply.body.decode()
    assert "secret" not in reply.body.decode()
    assert entry["method"] == "POST"
    assert entry["path"] == CONVERSE_STREAM
    assert entry["model"] == MODEL
    assert entry["session"] == "me"
    assert entry["bodyBytes"] == len(body)
    assert entry["response"]["status"] == 200
    assert entry["response"]["outcome"] == "delivered"
    assert entry["response"]["frames"] > 4


@pytest.mark.parametrize("body", [b'{"n": NaN}', b"[" * 100_000, b"", "\u00e4{".encode()])
def test_a_body_that_is_not_json_is_kept_as_text(url: str, body: bytes) -> None:
    ask(url, "POST", CONVERSE, body)
    (entry,) = ask(url, "GET", "/__control/journal").json

    assert "body" not in entry
    assert (entry["bodyText"], entry["bodyTruncated"]) == (body.decode(), False)
    assert entry["response"]["status"] == 400


def test_a_body_that_is_not_text_is_kept_as_base64(url: str) -> None:
    ask(url, "POST", CONVERSE, b"\xff\xfe{")
    (entry,) = ask(url, "GET", "/__control/journal").json

    assert not {"body", "bodyText"} & entry.keys()
    assert base64.b64decode(entry["bodyBase64"]) == b"\xff\xfe{"


@pytest.mark.parametrize("kept", range(40, 48))
def test_text_that_is_cut_ends_with_a_whole_character(kept: int) -> None:
    body = json.dumps(asking("\u00e4\u20ac\U0001f600" * 9), ensure_ascii=False).encode()
    with Server([HELLO], journal_body_bytes=kept) as server:
        ask(server.url, "POST", CONVERSE, body)
        (entry,) = ask(server.url, "GET", "/__control/journal").json

    assert (entry["bodyBytes"], entry["bodyTruncated"]) == (len(body), True)
    assert body.decode().startswith(entry["bodyText"])
    assert kept - 4 < len(entry["bodyText"].encode()) <= kept


def test_a_body_of_an_agent_is_kept_whole(url: str) -> None:
    said(url, "x" * 500_000)
    (entry,) = ask(url, "GET", "/__control/journal").json

    assert entry["body"]["messages"][0]["content"][0]["text"] == "x" * 500_000


def test_the_journal_comes_in_pages(url: str) -> None:
    for k in range(5):
        said(url, f"hello {k}", {"x-test-id": f"s{k % 2}"})

    def texts(query: str) -> list[str]:
        entries = ask(url, "GET", f"/__control/journal?{query}").json
        return [entry["body"]["messages"][0]["content"][0]["text"][-1] for entry in entries]

    assert texts("limit=2&offset=1") == ["1", "2"]
    assert texts("session=s1") == ["1", "3"]
    assert texts("testId=s0&limit=1&offset=2") == ["4"]
    assert texts("status=404") == []
    assert texts("limit=0") == []
    assert texts("order=desc&limit=2") == ["4", "3"]
    assert texts("order=desc&limit=2&offset=3") == ["1", "0"]
    assert texts("order=desc&session=s1") == ["3", "1"]
    assert texts("order=asc&limit=1") == ["0"]
    total = ask(url, "GET", "/__control/journal?session=s0&limit=1").headers["x-total-count"]
    assert total == "3"


@pytest.mark.parametrize(
    "query", ["limit=x", "order=newest", "offset=-1", "status=1e3", "limit=9999999999"]
)
def test_a_page_that_makes_no_sense_is_refused(url: str, query: str) -> None:
    assert ask(url, "GET", f"/__control/journal?{query}").status == 400


def test_the_journal_can_be_emptied_alone_and_can_be_off(url: str) -> None:
    said(url, "hello")
    post(url, "/__aimock/reset/journal")

    assert ask(url, "GET", "/__aimock/journal").json == []
    assert said(url, "hello") == "from a file"
    with Server([HELLO], journal_entries=0) as off:
        said(off.url, "hello")
        assert ask(off.url, "GET", "/__control/journal").json == []


@pytest.mark.parametrize(
    ("given", "status", "name"),
    [
        ({"error": "ThrottlingException", "message": "slow"}, 429, "ThrottlingException"),
        ({"error": "throttlingException", "message": "slow"}, 429, "ThrottlingException"),
        ({"status": 429, "body": {"message": "slow"}}, 429, "ThrottlingException"),
        ({"status": 503, "message": "slow"}, 503, "ServiceUnavailableException"),
        ({"status": 418, "message": "slow"}, 418, "ValidationException"),
        (
            {"error": "ModelErrorException", "status": 500, "message": "slow"},
            500,
            "ModelErrorException",
        ),
    ],
)
def test_one_request_gets_the_error_and_the_next_its_answer(
    url: str, given: dict[str, Any], status: int, name: str
) -> None:
    assert post(url, "/__control/error", given).json == {"queued": True}
    reply = ask(url, "POST", CONVERSE, asking("hello"))

    assert (reply.status, reply.json) == (status, {"message": "slow"})
    assert reply.error_type is not None
    assert reply.error_type.split(":")[0] == name
    assert said(url, "hello") == "from a file"


@pytest.mark.parametrize(
    "given",
    [
        {"error": "NoSuchException"},
        {"status": 200},
        {"status": "429"},
        {"status": True},
        {"error": 5},
        {"message": "alone"},
        {"status": 429, "message": 3},
    ],
)
def test_an_error_that_makes_no_sense_is_refused(url: str, given: dict[str, Any]) -> None:
    reply = post(url, "/__control/error", given)

    assert reply.status == 400
    assert reply.json["error"]
    assert said(url, "hello") == "from a file"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nothing/here", 404),
        ("POST", "/__control/nothing", 404),
        ("GET", "/__control/reset", 405),
        ("DELETE", "/metrics", 405),
        ("GET", CONVERSE, 405),
        ("POST", "/model/m/nothing", 404),
        ("POST", "/model/", 404),
        ("POST", f"{CONVERSE}/", 404),
        ("GET", "/__control/health/", 404),
    ],
)
def test_unknown_routes_and_methods_get_typed_errors(
    url: str, method: str, path: str, status: int
) -> None:
    reply = ask(url, method, path, b"")

    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["message"]
    assert reply.error_type


def figures(url: str) -> dict[str, float]:
    """Return every sample of /metrics by its name and labels."""
    text = ask(url, "GET", "/metrics").body.decode()
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name.removeprefix("bedrock_frames_"): float(value) for name, value in lines}


def test_the_figures_count_requests_frames_and_misses(url: str) -> None:
    frames = 0
    for _ in range(3):
        ask(url, "POST", CONVERSE_STREAM, asking("hello"))
    said(url, "hello")
    said(url, "nothing")
    ask(url, "POST", CONVERSE, b"{")
    for entry in ask(url, "GET", "/__control/journal").json:
        if entry["operation"] == "converse-stream":
            frames += entry["response"]["frames"]
    seen = figures(url)

    assert seen['requests_total{operation="converse-stream",status="200"}'] == 3
    assert seen['requests_total{operation="converse",status="200"}'] == 1
    assert seen['requests_total{operation="converse",status="404"}'] == 1
    assert seen['requests_total{operation="converse",status="400"}'] == 1
    assert seen["unmatched_total"] == 1
    assert seen["frames_sent_total"] == frames > 12
    assert seen["fixtures"] == 1
    assert seen["requests_in_flight"] == seen["streams_active"] == 0
    assert seen["body_sent_bytes_total"] > 1000


def test_the_figures_say_how_late_paced_writes_were() -> None:
    with Server([HELLO], timing={"ttft_ms": 1, "gap_ms": 1}) as server:
        reply = ask(server.url, "POST", CONVERSE_STREAM, asking("hello"))
        seen = figures(server.url)

    assert reply.complete
    assert seen["write_lateness_seconds_count"] >= 2
    assert seen['write_lateness_seconds_bucket{le="+Inf"}'] == seen["write_lateness_seconds_count"]
    assert seen["write_lateness_seconds_sum"] > 0


def test_servers_in_one_process_count_for_themselves(url: str) -> None:
    said(url, "hello")
    with Server([HELLO]) as other:
        assert not any(name.startswith("requests_total") for name in figures(other.url))
    assert json.dumps(figures(url)).count("requests_total") == 1

"""The pytest plugin, in test sessions of its own."""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames import pytest_plugin
from bedrock_frames.server import Server
from bedrock_frames.server.environment import environment
from tests.support.http_client import CONVERSE, ask, asking

pytest_plugins = ["pytester"]

SESSION: Final = """
import os
import urllib.request

import boto3
import pytest

MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0"
URLS = []


def say(client, text="hello"):
    answer = client.converse(
        modelId=MODEL, messages=[{"role": "user", "content": [{"text": text}]}]
    )
    return answer["output"]["message"]["content"][0]["text"]


def test_code_under_test_finds_it_by_itself(bedrock):
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hi!"})
    URLS.append(bedrock.url)
    assert say(boto3.Session().client("bedrock-runtime")) == "Hi!"
    assert say(bedrock.client()) == "Hi!"
    assert [request.operation for request in bedrock.requests] == ["converse", "converse"]
    assert bedrock.requests[0].json()["messages"][0]["content"] == [{"text": "hello"}]
    assert bedrock.requests[0].model == MODEL


def test_every_test_begins_with_nothing(bedrock):
    URLS.append(bedrock.url)
    assert bedrock.requests == []
    client = bedrock.client()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        say(client)


def test_the_server_is_shared(bedrock):
    assert {*URLS, bedrock.url} == {bedrock.url}


def test_fixtures_are_loaded_from_files(bedrock):
    bedrock.load("fixtures.json")
    assert say(bedrock.client(), "file") == "from a file"
    bedrock.add(match={"userMessage": "file"}, response={"content": "behind"})
    assert say(bedrock.client(), "file") == "from a file"
    bedrock.add(match={"userMessage": "file"}, response={"content": "before"}, first=True)
    assert say(bedrock.client(), "file") == "before"


def test_a_faulty_fixture_is_reported(bedrock):
    with pytest.raises(ValueError, match="userMesage"):
        bedrock.add(match={"userMesage": "x"}, response={"content": "Hi!"})


def test_a_fixture_may_have_several_responses(bedrock):
    bedrock.add(responses=[{"response": {"content": "one of one"}}])
    assert say(bedrock.client()) == "one of one"
    with pytest.raises(ValueError, match="exactly one of response, responses"):
        bedrock.add(match={"userMessage": "x"})


def test_sequences_errors_and_resets(bedrock):
    for step in range(2):
        bedrock.add(match={"sequenceIndex": step}, response={"content": str(step)})
    client = bedrock.client()
    bedrock.next_error("AccessDeniedException", "not you")
    with pytest.raises(client.exceptions.AccessDeniedException, match="not you"):
        say(client)
    assert [say(client), say(client)] == ["0", "1"]
    bedrock.next_error("ThrottlingException")
    bedrock.reset()
    assert bedrock.requests == []
    bedrock.add(response={"content": "after"})
    assert say(client) == "after"


def test_the_environment_is_right_inside(bedrock):
    assert os.environ["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] == bedrock.url
    assert "AWS_BEARER_TOKEN_BEDROCK" not in os.environ
    assert "AWS_PROFILE" not in os.environ
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert urllib.request.proxy_bypass("127.0.0.1")


def test_the_environment_is_restored_outside():
    assert "AWS_ENDPOINT_URL_BEDROCK_RUNTIME" not in os.environ
    assert os.environ["AWS_BEARER_TOKEN_BEDROCK"] == "mine"
    assert os.environ["AWS_PROFILE"] == "mine"
    assert os.environ["NO_PROXY"] == "example.org"
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with tests, and the environment of a developer."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "mine")
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", raising=False)
    fixture = {"match": {"userMessage": "file"}, "response": {"content": "from a file"}}
    Path("fixtures.json").write_text(json.dumps({"fixtures": [fixture]}))
    pytester.makepyfile(SESSION)
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester


def test_a_session_with_the_plugin(session: pytest.Pytester) -> None:
    result = session.runpytest_subprocess()

    result.assert_outcomes(passed=9)


def test_workers_of_xdist_have_a_server_each(session: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    session.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("number", range(40))
        def test_it_is_mine(bedrock, number, record_property):
            text = f"answer {number}"
            bedrock.add(match={"userMessage": "hello"}, response={"content": text})
            answer = bedrock.client().converse(
                modelId="m", messages=[{"role": "user", "content": [{"text": "hello"}]}]
            )
            assert answer["output"]["message"]["content"] == [{"text": text}]
            assert len(bedrock.requests) == 1
        """
    )
    result = session.runpytest_subprocess("-n", "2")

    result.assert_outcomes(passed=40)


def test_a_session_that_does_not_use_it_imports_no_server(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_nothing_is_imported():
            assert not {"boto3", "uvicorn", "starlette", "bedrock_frames.server"} & set(sys.modules)
        """
    )
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("name", "now"), [("Bedrock", Server), ("environment", environment)], ids=["class", "function"]
)
def test_old_names_work_with_a_warning(name: str, now: object) -> None:
    with pytest.warns(DeprecationWarning, match=name):
        assert getattr(pytest_plugin, name) is now
    assert not hasattr(pytest_plugin, "nothing")


@pytest.mark.parametrize("asgi", [False, True], ids=["native", "asgi"])
def test_a_server_takes_fixtures_errors_and_resets_outside_pytest(
    asgi: bool, tmp_path: Path
) -> None:
    path = tmp_path / "fixtures.json"
    path.write_text(json.dumps({"fixtures": [{"match": {}, "response": {"content": "file"}}]}))
    first = [{"match": {"userMessage": "a"}, "response": {"content": "first"}}]
    with Server(first, asgi=asgi) as server:
        server.add(match={"userMessage": "b"}, response=lambda request: {"content": request.model})
        server.load(path)
        assert [say(server, text) for text in ("a", "b", "c")] == ["first", "m", "file"]
        server.next_error(status=418, times=2)
        assert [ask(server.url, "POST", CONVERSE, asking("a")).status for _ in range(3)] == [
            *(418, 418),
            200,
        ]
        assert [entry.status for entry in server.requests] == [200, 200, 200, 418, 418, 200]
        server.reset()
        assert server.requests == []
        assert say(server, "a") == "first"
        assert ask(server.url, "POST", CONVERSE, asking("b")).status == 404


def test_the_client_of_a_server_trusts_its_certificate() -> None:
    with Server([{"match": {}, "response": {"content": "Hi!"}}], tls=True) as server:
        assert say(server, "hello") == "Hi!"


def say(server: Server, text: str) -> str:
    messages: Any = [{"role": "user", "content": [{"text": text}]}]
    answer: Any = server.client().converse(modelId="m", messages=messages)
    said: str = answer["output"]["message"]["content"][0]["text"]
    return said

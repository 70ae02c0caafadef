"""``bedrock-frames serve``, ``check`` and ``schema`` as processes: lines, signals, exit codes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Connection, ask, asking, connect
from tests.support.serve_command import COMMAND, TEXT, fixture_file, run, said, served
from tests.support.vector_cases import ROOT

ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104


def test_an_address_of_other_machines_is_not_served_without_a_guard(tmp_path: Path) -> None:
    refused = run("serve", fixture_file(tmp_path), "--host", ANY_ADDRESS, "--port", "0")

    assert refused.returncode == 2
    assert "--control-token" in refused.stderr
    assert "--no-control" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "Control API: open to programs on this machine; Host is an IP address, localhost"),
        (["--control-token", "t"], "Control API: asks for the control token"),
        (["--host", ANY_ADDRESS, "--no-control"], "Control API: off"),
    ],
)
def test_the_log_states_who_may_use_the_control_api(
    tmp_path: Path, options: list[str], told: str
) -> None:
    with served(fixture_file(tmp_path), *options) as running:
        assert running.wait_for_log(told)


def test_without_fixtures_an_automatic_agent_answers() -> None:
    with served() as running:
        assert running.wait_for_log("an automatic agent answers every request")
        answer = ask(running.url, "POST", CONVERSE, asking("anything")).json

    assert answer["stopReason"] == "end_turn"


def test_watching_needs_fixtures() -> None:
    refused = run("serve", "--watch")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--watch needs a fixture file" in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_where_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with served(fixture_file(tmp_path)) as running:
        assert re.fullmatch(r"listening on http://127\.0\.0\.1:[0-9]+\n", running.first_line)
        assert said(running.url) == TEXT
        assert running.end(number) == (0, "")
    assert "Traceback" not in running.log


def test_streams_are_drained_before_the_end(tmp_path: Path) -> None:
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 20, "gap_ms": 20})
    with served(fixtures) as running, connect(running.url) as connection:
        connection.send("POST", CONVERSE_STREAM, asking("hello"))
        connection.socket.recv(1, socket.MSG_PEEK)
        running.process.send_signal(signal.SIGTERM)
        reply = connection.reply()

        assert reply.complete
        assert b"messageStop" in reply.body
        assert running.wait() == (0, "")
    assert "Traceback" not in running.log


@pytest.mark.parametrize("how", ["timeout", "second signal"])
def test_the_drain_has_an_end(tmp_path: Path, how: str) -> None:
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 0, "gap_ms": 3_600_000})
    drain = "50ms" if how == "timeout" else "1000s"
    with (
        served(fixtures, "--drain-timeout", drain) as running,
        connect(running.url) as connection,
    ):
        connection.send("POST", CONVERSE_STREAM, asking("hello"))
        connection.socket.recv(1, socket.MSG_PEEK)
        running.process.send_signal(signal.SIGINT)
        if how == "second signal":
            assert running.wait_for_log("Waiting for connections")
            running.process.send_signal(signal.SIGINT)
        reply = connection.reply()
        assert not reply.complete
        assert running.wait() == (0, "")
    assert "Traceback" not in running.log


def test_idle_connections_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with served(fixture_file(tmp_path)) as running:
        connections = [Connection(running.url) for _ in range(3)]
        connections[0].ask("GET", "/health")

        assert running.end() == (0, "")
        for connection in connections:
            connection.close()


def test_faulty_fixtures_are_not_served(tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(
        '{"fixtures": [{"match": {"userMesage": "x"}, "response": {"content": "x"}},'
        ' {"match": {}, "response": {"toolCalls": [{"name": "t", "arguments": "{bad"}]}}]}'
    )
    done = run("serve", "--port", "0", path)

    assert (done.returncode, done.stdout) == (1, "")
    assert "$.fixtures[0].match.userMesage" in done.stderr
    assert "$.fixtures[1].response.toolCalls[0].arguments" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_bad_usage(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), fixture_file(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert f"127.0.0.1:{port}" in done.stderr


@pytest.mark.parametrize(
    "option",
    [
        ["--timing", "ttft=fast"],
        ["--timing", "speed=1s"],
        ["--timing", ""],
        ["--host", "no.such.host.invalid"],
        ["--asgi", "--host", "no.such.host.invalid"],
    ],
)
def test_options_that_make_no_sense_are_bad_usage(tmp_path: Path, option: list[str]) -> None:
    done = run("serve", *option, fixture_file(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("tier", [[], ["--asgi"]], ids=["native", "asgi"])
def test_who_started_it_need_not_read_where_it_listens(tmp_path: Path, tier: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with (
        os.fdopen(writing, "wb") as nobody,
        subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *tier, fixture_file(tmp_path)],
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        log = ""
        while "stdout cannot be written to" not in log:
            log += process.stderr.readline()
            assert process.poll() is None, log
        url = log.partition("Listening on ")[2].split()[0]
        assert said(url) == TEXT
        process.terminate()
        _, rest = process.communicate(timeout=60)

        assert process.returncode == 0
        assert "Broken" not in rest


def test_a_path_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    for command in ("serve", "check"):
        done = run(command, tmp_path / "nothing.json")
        assert done.returncode == 1
        assert "nothing.json" in done.stdout + done.stderr


def test_options_reach_the_server(tmp_path: Path) -> None:
    options = ["--strict", "--no-padding", "--journal", "0", "--timing", "ttft=30ms,gap=1ms"]
    with served(fixture_file(tmp_path), *options) as running:
        stream = ask(running.url, "POST", CONVERSE_STREAM, asking("hello"))
        miss = ask(running.url, "POST", CONVERSE, asking("nobody"))
        journal = ask(running.url, "GET", "/__control/journal")
        figures = ask(running.url, "GET", "/metrics").body

    assert b'"p":' not in stream.body
    assert (miss.status, miss.error_type) == (503, "ServiceUnavailableException")
    assert journal.json == []
    assert b"write_lateness_seconds_count 0" not in figures


def test_the_seed_decides_the_bytes(tmp_path: Path) -> None:
    def body(seed: str) -> bytes:
        with served(fixture_file(tmp_path), "--seed", seed) as running:
            return ask(running.url, "POST", CONVERSE_STREAM, asking("hello")).body

    assert body("1") == body("1") != body("2")


def test_a_changed_file_is_loaded_again_and_a_faulty_one_is_not(tmp_path: Path) -> None:
    with served(fixture_file(tmp_path, "one"), "--watch") as running:
        added = {"match": {"userMessage": "added"}, "response": {"content": "by hand"}}
        ask(running.url, "POST", "/__control/fixtures", {"fixtures": [added]})
        assert running.wait_for_log("Watching")

        # Said just before it does: the first change may go unseen.
        for _ in range(30):
            fixture_file(tmp_path, "two")
            if running.wait_for_log("Loaded 1 fixtures again", timeout=1):
                break
        assert said(running.url) == "two"

        # As editors do: a new file takes the place of the old one.
        (tmp_path / "new").mkdir()
        fixture_file(tmp_path / "new", "three", latencyy=5).rename(tmp_path / "fixtures.json")
        assert running.wait_for_log("those of before stay in force")
        assert running.wait_for_log("$.fixtures[0].latencyy")
        assert said(running.url) == "two"

        reply = ask(running.url, "POST", CONVERSE, asking("added"))
        assert reply.json["output"]["message"]["content"] == [{"text": "by hand"}]
        assert running.end() == (0, "")


def test_a_file_that_comes_into_a_watched_folder_is_loaded(tmp_path: Path) -> None:
    fixture_file(tmp_path, "one")
    with served(tmp_path, "--watch") as running:
        assert running.wait_for_log("Watching")
        other = {"match": {"userMessage": "other"}, "response": {"content": "two"}}
        for number in range(30):
            folder = tmp_path / str(number)
            folder.mkdir()
            (folder / "more.json").write_text(json.dumps({"fixtures": [other]}))
            other = {"match": {"userMessage": str(number)}, "response": {"content": "more"}}
            if running.wait_for_log("fixtures again", timeout=1):
                break
        reply = ask(running.url, "POST", CONVERSE, asking("other"))

    assert reply.json["output"]["message"]["content"] == [{"text": "two"}]


def test_check_prints_every_fault_and_exits_1(tmp_path: Path) -> None:
    good = fixture_file(tmp_path)
    bad = tmp_path / "bad.yaml"
    bad.write_text("fixtures:\n- match: {userMesage: x}\n  response: {content: 5}\n")
    done = run("check", good, bad)

    assert done.returncode == 1
    assert f"{bad}:2:11: $.fixtures[0].match.userMesage" in done.stdout
    assert str(good) not in done.stdout
    assert run("check", good).returncode == 0


def test_check_takes_warnings_for_errors_if_it_is_strict(tmp_path: Path) -> None:
    odd = fixture_file(tmp_path, response={"content": "a", "stopReason": "tool_use"})
    done, strict = run("check", odd), run("check", "--strict", odd)

    assert (done.returncode, done.stderr) == (0, "0 errors, 1 warning\n")
    assert (strict.returncode, strict.stderr) == (1, "1 error, 0 warnings\n")


def test_schema_prints_a_json_schema() -> None:
    done = run("schema")
    schema = json.loads(done.stdout)

    assert done.returncode == 0
    assert "fixtures" in json.dumps(schema["properties"])


def test_the_demo_shows_what_it_promises() -> None:
    demo = ROOT / "examples" / "demo.py"
    done = subprocess.run([sys.executable, demo], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "Hello! How can I help you today?" in done.stdout
    assert "get_weather" in done.stdout
    assert re.search(r"[1-9]\d* requests answered", done.stdout)


def test_warnings_are_logged_and_do_not_keep_fixtures_from_being_served(tmp_path: Path) -> None:
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 9}
    path = fixture_file(tmp_path, response={"content": "anyway", "usage": usage})
    with served(path) as running:
        assert said(running.url) == "anyway"
        assert running.end() == (0, "")

    assert "WARNING" in running.log
    assert "$.fixtures[0].response.usage" in running.log

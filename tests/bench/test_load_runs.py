"""Runs of the load generator: what is sent, when it ends, and what it says of itself."""

import base64
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bedrock_frames._core import LoadRun
from tests.support.load_runs import (
    answer,
    chunked,
    drive,
    http,
    result,
    sending,
    server,
    start,
)

pytestmark = pytest.mark.realtime

BODY = b"".join(answer("Hello", " world"))


def test_a_run_counts_what_it_did() -> None:
    with server(sending(chunked(*answer("Hello", " world", tokens=7)))) as url:
        found = drive(url, requests=50, arrivals={"kind": "closed", "concurrency": 4}, threads=2)

    assert found["requests"] == {
        "sent": 50,
        "completed": 50,
        "failed": 0,
        "interrupted": 0,
        "warmup": 0,
        "warmup_failed": 0,
        "bursts": 0,
        "good": 50,
        "without_content": 0,
    }
    assert found["stop_reasons"] == {"end_turn": 50}
    assert found["totals"]["frames"] == 50 * 6
    assert found["totals"]["output_tokens"] == 350
    assert found["metrics"]["ttft_ms"]["count"] == 50
    assert found["metrics"]["gap_ms"]["count"] == 50
    assert found["audit"]["threads"] == 2
    assert found["audit"]["connections_opened"] <= 50
    assert sum(second["completed"] for second in found["series"]) == 50


def test_requests_of_an_open_loop_keep_their_schedule(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with server(sending(http(BODY))) as url:
        found = drive(
            url,
            arrivals={"kind": "constant", "rate": 100},
            duration_s=0.5,
            requests_out=str(path),
            threads=2,
        )
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert found["requests"]["sent"] == found["requests"]["completed"] == 50
    assert found["rates"]["requested_requests_per_s"] == pytest.approx(100)
    assert sorted(line["request"] for line in lines) == list(range(50))
    for line in lines:
        assert line["intended_s"] == pytest.approx(line["request"] / 100)
        assert line["error"] is None
        assert line["e2e_ms"] >= line["ttft_ms"] >= line["ttfb_ms"] >= line["schedule_delay_ms"]
    assert found["metrics"]["schedule_delay_ms"]["count"] == 50
    assert found["audit"]["records_dropped"] == 0


def test_shares_of_a_run_are_the_run(tmp_path: Path) -> None:
    arrivals = {"kind": "poisson", "rate": 200}
    with server(sending(http(BODY))) as url:
        runs = [
            start(
                url,
                arrivals=arrivals,
                duration_s=0.3,
                seed=3,
                share=[index, 3],
                requests_out=str(tmp_path / str(index)),
            )
            for index in range(3)
        ]
        parts = [result(run) for run in runs]
        whole = drive(url, arrivals=arrivals, duration_s=0.3, seed=3)
    ordinals = [
        json.loads(line)["request"]
        for index in range(3)
        for line in (tmp_path / str(index)).read_text().splitlines()
    ]

    assert sorted(ordinals) == list(range(whole["requests"]["sent"]))
    assert sum(part["rates"]["requested_requests_per_s"] for part in parts) == pytest.approx(200)


def test_a_server_that_freezes_is_charged_with_those_who_waited() -> None:
    """Of the requests that are meant to start in a second of silence, all are late, not one."""
    frozen = threading.Lock()
    begun = time.monotonic()

    def script(connection: socket.socket, _: bytes) -> None:
        with frozen:
            age = time.monotonic() - begun
            if 0.5 < age < 1.5:
                threading.Event().wait(1.5 - age)
        connection.sendall(http(BODY))

    options: dict[str, Any] = {"duration_s": 2.5, "max_in_flight": 8}
    with server(script) as url:
        opened = drive(url, arrivals={"kind": "constant", "rate": 100}, **options)
        begun = time.monotonic()
        closed = drive(url, arrivals={"kind": "closed", "concurrency": 1}, **options)

    assert opened["requests"]["completed"] == 250
    assert opened["metrics"]["e2e_ms"]["p50"] < 400
    assert opened["metrics"]["e2e_ms"]["p90"] > 400
    assert opened["audit"]["backlogged"] > 0
    assert closed["metrics"]["e2e_ms"]["p90"] < 400


def test_a_stopped_run_counts_what_it_cut(tmp_path: Path) -> None:
    path, users = tmp_path / "requests.jsonl", {"kind": "closed", "concurrency": 3}
    with server(sending(b"")) as url:
        run = start(url, arrivals=users, duration_s=600, grace_s=0.1, requests_out=str(path))
        while json.loads(run.progress())["in_flight"] < 3:
            assert not run.wait(0.01)
        run.stop()
        found = result(run)

    assert found["requests"]["interrupted"] == 3
    assert found["requests"]["failed"] == 0
    assert found["errors"] == {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(line["request"] for line in lines) == [0, 1, 2]
    assert {line["error"] for line in lines} == {"interrupted"}


def test_arrivals_above_max_in_flight_are_counted() -> None:
    with server(sending(b"")) as url:
        found = drive(
            url,
            arrivals={"kind": "constant", "rate": 100},
            duration_s=0.3,
            grace_s=0.1,
            max_in_flight=2,
        )

    assert found["requests"]["sent"] == found["requests"]["interrupted"] == 2
    assert found["audit"]["in_flight_max"] == 2
    assert found["audit"]["unsent"] == 28


def test_the_record_of_a_request_that_timed_out_says_how_far_it_came(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    with server(sending(http(BODY)[:400])) as url:
        drive(url, requests=1, timeout_s=0.2, requests_out=str(path))
    line = json.loads(path.read_text())

    assert line["error"] == "timeout"
    assert line["frames"] > 0
    assert line["e2e_ms"] > line["ttft_ms"] > 0


def test_what_runs_when_time_is_up_may_end() -> None:
    """The end of the run is the end of starting."""
    started = threading.Event()

    def script(connection: socket.socket, _: bytes) -> None:
        started.set()
        threading.Event().wait(0.4)
        connection.sendall(http(BODY))

    with server(script) as url:
        found = drive(url, duration_s=0.2, grace_s=30)

    assert started.is_set()
    assert found["requests"]["sent"] == found["requests"]["completed"] == 1


def test_the_warm_up_is_left_out() -> None:
    with server(sending(http(BODY))) as url:
        found = drive(url, arrivals={"kind": "constant", "rate": 100}, warmup_s=0.3, duration_s=0.2)

    assert found["requests"]["warmup"] == 30
    assert found["requests"]["warmup_failed"] == 0
    assert found["requests"]["sent"] == found["metrics"]["e2e_ms"]["count"] == 20


def test_progress_is_there_from_the_beginning() -> None:
    with server(sending(http(BODY))) as url:
        run = start(url, requests=1)
        glance = json.loads(run.progress())
        result(run)

    assert {"elapsed_s", "sent", "completed", "failed", "in_flight", "errors"} <= glance.keys()
    assert glance["ttft_ms"].keys() == {"p50", "p90", "p99"}


def test_histograms_are_there_for_every_metric() -> None:
    with server(sending(http(BODY))) as url:
        found = drive(url, requests=3)

    assert found["histograms"].keys() == found["metrics"].keys()
    for encoded in found["histograms"].values():
        # The cookie of HDR's compressed V2 form.
        assert base64.b64decode(encoded)[:4].hex() == "1c849314"


def test_a_run_is_started_once_and_asked_after_its_end() -> None:
    run = LoadRun(
        json.dumps(
            {
                "url": "http://127.0.0.1:9",
                "model": "m",
                "arrivals": {"kind": "closed", "concurrency": 1},
                "requests": 1,
            }
        )
    )
    with pytest.raises(RuntimeError, match="not started"):
        run.result()
    assert not run.wait(0)
    run.start()
    with pytest.raises(RuntimeError, match="once"):
        run.start()
    assert run.wait(30)

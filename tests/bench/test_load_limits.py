"""What the generator lacks, ports, files or time, is told apart from the endpoint's faults."""

import json
import subprocess
import sys
import threading
from typing import Any, Final

import pytest

from bedrock_frames._core import LoadRun
from bedrock_frames.bench import BenchOptions, Closed, Rate, run_bench
from bedrock_frames.bench.report.results import Result
from tests.support.bench_results import report
from tests.support.few_ports import PORTS
from tests.support.load_runs import answer, http, sending, server

ALONE: Final = ["unshare", "-rn"]
BODY: Final = b"".join(answer("Hello"))


def networks_of_its_own() -> bool:
    try:
        return subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def few_ports() -> dict[str, Any]:
    """What runs found that had eight ports."""
    if not networks_of_its_own():
        pytest.skip("no network namespaces")
    command = [*ALONE, sys.executable, "-m", "tests.support.few_ports"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_port_need_only_be_free_towards_its_own_endpoint(few_ports: dict[str, Any]) -> None:
    assert [found["errors"] for found in few_ports["shared"]] == [{"timeout": 6}, {"timeout": 6}]


def test_a_connection_without_a_port_is_the_generator_s_own_fault(
    few_ports: dict[str, Any],
) -> None:
    found = few_ports["alone"]
    ports = PORTS[1] - PORTS[0] + 1

    assert found["errors"] == {"timeout": ports, "no_port": 20 - ports}
    assert found["audit"]["port_range"] == list(PORTS)
    judged = report(Result.model_validate(found))
    assert any("found no free port (50000 to 50007)" in reason for reason in judged.reasons)


def test_a_connection_without_a_file_is_the_generator_s_own_fault() -> None:
    run = """
import json, resource, sys
from tests.support.load_runs import drive
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
users = {"kind": "closed", "concurrency": 100}
json.dump(drive(sys.argv[1], arrivals=users, requests=100, timeout_s=2), sys.stdout)
"""
    with server(sending(b"")) as url:
        command = [sys.executable, "-c", run, url]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)

    assert found["errors"].keys() == {"timeout", "no_file"}
    assert sum(found["errors"].values()) == 100
    assert found["audit"]["open_files"] == {"soft": 60, "hard": 60}
    judged = report(Result.model_validate(found))
    assert any("no free file descriptor (limit 60)" in reason for reason in judged.reasons)


def test_a_source_address_of_another_machine_is_refused() -> None:
    closed = {"kind": "closed", "concurrency": 1}
    options = {"url": "http://127.0.0.1:9", "model": "m", "requests": 1, "arrivals": closed}
    with pytest.raises(ValueError, match=r"sources: 192\.0\.2\.1 cannot be used"):
        LoadRun(json.dumps({**options, "sources": ["192.0.2.1"]}))


def test_arrivals_that_were_held_back_make_a_run_not_trustworthy() -> None:
    held: dict[str, Any] = {"duration": 0.3, "grace": 0.1, "max_in_flight": 2}
    with server(sending(b"")) as url:
        found = run_bench(BenchOptions(url=url, arrivals=Rate(rate=100), **held))

    assert not found.trustworthy
    assert found.exit_code == 98
    assert any(reason.startswith("28 arrivals were due and never sent") for reason in found.reasons)


def test_a_generator_behind_its_schedule_is_reported() -> None:
    """One at a time, answered after 50 ms, is a fifth of what is asked for."""

    def script(connection: Any, _: bytes) -> None:
        threading.Event().wait(0.05)
        connection.sendall(http(BODY))

    with server(script) as url:
        found = run_bench(
            BenchOptions(url=url, arrivals=Rate(rate=100), duration=0.5, max_in_flight=1)
        )

    assert any("max_in_flight held requests back" in reason for reason in found.reasons)
    assert (found.metrics.schedule_delay_ms.p99 or 0) > 100


def test_failures_in_the_warm_up_are_reported() -> None:
    refusing = iter([http(b"{}", status="503 No")] * 3)

    def script(connection: Any, _: bytes) -> None:
        connection.sendall(next(refusing, http(BODY)))

    with server(script) as url:
        found = run_bench(BenchOptions(url=url, arrivals=Rate(rate=100), warmup=0.05, duration=0.2))

    assert found.warmup_errors == {"http:503": 3}
    assert (found.requests.warmup, found.requests.warmup_failed) == (5, 3)
    assert found.errors == {}
    assert "3 of 5 failed in the warm-up: 3 http:503" in found.notes


def test_an_endpoint_that_refuses_connections_is_not_hammered() -> None:
    with server(sending(b"")) as url:
        pass
    found = run_bench(BenchOptions(url=url, arrivals=Closed(concurrency=2), duration=0.3))

    # A pause of 20 ms follows every failure.
    assert 2 <= found.errors["connect"] <= 2 * (0.3 / 0.02 + 1)

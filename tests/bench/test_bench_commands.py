"""``bench``, ``merge``, ``compare`` and ``doctor`` as processes: files, signals, exit codes."""

import csv
import io
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from bedrock_frames.bench import BenchOptions, Closed, run_bench
from bedrock_frames.bench.report import histograms
from bedrock_frames.bench.report.results import METRIC_NAMES
from bedrock_frames.bench.running.load import Load
from bedrock_frames.server import Server
from tests.support.bench_endpoint import Said, endpoint, refusal
from tests.support.bench_results import SHARES, exact_quantile, report, result
from tests.support.load_runs import answer, drive, http, server

COMMAND: Final = [sys.executable, "-m", "bedrock_frames"]
FULL: Final = Path("/dev/full")
TEXT: Final = "A little at a time, and then a little more, until it is all said."
TIMING: Final = {"ttft_ms": 20, "gap_ms": 2}


@pytest.fixture
def url(bedrock: Server) -> str:
    bedrock.add(match={"userMessage": "hello"}, response={"content": TEXT}, timing=TIMING)
    return bedrock.url


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def summary(path: Path) -> Any:
    return json.loads(path.read_text())


def test_a_run_prints_a_table_and_writes_every_form(url: str, tmp_path: Path) -> None:
    names = ("json", "html", "csv", "hlog", "jsonl", "txt")
    paths = {name: tmp_path / f"out.{name}" for name in names}
    ran = run(
        *("bench", url, "--requests", 40, "--concurrency", 4, "--goodput", "ttft:10s"),
        *("--output", paths["json"], "--html", paths["html"], "--csv", paths["csv"]),
        *("--hlog", paths["hlog"], "--requests-out", paths["jsonl"]),
        *("--metrics-out", paths["txt"]),
    )
    found = summary(paths["json"])
    assert ran.returncode == (0 if found["trustworthy"] else 98), ran.stderr
    assert "first token" in ran.stdout
    assert "40 completed" in ran.stdout

    assert found["requests"]["completed"] == 40
    assert found["metrics"]["ttft_ms"]["p50"] >= TIMING["ttft_ms"]
    assert found["rates"]["goodput_per_s"] == pytest.approx(found["rates"]["requests_per_s"])
    lines = [json.loads(line) for line in paths["jsonl"].read_text().splitlines()]
    assert len(lines) == 40
    assert all(line["error"] is None for line in lines)
    seconds = list(csv.DictReader(io.StringIO(paths["csv"].read_text())))
    assert sum(int(row["completed"]) for row in seconds) == 40
    assert "<html" in paths["html"].read_text()
    assert 'gen_ai_request_model="anthropic.' in paths["txt"].read_text()


@pytest.mark.parametrize("processes", [1, 2])
def test_percentiles_are_those_of_the_requests_themselves(
    url: str, tmp_path: Path, processes: int
) -> None:
    out, lines = tmp_path / "out.json", tmp_path / "out.jsonl"
    arguments = ("--requests", 200, "--concurrency", 8, "--processes", processes, "--quiet")
    run("bench", url, *arguments, "--output", out, "--requests-out", lines)
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    for name in ("ttfb_ms", "ttft_ms", "tpot_ms", "e2e_ms"):
        exact, told = [row[name] for row in rows], summary(out)["metrics"][name]
        assert told["count"] == len(exact) == 200
        assert (told["min"], told["max"]) == pytest.approx((min(exact), max(exact)))
        assert told["mean"] == pytest.approx(sum(exact) / 200)
        for quantile, share in SHARES.items():
            # Three significant digits, of whole microseconds.
            near = pytest.approx(exact_quantile(exact, share), rel=0.001, abs=0.001)
            assert told[quantile] == near


def test_the_histogram_log_is_read_by_hdr_s_own_reader(url: str, tmp_path: Path) -> None:
    log, out = tmp_path / "out.hlog", tmp_path / "out.json"
    run("bench", url, "--requests", 10, "--hlog", log, "--output", out, "--quiet")
    found = summary(out)
    reader = HistogramLogReader(str(log), HdrHistogram(1, 4 * 3600 * 1_000_000, 3))
    counts = {}
    while (histogram := reader.get_next_interval_histogram()) is not None:
        counts[histogram.get_tag()] = histogram.get_total_count()
    reader.close()
    expected = {name.removesuffix("_ms"): found["metrics"][name]["count"] for name in METRIC_NAMES}
    assert counts == expected


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--threshold", "speed<1"], "'speed' is no figure"),
        (["--duration", "soon"], "a duration is"),
        (["--rate", "0"], "rate: must be above 0"),
        (["--goodput", "speed:1s"], "goals are"),
        (["--output", "/nowhere/at/all.json"], "--output: there is no folder"),
        (["--rate", "1", "--concurrency", "1"], "not allowed with"),
        (["--operation", "invoke", "--sessions"], "sessions: only operation"),
        (["--auth", "bearer"], "AWS_BEARER_TOKEN_BEDROCK"),
        (["--share", "3/2"], "a share is"),
        (["--source", "x"], "source: must be an IP address, not 'x'"),
        (["--concurrency", "2", "--processes", "3"], "concurrency: must be at least 3"),
        (["--concurrency", "1000000000"], "concurrency: must be 1 to 1000000"),
        (["--goodput", "ttft:500 tpot:50"], "such as 500ms or 500s, not '500'"),
        (["--threshold", "ttft.p99<800"], "such as 800ms or 800s, not '800'"),
        (["--duration", "10"], "such as 10ms or 10s, not '10'"),
        (["--tool-result", "42"], "--tool-result: has a meaning only with --sessions"),
        (["--max-turns", "3"], "--max-turns: has a meaning only with --sessions"),
        (["--arrival", "poisson"], "--arrival: has a meaning only with --rate"),
        (["--rate", "1", "--burstiness", "2"], "only with --arrival gamma"),
        (["--rate", "1", "--trace-speed", "2"], "only with --trace"),
        (["--region", "us-east-1"], "--region: has a meaning only with --auth sigv4"),
        (["--output", "x", "--html", "./x"], "--html: x is also the file of --output"),
        (["--csv", "x", "--requests-out", "x"], "--requests-out: x is also the file of --csv"),
    ],
)
def test_bad_usage_is_reported_before_anything_is_sent(
    bedrock: Server, arguments: list[str], named: str
) -> None:
    ran = run("bench", bedrock.url, *arguments)
    assert ran.returncode == 2
    assert named in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not bedrock.requests


def test_a_missed_threshold_has_an_exit_code(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    arguments = ("bench", url, "--requests", 20, "--output", out)
    ran = run(*arguments, "--threshold", "ttft.p50<1ms", "--threshold", "error_rate<1%")
    found = summary(out)
    assert ran.returncode == (99 if found["trustworthy"] else 98)
    assert [verdict["passed"] for verdict in found["thresholds"]] == [False, True]


def test_an_endpoint_that_is_not_there_gives_nothing_to_trust() -> None:
    with endpoint(lambda _operation, _body: Said()) as url:
        pass
    ran = run("bench", url, "--requests", 3, "--quiet")
    assert ran.returncode == 98
    assert ran.stdout == ""
    assert "none of 3 requests completed" in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_run_still_reports(
    url: str, tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    out = tmp_path / "out.json"
    arguments = ("bench", url, "--rate", "50", "--duration", "1h", "--processes", str(processes))
    with subprocess.Popen(
        [*COMMAND, *arguments, "--output", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        # A line of progress with completed requests: it runs.
        assert any("done 0 " not in line for line in process.stderr if "done" in line)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted" in stdout
    found = summary(out)
    assert found["interrupted"]
    assert found["requests"]["completed"] > 0


def test_processes_share_the_arrivals_and_their_results_are_one(url: str, tmp_path: Path) -> None:
    out, lines = tmp_path / "out.json", tmp_path / "out.jsonl"
    arguments = ("--requests", 31, "--concurrency", 4, "--processes", 3, "--quiet")
    run("bench", url, *arguments, "--output", out, "--requests-out", lines)
    found = summary(out)
    assert found["parts"] == 3
    assert found["requests"]["completed"] == 31
    assert found["metrics"]["e2e_ms"]["count"] == 31
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert sorted(row["request"] for row in rows) == list(range(31))
    for name in ("ttfb_ms", "ttft_ms", "tpot_ms", "e2e_ms"):
        # Byte for byte the histogram of one process that had recorded all of them.
        microseconds = [round(row[name] * 1e6 + 500) // 1000 for row in rows]
        assert found["histograms"][name] == histograms.of_microseconds(microseconds)
    for counts in ("ttft_counts", "e2e_counts"):
        held = " ".join(row[counts] for row in found["series"]).split()
        assert sum(int(pair.partition(":")[2]) for pair in held) == 31
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out.json", "out.jsonl"]


def test_shares_of_machines_are_merged(url: str, tmp_path: Path) -> None:
    parts = [tmp_path / f"{index}.json" for index in range(2)]
    for index, part in enumerate(parts):
        share = ("--concurrency", 2, "--share", f"{index}/2")
        run("bench", url, "--requests", 20, *share, "--output", part, "--quiet")
    whole = tmp_path / "whole.json"
    ran = run("merge", *parts, "--output", whole, "--threshold", "completed>=20")
    assert "20 completed" in ran.stdout
    found = summary(whole)
    assert found["requests"]["completed"] == 20
    assert found["thresholds"][0]["passed"]


def test_merging_anything_but_reports_is_bad_usage(tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    path.write_text("{}")
    ran = run("merge", path)
    assert ran.returncode == 2
    assert "wrong.json" in ran.stderr


def test_a_run_waits_for_the_moment_that_all_begin_at(url: str, tmp_path: Path) -> None:
    out, begin = tmp_path / "out.json", time.time() + 3
    run("bench", url, "--requests", 3, "--start-at", f"{begin:.3f}", "--output", out, "--quiet")
    found = summary(out)
    # Not before; and not after, but on a machine that needs three seconds to start Python.
    assert found["started_at"] == pytest.approx(begin, abs=0.001)
    assert found["requests"]["completed"] == 3


def test_a_gateway_that_is_not_there_does_not_hide_the_report(url: str) -> None:
    ran = run("bench", url, "--requests", 3, "--push-gateway", "http://127.0.0.1:9")
    assert ran.returncode == 2
    assert "3 completed" in ran.stdout
    assert "--push-gateway: http://127.0.0.1:9: " in ran.stderr


def test_a_file_that_cannot_be_written_hides_neither_the_report_nor_the_others(
    url: str, tmp_path: Path
) -> None:
    written = tmp_path / "out.html"
    ran = run("bench", url, "--requests", 3, "--output", tmp_path, "--html", written)
    assert ran.returncode == 2
    assert "3 completed" in ran.stdout
    assert f"{tmp_path}: Is a directory" in ran.stderr
    assert written.exists()


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported_in_a_line_and_loses_no_file(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    for arguments in (("bench", url, "--requests", 3, "--output", out), ("schema",)):
        with FULL.open("w") as full:
            ran = subprocess.run(
                [*COMMAND, *map(str, arguments)],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        assert ran.returncode == 2
        assert "bedrock-frames: standard output: No space left on device\n" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert "Exception ignored" not in ran.stderr
    assert summary(out)["requests"]["completed"] == 3


def test_a_report_that_cannot_be_written_leaves_the_last_one(tmp_path: Path) -> None:
    part = tmp_path / "part.json"
    part.write_text(report(result({"e2e_ms": [1000] * 200})).to_json())
    out = tmp_path / "out.json"
    out.write_text("the last report")
    command = shlex.join([*COMMAND, "merge", str(part), "--output", str(out), "--quiet"])
    # No file may be longer than this: as on a disk that is full.
    ran = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; ulimit -f 1; {command}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert f"{out}: File too large" in ran.stderr
    assert out.read_text() == "the last report"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "part.json"]


def test_a_report_replaces_the_file_that_a_link_names(tmp_path: Path) -> None:
    part, real, link = (tmp_path / name for name in ("part.json", "real.json", "link.json"))
    part.write_text(report(result({"e2e_ms": [1000] * 200})).to_json())
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    run("merge", part, "--output", link, "--quiet")
    assert link.is_symlink()
    assert summary(real)["requests"]["completed"] == 200
    assert real.stat().st_mode & 0o777 == 0o640


def test_errors_have_a_sample_of_what_the_endpoint_said(bedrock: Server, tmp_path: Path) -> None:
    bedrock.add(
        match={"userMessage": "hello"},
        response={
            "error": {
                "message": "the quota of tests is used up",
                "type": "ThrottlingException",
            }
        },
    )
    out, lines = tmp_path / "out.json", tmp_path / "out.jsonl"
    arguments = ("--requests", 3, "--output", out, "--requests-out", lines)
    ran = run("bench", bedrock.url, *arguments)
    assert "429: the quota of tests is used up" in " ".join(ran.stdout.split())
    (kind,) = summary(out)["errors"]
    assert summary(out)["error_samples"] == {kind: "429: the quota of tests is used up"}
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {row["error_message"] for row in rows} == {"429: the quota of tests is used up"}


def test_a_closed_loop_does_not_hammer_an_endpoint_that_fails() -> None:
    asked = []

    def refuse(operation: str, _body: bytes) -> Said:
        asked.append(operation)
        return refusal(503, "ServiceUnavailableException")

    with endpoint(refuse) as url:
        ran = run("bench", url, "--duration", "1s", "--concurrency", 2)
    # 20, 40, 80, 160 and 250 ms: not thousands.
    assert 2 <= len(asked) <= 30
    assert "users of the closed loop paused" in " ".join(ran.stdout.split())


@pytest.mark.parametrize("processes", [1, 2])
def test_so_many_errors_end_a_run(tmp_path: Path, processes: int) -> None:
    out = tmp_path / "out.json"
    with endpoint(lambda _operation, _body: refusal(503, "ServiceUnavailableException")) as url:
        arguments = ("--rate", 100, "--duration", "1h", "--max-errors", 5, "--output", out)
        ran = run("bench", url, *arguments, "--processes", processes)
    assert ran.returncode == 98
    assert "as many requests had failed as max_errors allows" in ran.stderr
    assert 5 <= summary(out)["requests"]["failed"] < 500


@pytest.mark.parametrize("processes", [1, 2])
def test_a_second_ctrl_c_ends_the_wait_and_still_reports(
    bedrock: Server, tmp_path: Path, processes: int
) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "x"}, timing={"ttft_ms": 1})
    # Every other request hangs, far longer than this test.
    hanging = {"ttft_ms": 600_000, "gap_ms": 1}
    bedrock.add(match={"userMessage": "later"}, response={"content": TEXT}, timing=hanging)
    bodies, out = tmp_path / "bodies.jsonl", tmp_path / "out.json"
    asked = [{"messages": [{"role": "user", "content": [{"text": t}]}]} for t in ("hello", "later")]
    bodies.write_text("".join(json.dumps(body) + "\n" for body in asked))
    arguments = ["--rate", "50", "--duration", "1h", "--grace", "1h", "--body-file", str(bodies)]
    arguments += ["--processes", str(processes), "--output", str(out)]
    with subprocess.Popen(
        [*COMMAND, "bench", bedrock.url, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert any("done 0 " not in line for line in process.stderr if "done" in line)
        process.send_signal(signal.SIGINT)
        assert any("interrupted: waiting at most 1:00:00 for" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted" in stdout
    found = summary(out)
    assert found["requests"]["completed"] > 0
    assert found["requests"]["interrupted"] > 0


def test_a_reader_that_leaves_early_does_not_cost_the_report(url: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [*COMMAND, "bench", url, "--requests", "3", "--output", str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(60)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    assert summary(out)["requests"]["completed"] == 3


def test_compare_says_by_its_exit_code_what_became_worse(tmp_path: Path) -> None:
    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    for path, slower in zip(paths, (1, 2), strict=True):
        samples = [slower * (50_000 + 10 * n) for n in range(1000)]
        path.write_text(report(result({"ttft_ms": samples})).to_json())
    worse = run("compare", *paths, "--regress", "10%")
    assert worse.returncode == 1
    assert "worse" in worse.stdout
    better = run("compare", *reversed(paths), "--json")
    assert better.returncode == 0
    changes = {change["figure"]: change for change in json.loads(better.stdout)["changes"]}
    assert changes["ttft.p50"]["change"] == pytest.approx(-0.5, abs=0.01)
    assert run("compare", paths[0], tmp_path / "none.json").returncode == 2


def test_doctor_says_by_its_exit_code_what_is_wrong(url: str) -> None:
    right = run("doctor", url)
    assert right.returncode == 0, right.stdout
    assert "checksums, events and their order are right" in right.stdout
    with endpoint(lambda _operation, _body: Said(pieces=(b"data: x\n\n",))) as other:
        wrong = run("doctor", other, "--json")
    assert wrong.returncode == 1
    assert any(finding["level"] == "wrong" for finding in json.loads(wrong.stdout))


def test_a_body_file_is_what_is_sent(bedrock: Server, tmp_path: Path) -> None:
    bedrock.add(match={"userMessage": "one"}, response={"content": "1"})
    bedrock.add(match={"userMessage": "two"}, response={"content": "2"})
    bodies, out = tmp_path / "bodies.jsonl", tmp_path / "out.json"
    asked = [{"messages": [{"role": "user", "content": [{"text": t}]}]} for t in ("one", "two")]
    bodies.write_text("".join(json.dumps(body) + "\n" for body in asked))
    run("bench", bedrock.url, "--requests", 10, "--body-file", bodies, "--output", out, "--quiet")
    assert summary(out)["requests"]["completed"] == 10
    assert len(bedrock.requests) == 10


@pytest.mark.parametrize("processes", [1, 2])
def test_a_body_file_may_be_a_pipe_and_begin_with_a_byte_order_mark(
    bedrock: Server, tmp_path: Path, processes: int
) -> None:
    bedrock.add(match={"userMessage": "one"}, response={"content": "1"})
    bedrock.add(match={"userMessage": "two"}, response={"content": "2"})
    asked = [{"messages": [{"role": "user", "content": [{"text": t}]}]} for t in ("one", "two")]
    bodies, out = tmp_path / "bodies.jsonl", tmp_path / "out.json"
    text = "".join(json.dumps(body) + "\n" for body in asked)
    bodies.write_text(text, encoding="utf-8-sig")
    arguments = ["--requests", "10", "--concurrency", "2", "--processes", str(processes)]
    command = shlex.join([*COMMAND, "bench", bedrock.url, *arguments, "--output", str(out)])
    ran = subprocess.run(
        ["bash", "-c", f"{command} --quiet --body-file <(cat {shlex.quote(str(bodies))})"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode in (0, 98), ran.stderr
    found = summary(out)
    assert found["requests"]["completed"] == 10
    assert found["options"]["body_file"].startswith("/dev/fd/")
    assert len(bedrock.requests) == 10


def test_a_trace_may_begin_with_a_byte_order_mark_and_has_a_bound(url: str, tmp_path: Path) -> None:
    trace, out = tmp_path / "trace.jsonl", tmp_path / "out.json"
    line = '{"timestamp": 0, "input_length": %d, "output_length": 3}\n'
    trace.write_text(line % 3 * 4, encoding="utf-8-sig")
    ran = run("bench", url, "--trace", trace, "--output", out, "--quiet")
    assert summary(out)["requests"]["sent"] == 4, ran.stderr
    trace.write_text(line % 4_000_000_000)
    ran = run("bench", url, "--trace", trace)
    assert ran.returncode == 2
    assert "line 1: 4000000000 tokens of input; at most 10000000 are sent" in ran.stderr


def test_requests_ask_for_answers_that_are_not_compressed() -> None:
    heads: list[bytes] = []

    def script(connection: socket.socket, request: bytes) -> None:
        heads.append(request.lower())
        connection.sendall(http(b"".join(answer("Hello"))))

    with server(script) as url:
        drive(url, requests=1)
        drive(url, requests=1, headers=[["Accept-Encoding", "gzip"]])
    assert [head.count(b"accept-encoding: ") for head in heads] == [1, 1]
    assert b"\r\naccept-encoding: identity\r\n" in heads[0]
    assert b"\r\naccept-encoding: gzip\r\n" in heads[1]


def test_sessions_have_a_latency_of_their_own(bedrock: Server, tmp_path: Path) -> None:
    call = {"toolCalls": [{"name": "add", "arguments": {"a": 1}}]}
    bedrock.add(match={"hasToolResult": True}, response={"content": "done"})
    bedrock.add(match={"userMessage": "hello", "hasToolResult": False}, response=call)
    out = tmp_path / "out.json"
    arguments = ("--sessions", "--think-time", "30ms", "--requests", 5, "--output", out)
    ran = run("bench", bedrock.url, *arguments, "--threshold", "session.p50>=30ms")
    found = summary(out)
    assert found["metrics"]["session_ms"]["count"] == 5, ran.stdout
    assert found["metrics"]["session_ms"]["min"] >= 30
    assert found["metrics"]["e2e_ms"]["count"] == 10
    assert found["thresholds"][0]["passed"]
    assert "whole session" in ran.stdout


def test_a_report_has_the_title_and_notes_that_it_was_given(url: str, tmp_path: Path) -> None:
    first, merged = tmp_path / "first.json", tmp_path / "merged.json"
    named = ("--title", "Gateway 1.4", "--note", "two cores")
    ran = run("bench", url, "--requests", 3, *named, "--output", first)
    assert ran.stdout.startswith("Gateway 1.4\n")
    assert "note: two cores" in ran.stdout
    assert summary(first)["title"] == "Gateway 1.4"
    run("merge", first, "--title", "All", "--output", merged, "--quiet")
    assert summary(merged)["title"] == "All"


@pytest.mark.parametrize("processes", [1, 2])
def test_the_file_of_requests_is_replaced_when_the_run_has_a_result(
    url: str, tmp_path: Path, processes: int
) -> None:
    lines = tmp_path / "requests.jsonl"
    lines.write_text("of the run before\n")
    options = BenchOptions(
        url=url,
        requests=20,
        arrivals=Closed(concurrency=2),
        processes=processes,
        requests_out=lines,
    )
    seen: list[str] = []

    def note(_: object) -> None:
        seen.append(lines.read_text())

    run_bench(options, on_progress=note)

    assert set(seen) <= {"of the run before\n"}
    assert len(lines.read_text().splitlines()) == 20
    assert [path.name for path in tmp_path.iterdir()] == [lines.name]


def test_the_file_of_requests_stays_where_a_run_fails(url: str, tmp_path: Path) -> None:
    lines = tmp_path / "requests.jsonl"
    lines.write_text("of the run before\n")

    def fail(_: BenchOptions) -> Load:
        raise RuntimeError("the generator failed")

    with pytest.raises(RuntimeError, match="the generator failed"):
        run_bench(BenchOptions(url=url, requests_out=lines), load=fail)

    assert lines.read_text() == "of the run before\n"
    assert [path.name for path in tmp_path.iterdir()] == [lines.name]

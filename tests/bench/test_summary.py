"""``summary.json``: what stands in it, what may not, and when it is to be trusted."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bedrock_frames.bench import (
    Auth,
    BenchOptions,
    Closed,
    InputError,
    OptionError,
    Progress,
    Rate,
    Report,
    Sessions,
    merge_reports,
    parse_threshold,
    read_report,
    run_bench,
)
from bedrock_frames.bench.report.merge import merge_results
from bedrock_frames.bench.report.results import METRIC_NAMES, Result
from bedrock_frames.cli.bench_arguments import LazyParser, add_bench, read_bench
from tests.support.bench_results import report, result

GOOD = result({"ttft_ms": [50_000] * 200, "e2e_ms": [90_000] * 200, "schedule_delay_ms": [200]})


class Finished:
    """A generator that has a result, and is interrupted in some of its waits."""

    def __init__(
        self, found: Result, *, interrupted_in: tuple[int, ...] = (), waits: int = 2
    ) -> None:
        self.found = found
        self.waited = 0
        self.waits = waits
        self.interrupted_in = interrupted_in
        self.said: list[str] = []

    def start(self) -> None:
        self.said.append("start")

    def progress(self) -> Progress:
        return Progress(sent=self.waited, in_flight=44)

    def stop(self) -> None:
        self.said.append("stop")

    def cut(self) -> None:
        self.said.append("cut")

    def wait(self, timeout: float) -> bool:  # noqa: ARG002
        self.waited += 1
        if self.waited in self.interrupted_in:
            raise KeyboardInterrupt
        return self.waited > self.waits

    def result(self) -> Result:
        return self.found


def loaded(load: Finished) -> Callable[[BenchOptions], Finished]:
    return lambda _: load


OPTIONS = BenchOptions(url="http://127.0.0.1:1", arrivals=Rate(rate=5), duration=2)


def test_a_report_has_what_it_promises() -> None:
    summary = json.loads(run_bench(OPTIONS, load=loaded(Finished(GOOD))).to_json())
    promised = {"schema", "trustworthy", "reasons", "requests", "errors", "metrics", "rates"}
    assert promised | {"formulas", "environment", "options"} <= summary.keys()
    assert summary["schema"] == "bedrock-frames/bench/1"
    assert set(summary["metrics"]) == set(METRIC_NAMES)
    figures = {"count", "mean", "min", "p50", "p90", "p95", "p99", "p999", "max"}
    assert all(figures == set(metric) for metric in summary["metrics"].values())
    rates = {"requested_requests_per_s", "requests_per_s", "frames_per_s"}
    rates |= {"requested_sessions_per_s", "sessions_per_s"}
    assert rates | {"output_tokens_per_s", "goodput_per_s"} == set(summary["rates"])
    assert {"sent", "completed", "failed"} <= set(summary["requests"])
    assert summary["options"]["seed"] == 0
    assert set(METRIC_NAMES) <= set(summary["formulas"])


def test_a_report_fits_its_schema() -> None:
    summary = json.loads(report(GOOD, thresholds=[parse_threshold("ttft.p99<1s")]).to_json())
    schema = Report.model_json_schema(mode="serialization")
    jsonschema.validate(summary, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(summary | {"schema": "bedrock-frames/bench/0"}, schema)


def test_a_report_read_again_is_the_same(tmp_path: Path) -> None:
    written = report(GOOD)
    path = tmp_path / "summary.json"
    path.write_text(written.to_json())
    assert read_report(path) == written


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "other/1"}'])
def test_a_file_that_is_not_a_report_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"wrong\.json"):
        read_report(path)


def test_no_secret_reaches_a_report_or_a_representation() -> None:
    options = BenchOptions(
        url="http://127.0.0.1:1",
        auth=Auth(kind="sigv4", access_key="KEY", secret_key="HUSH", region="r"),  # noqa: S106
        headers=(("x-token", "HUSH"),),
        requests=1,
    )
    written = run_bench(options, load=loaded(Finished(GOOD))).to_json()
    assert "HUSH" in json.dumps(options.native())
    assert "HUSH" not in written
    assert "KEY" not in repr(options.auth)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"metrics": {"schedule_delay_ms": [6_000], "e2e_ms": [9]}}, "could not keep its schedule"),
        ({"audit": {"elapsed_s": 10, "cpu_of_threads_s": [2, 9.5]}}, "95% of its processor"),
        ({"audit": {"loop_delay_ms": {"count": 9, "p99": 7.0}}}, "loop was 7.0 ms late"),
        ({"audit": {"out_of_ports": 3}}, "no free port"),
        ({"audit": {"out_of_files": 3}}, "no free file"),
        ({"audit": {"stopped_by_errors": True}}, "as many requests had failed as max_errors"),
        ({"audit": {"lost": ["process 1 of 2 is lost"]}}, "process 1 of 2 is lost"),
        ({"completed": 0}, "no request was sent"),
        ({"completed": 0, "errors": {"connect": 5}}, "none of 5 requests completed"),
    ],
)
def test_a_generator_that_measured_itself_is_not_trusted(
    parts: dict[str, Any], reason: str
) -> None:
    doubted = report(result(**{"completed": 200, **parts}))
    assert not doubted.trustworthy
    assert any(reason in text for text in doubted.reasons), doubted.reasons
    assert doubted.exit_code == 98


def test_a_delay_of_a_hundredth_of_the_measured_time_is_accepted() -> None:
    slow = {"ttft_ms": [2_000_000] * 200, "schedule_delay_ms": [19_000]}
    assert report(result(slow)).trustworthy
    assert not report(result(slow | {"schedule_delay_ms": [21_000]})).trustworthy


def test_missed_thresholds_and_doubts_have_exit_codes_of_their_own() -> None:
    kept, missed = parse_threshold("ttft.p99<51ms"), parse_threshold("ttft.p99<49ms")
    doubtful = result(errors={"connect": 1}, completed=0)
    assert report(GOOD, thresholds=[kept]).exit_code == 0
    assert report(GOOD, thresholds=[kept, missed]).exit_code == 99
    assert report(doubtful, thresholds=[missed]).exit_code == 98
    assert report(doubtful, interrupted=True).exit_code == 130


def test_an_interrupt_ends_the_run_and_still_reports() -> None:
    load, told = Finished(GOOD, interrupted_in=(1,)), list[str]()
    found = run_bench(OPTIONS, load=loaded(load), on_stop=told.append)
    assert load.said == ["start", "stop"]
    assert found.interrupted
    assert found.requests.completed == 200
    (said,) = told
    assert said.startswith("interrupted: waiting at most 30.0 s for 44 requests to end; interrupt")


@pytest.mark.parametrize("interrupted_in", [(1, 2), (1, 2, 3, 4)])
def test_a_second_interrupt_ends_the_grace_and_not_the_report(
    interrupted_in: tuple[int, ...],
) -> None:
    load = Finished(GOOD, interrupted_in=interrupted_in)
    found = run_bench(OPTIONS, load=loaded(load))
    assert load.said == ["start", "stop", *["cut"] * (len(interrupted_in) - 1)]
    assert found.interrupted
    assert found.requests.completed == 200


def test_a_run_that_no_interrupt_ends_is_given_up() -> None:
    load = Finished(GOOD, interrupted_in=tuple(range(1, 100)), waits=100)
    with pytest.raises(KeyboardInterrupt):
        run_bench(OPTIONS, load=loaded(load))


def test_errors_are_not_taken_for_an_endpoint_that_does_not_keep_up() -> None:
    rates = {"requested_requests_per_s": 12, "requests_per_s": 5.5}
    failing = report(result({"e2e_ms": [9] * 55}, errors={"http:503": 65}, rates=rates))
    notes = [note for note in failing.notes if "a second completed" in note]
    assert notes == [
        "5.5 of 12.0 requests a second completed in the window: 54.2% of the requests failed"
    ]
    slow = report(result({"e2e_ms": [9] * 55}, errors={"http:503": 2}, rates=rates))
    assert any("does not keep up" in note for note in slow.notes)


@pytest.mark.parametrize(
    ("parts", "note"),
    [
        (
            {"requests": {"sent": 200, "completed": 200, "without_content": 50}},
            (
                "25.0% of the completed streams have output tokens, and no content in a form that "
                "is known: they have no first token"
            ),
        ),
        (
            {"unknown_events": {"surprise": 3, "ping": 1}},
            "4 events are not in the service model, and SDKs skip them: ping, surprise",
        ),
        (
            {"audit": {"paused": 1200}},
            (
                "users of the closed loop paused 1,200 times, 20 ms to 250 ms each, as several of "
                "their requests in a row had failed"
            ),
        ),
    ],
)
def test_what_a_reader_should_know_is_noted(parts: dict[str, Any], note: str) -> None:
    assert note in report(result({"e2e_ms": [9] * 200}, **parts)).notes


def test_a_merge_adds_what_failed_and_keeps_the_first_samples() -> None:
    one = result({}, errors={"http:503": 2}, error_samples={"http:503": "503: one"})
    other = result(
        {},
        errors={"http:503": 1, "crc": 1},
        error_samples={"http:503": "503: other", "crc": "frame 1"},
        unknown_events={"surprise": 3},
        series=[{"second": 0, "failed": 2, "errors": {"crc": 1, "http:503": 1}}],
    )
    merged = merge_results([one, other, other])
    assert merged.errors == {"http:503": 4, "crc": 2}
    assert merged.error_samples == {"http:503": "503: one", "crc": "frame 1"}
    assert merged.unknown_events == {"surprise": 6}
    assert merged.series[0].errors == {"crc": 2, "http:503": 2}


def test_progress_is_passed_on_while_a_run_goes_on() -> None:
    seen: list[Progress] = []
    run_bench(OPTIONS, load=loaded(Finished(GOOD, waits=3)), on_progress=seen.append)
    assert [progress.sent for progress in seen] == [1, 2, 3]


def test_a_part_that_is_not_trusted_spoils_the_merge() -> None:
    doubtful = report(result({"e2e_ms": [1000] * 200}, audit={"out_of_ports": 1}))
    merged = merge_reports([report(GOOD), doubtful])
    assert not merged.trustworthy
    assert merged.parts == 2
    assert merged.requests.completed == 400


def test_a_merge_of_runs_at_different_times_is_reported() -> None:
    later = report(GOOD.model_copy(update={"started_at": GOOD.started_at + 11}))
    assert any("at the same time" in note for note in merge_reports([report(GOOD), later]).notes)
    assert merge_reports([report(GOOD), report(GOOD)]).notes == []


def test_a_part_that_started_late_is_reported() -> None:
    late = GOOD.model_copy(update={"started_at": GOOD.started_at + 0.4})
    assert merge_reports([report(GOOD), report(late)]).notes == [
        "the parts began 0.4 s apart; their seconds are aligned"
    ]
    assert report(late, start_at=GOOD.started_at).notes == [
        "it began 0.4 s after the moment of start-at"
    ]
    assert report(late, start_at=late.started_at).notes == []


def test_reports_of_different_runs_are_not_merged() -> None:
    with pytest.raises(InputError, match="model differs"):
        merge_reports([report(GOOD), report(GOOD, model="another")])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"url": "ftp://x"}, "url: must begin with"),
        ({"operation": "chat"}, "operation: must be one of converse-stream"),
        ({"arrivals": lambda: Rate(rate=0)}, "rate: must be above 0, not 0"),
        ({"arrivals": lambda: Rate(rate=1, burstiness=-1)}, "burstiness: must be above 0"),
        ({"duration": float("nan")}, "duration: must be above 0"),
        ({"threads": 0}, "threads: must be at least 1, not 0"),
        ({"threads": 2000}, "threads: must be 1 to 1024, not 2000"),
        ({"processes": 10**9}, "processes: must be 1 to 256, not 1000000000"),
        ({"arrivals": lambda: Closed(concurrency=10**9)}, "concurrency: must be 1 to 1000000, not"),
        ({"max_errors": 0}, "max_errors: must be at least 1, not 0"),
        ({"operation": "converse", "goals": {"ttft_ms": 1.0}}, "goodput: only a stream has"),
        ({"body_file": Path("/nowhere/at/all")}, "is not a file"),
    ],
)
def test_an_option_without_sense_is_refused_with_what_is_allowed(
    given: dict[str, Any], named: str
) -> None:
    def make() -> BenchOptions:
        made = {name: value() if callable(value) else value for name, value in given.items()}
        return BenchOptions(**{"url": "http://127.0.0.1:1", **made})

    with pytest.raises(OptionError, match=named):
        make()


def test_every_option_can_be_given_by_a_flag_and_from_python() -> None:
    """The flags are made from the models: no option is stated twice, and none is missing."""
    parser = LazyParser(prog="bench")
    parser.fill = add_bench
    given = [
        *("http://127.0.0.1:1", "--model", "m", "--header", "A: b", "--insecure", "--http", "h1"),
        *("--message", "hi", "--operation", "converse", "--sessions", "--think-time", "2s"),
        *("--max-turns", "3", "--tool-result", "r", "--session-header", "S", "--rate", "5"),
        *("--arrival", "gamma", "--burstiness", "2", "--duration", "90s", "--requests", "7"),
        *("--warmup", "1s", "--ramp", "500ms", "--timeout", "3s", "--grace", "0"),
        *("--max-in-flight", "8", "--max-errors", "9", "--seed", "4", "--threads", "2"),
        *("--processes", "2", "--start-at", "5.5", "--share", "1/3", "--source", "127.0.0.1"),
        *("--source", "::1", "--expect-text", "t", "--fail-bursts", "--goodput", "e2e:1s"),
    ]
    stated = BenchOptions(
        url="http://127.0.0.1:1",
        model="m",
        headers=(("A", "b"),),
        insecure=True,
        http="h1",
        message="hi",
        operation="converse",
        sessions=Sessions(think_time=2, max_turns=3, tool_result="r", header="S"),
        arrivals=Rate(rate=5, process="gamma", burstiness=2),
        duration=90,
        requests=7,
        warmup=1,
        ramp=0.5,
        timeout=3,
        grace=0,
        max_in_flight=8,
        max_errors=9,
        seed=4,
        threads=2,
        processes=2,
        start_at=5.5,
        share=(1, 3),
        sources=("127.0.0.1", "::1"),
        expect_text="t",
        fail_bursts=True,
        goals={"e2e_ms": 1000},
    )

    assert read_bench(parser.parse_args(given), {}) == stated
    bare = LazyParser(prog="bench")
    bare.fill = add_bench
    found = read_bench(bare.parse_args(["http://127.0.0.1:1"]), {})
    assert found == BenchOptions(url="http://127.0.0.1:1")

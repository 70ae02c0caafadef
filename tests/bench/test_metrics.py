"""A report as metrics: every figure once, under the name that others know it by."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from bedrock_frames.bench import Report, parse_threshold, push, to_openmetrics
from bedrock_frames.bench.report.metrics import LONG
from tests.support.bench_results import report, result

TTFT: Final = [1000 * n for n in range(1, 1001)]
"""A millisecond to a second, in microseconds."""


def measured() -> Report:
    found = result(
        {"ttft_ms": TTFT, "e2e_ms": [2_000_000] * 1000, "schedule_delay_ms": [300]},
        errors={"http:ThrottlingException": 3, "crc": 1},
        totals={"input_tokens": 7, "output_tokens": 5000},
    )
    thresholds = [parse_threshold("ttft.p99<1s"), parse_threshold("ttft.p50<1ms")]
    return report(found, thresholds=thresholds, url="http://example.test:81/x", model="a.b:0")


def families(metrics: Iterable[Metric]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


def values(metric: Metric, label: str) -> dict[str, float]:
    return {sample.labels[label]: sample.value for sample in metric.samples}


def test_distributions_have_the_conventions_names_attributes_and_bounds() -> None:
    found = families(read_openmetrics(to_openmetrics(measured())))
    ttft = found["gen_ai_client_operation_time_to_first_chunk_seconds"]
    assert (ttft.type, ttft.unit) == ("histogram", "seconds")
    attributes = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "aws.bedrock",
        "gen_ai_request_model": "a.b:0",
        "server_address": "example.test",
        "server_port": "81",
    }
    assert all(attributes.items() <= sample.labels.items() for sample in ttft.samples)
    buckets = [sample for sample in ttft.samples if sample.name.endswith("_bucket")]
    assert [float(sample.labels["le"]) for sample in buckets] == [*LONG, float("inf")]
    for sample in buckets:
        below = sum(value <= float(sample.labels["le"]) * 1e6 for value in TTFT)
        # A bucket of the histogram may reach a thousandth beyond the bound.
        assert below - 1 <= sample.value <= below
    ends = {sample.name.rpartition("_")[2]: sample.value for sample in ttft.samples[-2:]}
    assert ends == {"count": 1000, "sum": pytest.approx(sum(TTFT) / 1e6)}
    assert "gen_ai_client_operation_duration_seconds" in found
    # There were no gaps to measure.
    assert "gen_ai_client_operation_time_per_output_chunk_seconds" not in found


def test_counts_and_verdicts_are_there() -> None:
    found = families(read_openmetrics(to_openmetrics(measured())))
    requests = values(found["bedrock_frames_bench_requests"], "error_type")
    # What completed and what was interrupted have no error, and are told apart by their outcome.
    assert requests == {"": 0, "http:ThrottlingException": 3, "crc": 1}
    outcomes = values(found["bedrock_frames_bench_requests"], "outcome")
    assert outcomes["completed"] == 1000
    tokens = values(found["bedrock_frames_bench_tokens"], "gen_ai_token_type")
    assert tokens == {"input": 7, "output": 5000}
    kept = values(found["bedrock_frames_bench_threshold_kept"], "threshold")
    assert kept == {"ttft.p99<1s": 1, "ttft.p50<1ms": 0}
    assert [s.value for s in found["bedrock_frames_bench_trustworthy"].samples] == [1]
    assert found["bedrock_frames_bench_requests_per_second"].samples[0].value == 100


def test_a_report_of_nothing_has_no_distributions() -> None:
    found = families(read_openmetrics(to_openmetrics(report(result()))))
    assert not [name for name in found if name.startswith("gen_ai")]
    assert found["bedrock_frames_bench_trustworthy"].samples[0].value == 0


@contextmanager
def gateway(status: int) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Take what is pushed; yield the URL, and method, path and body of every request."""
    pushed: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            pushed.append((self.command, self.path, body.decode()))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base has that name)
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", pushed
        finally:
            server.shutdown()
            thread.join()


def test_a_push_replaces_what_the_gateway_has_of_the_endpoint() -> None:
    with gateway(200) as (url, pushed):
        push(measured(), url)
    ((method, path, body),) = pushed
    assert (method, path) == ("PUT", "/metrics/job/bedrock_frames_bench/instance/example.test%3A81")
    found = families(read_text(body))
    assert "gen_ai_client_operation_duration_seconds" in found
    assert "bedrock_frames_bench_requests" in found


def test_a_gateway_that_refuses_or_is_not_there_is_an_error() -> None:
    with gateway(500) as (url, _), pytest.raises(OSError, match="500"):
        push(measured(), url)
    with pytest.raises(OSError, match="refused"):
        push(measured(), url)

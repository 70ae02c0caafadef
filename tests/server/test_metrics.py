"""What the plane says of itself, after a workload that is known to the byte."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from bedrock_frames import decode_all
from bedrock_frames._core import Engine, self_signed
from bedrock_frames.server import NativeServer, Place, create_app
from bedrock_frames.server.app import parts_of
from bedrock_frames.server.metrics import Counts, Figures
from tests.support.hostile_clients import vanish
from tests.support.http2_client import http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Reply, ask, asking, connect
from tests.support.native_server import at_rest, paced, plane, until, wait_for
from tests.support.serve_process import samples, wait_for_samples

NOW: Final[Any] = {"match": {"userMessage": "now"}, "response": {"content": "one two three"}}
CUT: Final[Any] = {
    "match": {"userMessage": "cut"},
    "response": {"content": "never to be heard to its end"},
    "chunkSize": 3,
    "truncateAfterChunks": 4,
}
LARGE: Final[Any] = {
    "match": {"userMessage": "large"},
    "response": {"content": "x" * 8_000_000},
    "chunkSize": 100_000,
}
PACED: Final = "little by little"
ENDLESS: Final = "for ever and ever and ever"
FIXTURES: Final = [
    *(NOW, CUT, LARGE),
    paced(PACED, gap_ms=2, ttft_ms=5),
    paced(ENDLESS, gap_ms=3_600_000),
]
HISTOGRAMS: Final = ("write_lateness_seconds", "first_frame_seconds", "stream_seconds")
COUNTERS: Final = (
    "answers_aborted_total{reason=client left}",
    "answers_aborted_total{reason=fixture}",
    "answers_aborted_total{reason=stalled}",
    "answers_aborted_total{reason=stopped}",
    "body_sent_bytes_total",
    "connections_accepted_total",
    "disconnects_total",
    "frames_sent_total",
    "requests_refused_total",
    "sessions_evicted_total",
    "unmatched_total",
    "writes_blocked_total",
)
GAUGES: Final = ("connections", "requests_in_flight", "streams_active", "fixtures", "sessions")
IDLE: Final = {"requests_in_flight": 0.0, "streams_active": 0.0, "connections": 1.0}


@pytest.fixture
def url() -> Iterator[str]:
    with NativeServer(create_app(FIXTURES), Place(threads=2)) as running:
        yield running.url


def say(url: str, text: str, times: int, version: str) -> list[Reply]:
    """Ask for a stream again and again, on one connection."""
    if version == "h2":
        with http2(url) as two:
            return [two.ask(CONVERSE_STREAM, asking(text)) for _ in range(times)]
    with connect(url) as one:
        return [one.ask("POST", CONVERSE_STREAM, asking(text)) for _ in range(times)]


def frames(replies: list[Reply]) -> int:
    return sum(len(decode_all(reply.body)) for reply in replies)


def test_all_figures_are_there_and_begin_at_nothing(url: str) -> None:
    found = samples(url)

    assert {found[name] for name in COUNTERS if "connections" not in name} == {0}
    assert {found[f"{name}_count"] for name in HISTOGRAMS} == {0}
    assert {found[f"{name}_sum"] for name in HISTOGRAMS} == {0}
    assert found["connections"] == found["connections_accepted_total"] == 1
    assert [found[name] for name in GAUGES[1:]] == [0, 0, len(FIXTURES), 0]


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_frames_bytes_and_times_of_what_was_said(url: str, version: str) -> None:
    at_once, paced_ = say(url, "now", 5, version), say(url, PACED, 3, version)
    found = wait_for_samples(url, **IDLE)
    both = [*at_once, *paced_]

    assert found["frames_sent_total"] == frames(both)
    assert found["body_sent_bytes_total"] == sum(len(reply.body) for reply in both)
    assert found["requests_total{operation=converse-stream,status=200}"] == 8
    assert found["first_frame_seconds_count"] == found["stream_seconds_count"] == 8
    # What is due at once is not late, and what is due together goes together.
    assert 3 <= found["write_lateness_seconds_count"] < frames(paced_)
    assert 0 < found["first_frame_seconds_sum"] < found["stream_seconds_sum"]
    assert sum(found[name] for name in COUNTERS if "aborted" in name) == 0


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_what_was_not_sent_to_its_end_is_counted_by_its_reason(url: str, version: str) -> None:
    # Over HTTP/1.1 each takes its connection with it.
    cut = [reply for _ in range(4) for reply in say(url, "cut", 1, version)]
    if version == "h1":
        with connect(url) as one:
            one.send("POST", CONVERSE_STREAM, asking(ENDLESS))
            one.socket.recv(1)
            under_way = wait_for_samples(url, streams_active=1.0)
            vanish(one)
    else:
        with http2(url) as two:
            two.ask_for(CONVERSE_STREAM, asking(ENDLESS))
            under_way = wait_for_samples(url, streams_active=1.0)
    found = wait_for_samples(url, **IDLE)

    assert [reply.complete for reply in cut] == [False] * 4
    assert under_way["requests_in_flight"] == under_way["streams_active"] == 1
    assert under_way["connections"] == 2
    assert found["answers_aborted_total{reason=fixture}"] == 4
    assert found["answers_aborted_total{reason=client left}"] == 1
    assert found["disconnects_total"] == 1
    assert found["stream_seconds_count"] == 0


def test_whole_answers_count_their_bytes_and_no_frames(url: str) -> None:
    replies = [ask(url, "POST", CONVERSE, asking(text)) for text in ("now", PACED, "nobody")]
    found = wait_for_samples(url, **IDLE)

    assert found["frames_sent_total"] == found["first_frame_seconds_count"] == 0
    assert found["body_sent_bytes_total"] == sum(len(reply.body) for reply in replies)
    assert found["unmatched_total"] == found["requests_total{operation=converse,status=404}"] == 1


def test_a_write_that_a_socket_takes_a_part_of_is_counted(url: str) -> None:
    # Compiled: what is waited for is its way out.
    whole = ask(url, "POST", CONVERSE_STREAM, asking("large"))
    blocked = samples(url)["writes_blocked_total"]
    with connect(url) as connection:
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        connection.send("POST", CONVERSE_STREAM, asking("large"))
        wait_for_samples(url, requests_in_flight=1.0)
        reply = connection.reply()
    found = wait_for_samples(url, **IDLE)

    assert reply.complete
    assert found["writes_blocked_total"] > blocked
    assert found["body_sent_bytes_total"] == len(whole.body) + len(reply.body)


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_what_is_beyond_a_bound_is_counted(version: str) -> None:
    with plane([paced(ENDLESS, gap_ms=3_600_000)], max_in_flight=1, max_connections=2) as (
        url,
        serving,
    ):
        with connect(url) as first:
            first.send("POST", CONVERSE_STREAM, asking(ENDLESS))
            first.socket.recv(1)
            if version == "h1":
                with connect(url) as second:
                    assert second.ask("POST", CONVERSE, asking(ENDLESS)).status == 503
            else:
                with http2(url) as two, connect(url) as third:
                    assert two.ask(CONVERSE, asking(ENDLESS)).status == 503
                    assert third.reply().status == 503
        found = wait_for(serving, in_flight=0)
    assert found.refused == (1 if version == "h1" else 2)


def test_a_write_that_a_socket_does_not_take_is_counted_over_http_2_too() -> None:
    with plane([LARGE]) as (url, serving):
        # Compiled: what is waited for is its way out.
        assert ask(url, "POST", CONVERSE_STREAM, asking("large")).complete
        before = at_rest(serving).blocked
        with http2(url) as two:
            stream = two.ask_for(CONVERSE_STREAM, asking("large"))
            until(lambda: serving.figures().blocked > before, "blocked")
            assert two.reply(stream).complete


def test_a_reader_that_stands_still_is_blocked_once_over_tls_too(tmp_path: Path) -> None:
    pems = self_signed(["localhost"])
    trusting = tmp_path / "certificate.pem"
    trusting.write_text(pems[0])
    pieces = {**LARGE, "timing": {"ttft_ms": 1, "gap_ms": 5}}
    with plane([pieces], threads=1, tls=pems) as (url, serving):
        # Compiled: what is waited for is its way out.
        whole = ask(url, "POST", CONVERSE_STREAM, asking("large"), trusting=trusting)
        before = at_rest(serving).blocked
        with connect(url, trusting=trusting, receive_buffer=16_384) as one:
            one.send("POST", CONVERSE_STREAM, asking("large"))
            until(lambda: serving.figures().blocked > before, "blocked")
            # As long as all of it takes: write after write becomes due.
            time.sleep(0.005 * len(decode_all(whole.body)))
            assert serving.figures().blocked == before + 1


def test_malformed_requests_are_counted(url: str) -> None:
    with connect(url) as connection:
        connection.socket.sendall(f"POST {CONVERSE} HTTP/1.1\r\nno colon\r\n\r\n".encode())
        assert connection.reply().status == 400
    found = wait_for_samples(url, **IDLE)

    assert found["requests_refused_total"] == 1
    assert sum(v for name, v in found.items() if name.startswith("requests_total")) == 0


def frames_sent(collector: Collector) -> float:
    found = (s for family in collector.collect() for s in family.samples)
    return next(s.value for s in found if s.name == "bedrock_frames_frames_sent_total")


def test_metrics_in_the_process_include_the_running_server() -> None:
    app = create_app(FIXTURES)
    figures = parts_of(app).figures
    with NativeServer(app, Place(threads=1)) as running:
        replies = say(running.url, "now", 3, "h1")
        wait_for_samples(running.url, **IDLE)
        assert frames_sent(figures) == frames(replies)
    assert frames_sent(figures) == 0


def test_a_scrape_is_of_one_moment() -> None:
    looks = count(1)

    def look() -> tuple[Counts, list[Metric]]:
        counts = Counts()
        counts.frames = next(looks)
        return counts, [GaugeMetricFamily("also", "", counts.frames)]

    figures = Figures(Counts(), Engine())
    with ExitStack() as stack:
        stack.callback(figures.take_from(look))
        for at in (1, 2):
            found = {s.name: s.value for family in figures.collect() for s in family.samples}
            assert found["bedrock_frames_frames_sent_total"] == found["also"] == at


def test_buckets_add_up(url: str) -> None:
    say(url, PACED, 5, "h1")
    found = wait_for_samples(url, **IDLE)

    for name in HISTOGRAMS:
        buckets = [v for key, v in found.items() if key.startswith(f"{name}_bucket")]
        assert buckets == sorted(buckets)
        assert buckets[-1] == found[f"{name}_count"] > 0

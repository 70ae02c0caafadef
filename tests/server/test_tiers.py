"""One engine; two tiers, two protocols, with TLS and without: the same bytes."""

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from bedrock_frames import fixtures
from bedrock_frames.server import NativeServer, Place, Server, create_app
from tests.support import vector_cases
from tests.support.http2_client import http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, JSON, MODEL, asking, connect
from tests.support.native_server import curl, needs_curl, until
from tests.support.vector_cases import ROOT

EXAMPLES: Final = sorted((ROOT / "examples" / "fixtures").iterdir())
SEED: Final = 11
PACES: Final = {"timing", "latency", "streamingProfile", "recordedTimings", "replaySpeed"}
PACE_IDS: Final = ["now", "paced"]

Asked = list[tuple[str, bytes]]
"""Paths and bodies."""
Heard = tuple[int, str | None, str | None, bytes]
"""Status, content type, error type and body."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A server, and how it is spoken to."""

    asgi: bool = False
    tls: bool = False
    http2: bool = False

    def __str__(self) -> str:
        tier = "asgi" if self.asgi else "native"
        return " ".join([tier, *["TLS"] * self.tls, "h2" if self.http2 else "h1"])


PORTABLE: Final = Way(asgi=True)
NATIVE: Final = (Way(), Way(http2=True), Way(tls=True), Way(tls=True, http2=True))


@contextmanager
def served(way: Way, given: list[dict[str, Any]]) -> Iterator[tuple[str, Path | None]]:
    """Serve fixtures one way; yield the URL, and the certificate to trust."""
    if way.asgi:
        with Server(given, seed=SEED, asgi=True) as server:
            yield server.url, None
        return
    with NativeServer(create_app(given, seed=SEED), Place(tls=way.tls)) as running:
        yield running.url, running.certificate


@contextmanager
def serving(way: Way, given: list[dict[str, Any]]) -> Iterator[httpx.Client]:
    """Serve fixtures one way; yield a client that speaks so, and no other way."""
    with served(way, given) as (url, certificate), speaking(way, url, certificate) as client:
        yield client


def speaking(way: Way, url: str, certificate: Path | None) -> httpx.Client:
    protocols: Any = {"http1": not way.http2, "http2": way.http2, "trust_env": False}
    trust = False if certificate is None else ssl.create_default_context(cafile=certificate)
    return httpx.Client(base_url=url, verify=trust, **protocols)


def heard(way: Way, given: list[dict[str, Any]], asked: Asked) -> list[Heard]:
    with serving(way, given) as client:
        replies = [client.post(path, content=body, headers=JSON) for path, body in asked]
    assert {reply.http_version for reply in replies} == {"HTTP/2" if way.http2 else "HTTP/1.1"}
    return [
        (
            reply.status_code,
            reply.headers.get("content-type"),
            reply.headers.get("x-amzn-errortype"),
            reply.content,
        )
        for reply in replies
    ]


def with_pace(path: Path, pace: dict[str, Any]) -> list[dict[str, Any]]:
    stated: list[dict[str, Any]] = fixtures.load([path]).to_json()
    return [{**{k: v for k, v in f.items() if k not in PACES}, **pace} for f in stated]


def questions(path: Path) -> Iterator[str]:
    """Yield what its fixtures want to be asked, twice for sequences, and what none answers."""
    for fixture in with_pace(path, {}):
        asked = fixture.get("match", {}).get("userMessage", "anything")
        yield from [asked if isinstance(asked, str) else "say it"] * 2
    yield "what nobody knows"


def every_operation(text: str, model: str = MODEL) -> Asked:
    invoking = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
    }
    converse, invoke = (json.dumps(body).encode() for body in (asking(text), invoking))
    bodies = {
        "converse": converse,
        "converse-stream": converse,
        "invoke": invoke,
        "invoke-with-response-stream": invoke,
        "count-tokens": json.dumps({"input": {"converse": asking(text)}}).encode(),
    }
    return [(f"/model/{model}/{operation}", body) for operation, body in bodies.items()]


def asked_of(path: Path) -> Asked:
    return [request for text in questions(path) for request in every_operation(text)]


@pytest.mark.parametrize(
    "pace", [{}, {"timing": {"ttft_ms": 1, "gap_ms": 1}}], ids=["now", "paced"]
)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_the_same_bytes_every_way(path: Path, pace: dict[str, Any]) -> None:
    given, asked = with_pace(path, pace), asked_of(path)
    expected = heard(PORTABLE, given, asked)

    assert {200, 404} <= {status for status, *_ in expected}
    for way in NATIVE:
        assert heard(way, given, asked) == expected, way


@needs_curl
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_curl_receives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    given, asked = with_pace(path, {}), asked_of(path)
    expected = [(status, body) for status, _, _, body in heard(PORTABLE, given, asked)]
    got = []
    with Server(given, seed=SEED) as server:
        for target, body in asked:
            url = server.url + target
            status, version, answer = curl(tmp_path, url, "--http2-prior-knowledge", body=body)
            got.append((status, answer))
            assert version == "2"

    assert got == expected


def of_recordings(pace: dict[str, Any]) -> tuple[list[dict[str, Any]], Asked]:
    """Return fixtures and requests; the n-th request wants the n-th recording, byte for byte."""
    given: list[dict[str, Any]] = []
    asked: Asked = []
    for at, recording in enumerate(vector_cases.RECORDINGS):
        model = f"recording.{at}"
        match = {"model": {"equals": model}}
        fixture: Any = fixtures.from_recording(recording.data, match=match, padding=True)
        given.append({**fixture, **pace})
        said = "converse-stream" if "events" in fixture["response"] else "with-response-stream"
        asked += [r for r in every_operation("hello", model) if r[0].endswith(said)]
    return given, asked


@vector_cases.needs_corpus
@pytest.mark.parametrize("pace", [{}, {"timing": {"ttft_ms": 0, "gap_ms": 0.1}}], ids=PACE_IDS)
def test_recordings_are_served_byte_for_byte_every_way(pace: dict[str, Any]) -> None:
    given, asked = of_recordings(pace)

    assert len(asked) == len(vector_cases.RECORDINGS) > 60
    for way in (PORTABLE, *NATIVE):
        replies = heard(way, given, asked)
        for recording, (status, _, _, body) in zip(vector_cases.RECORDINGS, replies, strict=True):
            assert (status, body) == (200, recording.data), (way, recording.name)


@vector_cases.needs_corpus
def test_what_else_recordings_are_asked_is_the_same_every_way() -> None:
    given, _ = of_recordings({})
    asked = [r for at in range(len(given)) for r in every_operation("hello", f"recording.{at}")]
    expected = heard(PORTABLE, given, asked)

    for way in NATIVE:
        assert heard(way, given, asked) == expected, way


def leave(way: Way, url: str, certificate: Path | None, path: str) -> None:
    """Ask, see that the answer has begun, and leave without having read it."""
    if way.http2:
        with http2(url, trusting=certificate) as two:
            stream = two.ask_for(path, asking("hello"))
            while not two.answers[stream].headers:
                two.read()
    else:
        with connect(url, trusting=certificate) as one:
            one.send("POST", path, asking("hello"))
            # A TLS socket cannot peek.
            one.socket.recv(1, 0 if way.tls else socket.MSG_PEEK)


@pytest.mark.parametrize("path", [CONVERSE, CONVERSE_STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("way", [PORTABLE, *NATIVE], ids=str)
def test_who_leaves_before_the_end_has_left_every_way(way: Way, path: str) -> None:
    large = {"match": {}, "response": {"content": "x" * 9_000_000}, "chunkSize": 4096}
    with served(way, [large]) as (url, certificate), speaking(way, url, certificate) as client:

        def ended() -> Any:
            journal = client.get("/__control/journal").json()
            return [
                entry["response"] for entry in journal if entry["response"]["outcome"] != "pending"
            ]

        whole = client.post(path, content=json.dumps(asking("hello")), headers=JSON)
        leave(way, url, certificate, path)
        delivered, left = until(lambda: seen if len(seen := ended()) == 2 else None)

    assert len(whole.content) > 9_000_000
    assert (delivered["outcome"], left["outcome"]) == ("delivered", "client_left")
    assert left["frames"] < delivered["frames"]

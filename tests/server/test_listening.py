"""Where a plane listens: TLS, a Unix socket, threads; and how it ends."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from bedrock_frames._core import Plane, raise_open_files, self_signed
from bedrock_frames.server import NativeServer, Place, Server, create_app
from bedrock_frames.server.app import parts_of
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, MODEL, ask, asking, connect
from tests.support.native_server import curl, needs_curl, paced, plane, wait_for
from tests.support.serve_command import fixture_file, served

HELLO: Final[Any] = {"match": {"userMessage": "hello"}, "response": {"content": "Hi there."}}
BODY: Final = json.dumps(asking("hello")).encode()


@pytest.fixture
def certified() -> Iterator[tuple[str, Path]]:
    with NativeServer(create_app([HELLO]), Place(tls=True)) as running:
        assert running.certificate is not None
        yield running.url, running.certificate


def test_boto3_trusts_the_certificate_that_is_made(certified: tuple[str, Path]) -> None:
    url, certificate = certified
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        verify=str(certificate),
        region_name="us-east-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="nothing",  # noqa: S106
    )
    messages: Any = [{"role": "user", "content": [{"text": "hello"}]}]
    answer = client.converse_stream(modelId=MODEL, messages=messages)

    assert "messageStop" in list(answer["stream"])[-2]


def test_a_server_in_python_speaks_tls_by_a_certificate_of_its_own_or_a_given_one(
    tmp_path: Path,
) -> None:
    pems = (tmp_path / "cert.pem", tmp_path / "key.pem")
    for path, pem in zip(pems, self_signed(["localhost"]), strict=True):
        path.write_text(pem)

    with Server([HELLO], tls=True) as server:
        made = server.certificate
        assert made is not None
        assert server.url.startswith("https://")
        assert ask(server.url, "POST", CONVERSE, asking("hello"), trusting=made).status == 200
    assert server.certificate is None
    assert not made.exists()

    for given in (pems, (str(pems[0]), str(pems[1]))):
        with Server([HELLO], tls=given) as server:
            assert server.certificate is None
            reply = ask(server.url, "POST", CONVERSE, asking("hello"), trusting=pems[0])
            assert reply.status == 200

    with Server([HELLO]) as server:
        assert server.certificate is None
        assert server.url.startswith("http://")


def test_the_portable_tier_refuses_tls() -> None:
    for tls in (True, ("cert.pem", "key.pem")):
        with pytest.raises(ValueError, match="tls needs the native tier: leave out asgi"):
            Server([HELLO], tls=tls, asgi=True)


@needs_curl
@pytest.mark.parametrize(("option", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
def test_tls_speaks_what_is_negotiated(
    certified: tuple[str, Path], tmp_path: Path, option: str, version: str
) -> None:
    url, certificate = certified
    trust = ["--cacert", str(certificate), option]
    for path, body in ((CONVERSE, BODY), ("/health", None)):
        assert curl(tmp_path, url + path, *trust, body=body)[:2] == (200, version)


def test_the_key_of_a_made_certificate_is_on_no_disk(certified: tuple[str, Path]) -> None:
    for path in certified[1].parent.iterdir():
        assert not path.is_file() or "PRIVATE" not in path.read_text()


def test_a_certificate_that_does_not_fit_its_key_is_refused() -> None:
    (one, _), (_, other) = self_signed(["localhost"]), self_signed(["localhost"])
    engine = parts_of(create_app([])).engine

    for pems in ((one, other), (one, ""), ("", other), ("x", "y")):
        with pytest.raises(OSError, match="cannot be"):
            Plane(engine, host="127.0.0.1", tls=pems)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_invalid_timeouts_are_refused(value: float) -> None:
    engine = parts_of(create_app([])).engine

    for name in ("head_timeout", "stall_timeout", "idle_timeout"):
        with pytest.raises(ValueError, match=f"{name} must be a duration in seconds, not neg"):
            Plane(engine, **{name: value})  # type: ignore[arg-type] # each is a float


@needs_curl
@pytest.mark.parametrize("option", ["--http1.1", "--http2-prior-knowledge"])
def test_a_unix_socket_serves_too(tmp_path: Path, option: str) -> None:
    path = tmp_path / "plane.sock"
    with NativeServer(create_app([HELLO]), Place(uds=path)) as running:
        for target, body in ((CONVERSE, BODY), ("/health", None)):
            on = ["--unix-socket", str(path), option]
            assert curl(tmp_path, f"http://any{target}", *on, body=body)[0] == 200
        assert ask(running.url, "POST", CONVERSE, asking("hello")).status == 200

    assert not path.exists()


def test_a_burst_of_connections_is_spread_evenly_over_threads() -> None:
    count, threads = 1000, 4
    with plane([HELLO], threads=threads) as (url, serving), ExitStack() as stack:
        connections = [stack.enter_context(connect(url)) for _ in range(count)]
        figures = wait_for(serving, accepted=count)

        assert figures.connections_by_thread == [count // threads] * threads
        for connection in connections:
            connection.send("POST", CONVERSE, asking("hello"))
        assert {connection.reply().status for connection in connections} == {200}


def test_a_thread_that_streams_gets_fewer_connections() -> None:
    for_ever = paced("on and on and on", gap_ms=3_600_000)
    with plane([for_ever], threads=2) as (url, serving), ExitStack() as stack:
        streaming = stack.enter_context(connect(url))
        streaming.send("POST", CONVERSE_STREAM, asking("on and on and on"))
        wait_for(serving, streams=1)
        for _ in range(2):
            stack.enter_context(connect(url))

        assert wait_for(serving, connections=3).connections_by_thread == [1, 2]


@pytest.mark.parametrize("length", [1, 200_000], ids=["small", "large"])
def test_streams_on_old_connections_do_not_pile_up_on_one_thread(length: int) -> None:
    text = "on and on and on"
    with plane([paced(text, gap_ms=3_600_000)], threads=2) as (url, serving), ExitStack() as stack:
        pooled = []
        for count in range(1, 201):
            # One after the other, so that each second one is on the same thread.
            pooled.append(stack.enter_context(connect(url)))
            wait_for(serving, connections=count)
        asked = {**asking(text), "system": [{"text": "x" * length}]}
        for connection in pooled[::2]:
            connection.send("POST", CONVERSE_STREAM, asked)
        figures = wait_for(serving, streams=100, connections=200)
        assert sum(figures.streams_by_thread) == 100
        assert max(figures.streams_by_thread) <= 60
        for connection in pooled[::2]:
            # The first frame is there, whoever sent it.
            assert b"200 OK" in connection.socket.recv(100)


def test_the_limit_of_open_files_is_raised_to_what_it_can_be() -> None:
    soft, hard = raise_open_files()

    assert soft == hard


def test_serve_says_whether_it_kept_its_times(tmp_path: Path) -> None:
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 1, "gap_ms": 1})
    for most, code, line in (("60s", 0, "Times were kept"), ("0s", 3, "Times were NOT kept")):
        with served(fixtures, "--max-lateness", most) as running:
            assert ask(running.url, "POST", CONVERSE_STREAM, asking("hello")).complete
            assert running.end(signal.SIGTERM) == (code, "")
        assert line in running.log
        assert "open files" in running.log


def test_serve_can_do_without_the_plane(tmp_path: Path) -> None:
    with served(fixture_file(tmp_path), "--asgi") as running:
        assert ask(running.url, "POST", CONVERSE_STREAM, asking("hello")).complete
        assert running.end() == (0, "")


@needs_curl
def test_serve_speaks_tls_and_says_what_to_trust(tmp_path: Path) -> None:
    with served(fixture_file(tmp_path), "--tls", "--threads", "1") as running:
        assert running.url.startswith("https://")
        assert running.wait_for_log("trust ")
        certificate = running.log.partition("trust ")[2].split()[0]
        url = running.url + CONVERSE
        assert curl(tmp_path, url, "--cacert", certificate, body=BODY)[0] == 200
        assert running.end() == (0, "")

"""The files of a plane: its Unix socket, its certificate, and one for each connection."""

import resource
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames._core import processors, raise_open_files, self_signed
from bedrock_frames.server import NativeServer, Place, create_app, files
from bedrock_frames.server.host import HostThread
from tests.support.http_client import CONVERSE_STREAM, ask, asking, connect
from tests.support.serve_command import fixture_file, run, served

FEW: Final = 100
"""Open files."""


def refused(folder: Path, *options: str | Path) -> str:
    """Return what ``serve`` says to options that it cannot serve with."""
    done = run("serve", "--port", "0", "--log-level", "error", *options, fixture_file(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert "127.0.0.1" not in done.stderr
    return done.stderr.removeprefix("bedrock-frames: ").strip()


# Its Unix socket


def test_a_stale_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "plane.sock"
    with served("--uds", path, fixture_file(tmp_path)) as running:
        running.process.kill()
        running.process.wait()
    assert path.is_socket()

    with served("--uds", path, fixture_file(tmp_path)) as running:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        assert running.end() == (0, "")
    assert not path.exists()


def test_a_socket_in_use_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "plane.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(0)
        for _ in range(3):
            # The queue is full after a few that nobody accepts.
            assert (
                refused(tmp_path, "--uds", path) == f"{path}: another process already listens there"
            )
    assert path.is_socket()


def test_a_file_that_is_not_a_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "plane.sock"
    path.write_text("mine")
    link = tmp_path / "link.sock"
    link.symlink_to(tmp_path / "nothing")
    for there in (path, link, tmp_path):
        assert refused(tmp_path, "--uds", there) == f"{there}: path exists and is not a socket"
    assert path.read_text() == "mine"


def test_an_unusable_socket_path_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nothing" / "plane.sock"
    long = tmp_path / ("x" * 107)

    assert refused(tmp_path, "--uds", missing) == f"{missing}: there is no folder {missing.parent}"
    assert refused(tmp_path, "--uds", long) == (
        f"{long}: the path of a Unix socket has at most 107 bytes"
    )
    assert refused(tmp_path, "--uds", "/proc/x.sock") == "/proc/x.sock: No such file or directory"


def test_a_server_that_does_not_start_leaves_no_socket(tmp_path: Path) -> None:
    path = tmp_path / "plane.sock"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = Place(uds=path, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use") as raised, NativeServer(create_app(), place):
            pass
    assert raised.value.filename == f"127.0.0.1:{place.port}"
    assert not path.exists()


# Its certificate


@pytest.fixture
def pems(tmp_path: Path) -> Path:
    """A folder with two certificates, and what is none."""
    for name in ("one", "other"):
        certificate, key = self_signed(["localhost"])
        (tmp_path / f"{name}.pem").write_text(certificate)
        (tmp_path / f"{name}.key").write_text(key)
    encrypted = (tmp_path / "one.key").read_text().replace("PRIVATE", "ENCRYPTED PRIVATE")
    (tmp_path / "encrypted.key").write_text(encrypted)
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    return tmp_path


@pytest.mark.parametrize(
    ("certificate", "key", "named", "reason"),
    [
        ("none.pem", "one.key", "none.pem", "No such file or directory"),
        ("one.pem", "none.key", "none.key", "No such file or directory"),
        ("binary", "one.key", "binary", "there is no certificate in it, as PEM"),
        ("one.key", "one.key", "one.key", "there is no certificate in it, as PEM"),
        ("one.pem", "one.pem", "one.pem", "there is no unencrypted private key in it, as PEM"),
        ("one.pem", "encrypted.key", "encrypted.key", "no unencrypted private key in it"),
        ("one.pem", "other.key", "other.key", "KeyMismatch"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_named(
    pems: Path, certificate: str, key: str, named: str, reason: str
) -> None:
    said = refused(pems, "--certificate", pems / certificate, pems / key)

    assert f"{pems / named}: " in said
    assert reason in said


# One for each connection


def limited(files: int) -> Callable[[], None]:
    """Return what has a process open so many files at most."""
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def test_effective_limits_are_logged_at_the_start(tmp_path: Path) -> None:
    soft, hard = raise_open_files()
    fixtures = fixture_file(tmp_path)
    with served(fixtures, "--threads", "3", "--max-connections", "7") as running:
        assert running.end() == (0, "")
    files = f"{soft or 'unlimited'} open files (hard {hard or 'unlimited'})"
    assert f"Limits: {files}, 7 connections, 3 threads" in running.log

    with served(fixtures) as running:
        assert running.end() == (0, "")
    assert f" connections, {processors()} threads" in running.log


def test_a_connection_above_the_file_limit_is_refused_with_a_reason(tmp_path: Path) -> None:
    count = 200
    fixtures = fixture_file(tmp_path, timing={"ttft_ms": 0, "gap_ms": 3_600_000})
    with (
        served(fixtures, "--threads", "1", prepare=limited(FEW)) as running,
        ExitStack() as stack,
    ):
        assert running.wait_for_log("Limits: ")
        room = int(running.log.partition(" open files (hard 100), ")[2].split()[0])
        assert 20 < room < FEW
        connections = [stack.enter_context(connect(running.url)) for _ in range(count)]
        for connection in connections[:room]:
            connection.send("POST", CONVERSE_STREAM, asking("hello"))
            assert connection.socket.recv(12) == b"HTTP/1.1 200"
        for connection in connections[room:]:
            reply = connection.reply()
            assert (reply.status, reply.error_type) == (503, "ServiceUnavailableException")
            assert reply.json["message"] == f"This server has {room} connections at a time."
        running.process.send_signal(signal.SIGTERM)
        # Two that come at once are one.
        assert running.wait_for_log("Waiting for connections")
        running.process.send_signal(signal.SIGTERM)
        assert running.wait() == (0, "")
    assert "Too many open files" not in running.log


def test_a_file_limit_without_room_is_reported_at_the_start(tmp_path: Path) -> None:
    with served(fixture_file(tmp_path), "--threads", "8", prepare=limited(90)) as running:
        assert running.wait() == (2, "")

    assert "90 open files (ulimit -n) leave no room for connections" in running.log
    assert "with 8 threads" in running.log


WITH_FEW_FILES: Final = """
import os, resource
from bedrock_frames._core import Plane
from bedrock_frames.server import create_app
from bedrock_frames.server.app import parts_of
from tests.support.http_client import ask

engine = parts_of(create_app([])).engine
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for files in range(1, 20):
    used = len(os.listdir("/proc/self/fd")) - 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + files, hard))
    try:
        plane = Plane(engine, host="127.0.0.1", threads=1)
    except OSError:
        continue
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    url = "http://%s:%d" % plane.addresses[0]
    # A worker answers the one, a fallback the other.
    statuses = [ask(url, "POST", "/model/m/converse", {}).status, ask(url, "GET", "/x").status]
    print(*statuses)
    assert plane.stop(10)
"""


def test_a_plane_that_lacks_a_file_does_not_start_by_half() -> None:
    command = [sys.executable, "-c", WITH_FEW_FILES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) == {"400 404"}


def test_the_portable_tier_has_a_bound_of_connections_too(tmp_path: Path) -> None:
    options = ["--asgi", "--max-connections", "2"]
    with served(fixture_file(tmp_path), *options) as running, ExitStack() as stack:
        connections = [stack.enter_context(connect(running.url)) for _ in range(3)]
        assert connections[2].ask("GET", "/health").status == 503


# Its own socket, and its certificate


@pytest.mark.parametrize("abstract", [True, False])
def test_a_long_tmpdir_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    long = tmp_path / ("x" * 150) / ("y" * 150)
    long.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(files, "ABSTRACT", abstract and files.ABSTRACT)
    with NativeServer(create_app([]), Place(tls=True)) as running:
        assert running.certificate is not None
        assert running.certificate.is_relative_to(long)
        assert ask(running.url, "GET", "/health", trusting=running.certificate).status == 200
    assert not list(long.iterdir())


def test_a_killed_server_leaves_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    fixtures = fixture_file(tmp_path)
    with served(fixtures) as running:
        assert ask(running.url, "GET", "/health").status == 200
        running.process.kill()
        running.process.wait()
    assert not list(temporary.iterdir())

    # A certificate has to be a file. The next server that makes one removes it.
    with served("--tls", fixtures) as running:
        (first,) = temporary.glob("*/certificate.pem")
        with served("--tls", fixtures) as other:
            assert len(list(temporary.glob("*/certificate.pem"))) == 2
            other.process.kill()
            other.process.wait()
        with served("--tls", fixtures):
            assert len(list(temporary.glob("*/certificate.pem"))) == 2
            assert ask(running.url, "GET", "/health", trusting=first).status == 200
        assert running.end() == (0, "")
        assert not first.exists()


@pytest.mark.skipif(not files.ABSTRACT, reason="needs abstract Unix sockets")
def test_other_processes_are_not_served_at_the_socket_of_the_app() -> None:
    script = """
import os, socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.connect(os.fsencode(sys.argv[1].replace("@", chr(0))))
    try:
        client.sendall(b"GET /health HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
        print(client.recv(100))
    except OSError:
        print(b"")
"""
    private, address, remove = files.private_socket()
    host = HostThread(create_app([]), private, drain_timeout=0, max_connections=9, private=True)
    try:
        with socket.socket(socket.AF_UNIX) as own:
            own.connect(address)
            own.sendall(b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            assert own.recv(100).startswith(b"HTTP/1.1 200")
        name = address.replace("\0", "@")
        command = [sys.executable, "-c", script, name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr) == ("b''\n", "")
    finally:
        host.stop()
        remove()

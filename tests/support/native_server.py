"""Planes for tests: on any port, with any bound; and curl for what plain sockets do not speak."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from bedrock_frames._core import Figures, Plane, raise_open_files
from bedrock_frames.server import create_app
from bedrock_frames.server.app import parts_of

CURL: Final = shutil.which("curl") or ""
PATIENCE_S: Final = 20
"""How long a test waits for what is to come soon, on a machine that has other things to do."""
EAGER_LOOKS: Final = 100
"""How often it looks without a pause: who looks all the time keeps a processor from the server."""
OTHER_FILES: Final = 500
"""What a process has open beside the sockets of a test."""

T = TypeVar("T")


def _speaks_http2() -> bool:
    if not CURL:
        return False
    version = subprocess.run([CURL, "--version"], capture_output=True, text=True, check=False)
    return " HTTP2" in version.stdout


needs_curl: Final = pytest.mark.skipif(not _speaks_http2(), reason="there is no curl with HTTP/2")


@contextmanager
def plane(fixtures: Any, **options: Any) -> Iterator[tuple[str, Plane]]:
    """Serve fixtures on a plane without an app; yield its URL and it."""
    serving = Plane(parts_of(create_app(fixtures)).engine, host="127.0.0.1", **options)
    host, port = serving.addresses[0]
    try:
        yield f"{'https' if options.get('tls') else 'http'}://{host}:{port}", serving
    finally:
        serving.stop(0)


def needs_files(count: int) -> pytest.MarkDecorator:
    """Skip a test where this process may not open so many files, and some for the rest of it."""
    soft, _ = raise_open_files()
    needed = count + OTHER_FILES
    reason = f"needs {needed} open files; {soft} are allowed"
    return pytest.mark.skipif(soft is not None and soft < needed, reason=reason)


def until(look: Callable[[], T | None], what: object = "so") -> T:
    """Look until there is something to see, and return it."""
    deadline, looks = time.monotonic() + PATIENCE_S, 0
    while not (seen := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"never {what}")
        looks += 1
        if looks > EAGER_LOOKS:
            time.sleep(0.001)
    return seen


def wait_for(serving: Plane, **figures: int) -> Figures:
    """Look at a plane's figures until they are these."""

    def look() -> Figures | None:
        found = serving.figures()
        return found if all(getattr(found, n) == value for n, value in figures.items()) else None

    return until(look, figures)


def at_rest(serving: Plane) -> Figures:
    """Wait until all that was begun has ended: who has an answer may be quicker than its server,
    which counts it afterwards."""
    return wait_for(serving, in_flight=0, streams=0, connections=0)


def curl(
    folder: Path, url: str, *options: str, body: bytes | None = None
) -> tuple[int, str, bytes]:
    """Ask by curl; return status, HTTP version and body.

    Raises:
        subprocess.CalledProcessError: the response did not end as its framing says.
    """
    out = folder / "body"
    out.unlink(missing_ok=True)
    sent = [] if body is None else ["--data-binary", "@-", "-H", "content-type: application/json"]
    command = [CURL, "-sS", "-o", str(out), "-w", "%{http_code} %{http_version}", *sent, *options]
    done = subprocess.run([*command, url], input=body or b"", capture_output=True, check=True)
    status, version = done.stdout.decode().split()
    return int(status), version, out.read_bytes() if out.exists() else b""


def paced(text: str, *, gap_ms: float, ttft_ms: float = 0, **options: Any) -> Mapping[str, Any]:
    """Return a fixture for a user message that is its own answer, a piece at a time."""
    return {
        "match": {"userMessage": text},
        "response": {"content": text},
        "timing": {"ttft_ms": ttft_ms, "gap_ms": gap_ms},
        **options,
    }

"""h2spec, a suite for HTTP/2 servers: all that RFC 9113 and RFC 7541 say, at its strictest."""

import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from bedrock_frames.server import NativeServer, Place, create_app
from tests.support.http_client import ask
from tests.support.vector_cases import ROOT

H2SPEC: Final = ROOT / "tests" / "h2spec" / "bin" / "h2spec"
OTHERWISE: Final = {"Sends invalid connection preface"}
"""The port speaks HTTP/1.1 too: what is no preface may be a bad request of that, and is answered as
one before the connection is closed. h2spec wants it closed without a word."""
_AFTER_RESET: Final = "closed: Sends a {} frame after sending RST_STREAM frame"
_WINDOW: Final = "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above"
EARLY: Final = {
    *(_AFTER_RESET.format(kind) for kind in ("DATA", "HEADERS", "CONTINUATION")),
    f"{_WINDOW} 2^31-1 on a stream",
}
"""h2spec asks by GET, which Bedrock's paths refuse as soon as they have the head. Where the answer,
and the reset of what is not read (RFC 9113, 8.1), come before h2spec's next frame, that one meets a
stream that is closed on both sides, and is ignored (RFC 9113, 5.1)."""
CASES: Final = 146
SECONDS: Final = 100


@pytest.mark.skipif(not H2SPEC.is_file(), reason="h2spec is not there: make test builds it")
@pytest.mark.parametrize("tls", [False, True], ids=["prior knowledge", "TLS"])
@pytest.mark.parametrize("path", ["/model/any.model/converse", "/health"])
def test_http_2_is_as_it_should_be(tmp_path: Path, path: str, tls: bool) -> None:
    report = tmp_path / "report.xml"
    fixture = {"match": {}, "response": {"content": "Hello to whoever reads this."}}
    with NativeServer(create_app([fixture]), Place(tls=tls)) as running:
        port = urlsplit(running.url).port
        options = ["--strict", "-j", str(report), "-h", "127.0.0.1", "-p", str(port), "-P", path]
        secure = ["--tls", "--insecure"] if tls else []
        subprocess.run(
            [H2SPEC, *options, *secure], capture_output=True, check=False, timeout=SECONDS
        )
        if not tls:
            assert ask(running.url, "GET", "/health").json == {"status": "ok"}
    cases = ET.parse(report).findall(".//testcase")  # noqa: S314  (our own report)
    failed = {c.get("classname") for c in cases if c.find("failure") is not None}
    failed |= {c.get("classname") for c in cases if c.find("error") is not None}

    assert len(cases) == CASES
    assert OTHERWISE <= failed <= OTHERWISE | (set() if path == "/health" else EARLY)

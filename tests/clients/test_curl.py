"""curl reads, in every way to the server, what a plain socket reads."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames._core import Plane
from bedrock_frames.server import Server
from tests.clients.running import Endpoints
from tests.support.bedrock_replies import OPERATIONS, body_for, post
from tests.support.http_client import MODEL
from tests.support.native_server import curl, needs_curl

pytestmark = needs_curl

RESPONSES: Final[dict[str, Any]] = {
    "text and a call": {
        "content": "Grüße, 世界!",
        "toolCalls": [{"name": "get_time", "arguments": {"zone": "UTC"}}],
    },
    "an error": {"error": {"name": "ThrottlingException", "message": "Too many requests"}},
    "an error in mid-stream": {
        "content": "A text that is cut off before its end by an error.",
        "exceptionAfter": {"events": 3, "name": "throttlingException", "message": "Too late"},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way to the server, and the version of HTTP that is spoken on it."""

    url: str
    options: list[str]
    version: str


@pytest.fixture(scope="module")
def unix(bedrock_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Unix socket before the engine of the session's server, as ``--uds`` opens it."""
    path = tmp_path_factory.mktemp("unix") / "socket"
    plane = Plane(bedrock_server.parts.engine, host="127.0.0.1", uds=path)
    try:
        yield path
    finally:
        plane.stop(0)


@pytest.fixture(params=["plain-1.1", "plain-2", "unix-1.1", "unix-2", "tls-1.1", "tls-2"])
def way(request: pytest.FixtureRequest, endpoints: Endpoints, unix: Path) -> Way:
    place, _, version = str(request.param).partition("-")
    places = {
        "plain": (endpoints.plain, "--http2-prior-knowledge", []),
        "unix": ("http://localhost", "--http2-prior-knowledge", ["--unix-socket", str(unix)]),
        "tls": (endpoints.secure, "--http2", ["--cacert", str(endpoints.certificate)]),
    }
    url, http2, options = places[place]
    spoken = http2 if version == "2" else "--http1.1"
    return Way(url=url, options=[spoken, *options], version=version)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_every_way_gives_the_same_bytes(
    way: Way, response: dict[str, Any], operation: str, bedrock: Server, tmp_path: Path
) -> None:
    body = body_for(operation, "hello")
    bedrock.add(response=response)
    known = post(bedrock, operation, body)
    # The same request again would be another draw.
    bedrock.reset()
    bedrock.add(response=response)
    url = f"{way.url}/model/{MODEL}/{operation}"
    status, version, said = curl(tmp_path, url, *way.options, body=json.dumps(body).encode())

    assert (status, version) == (known.status, way.version)
    assert said == known.body

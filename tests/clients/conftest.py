"""Clients that run for as long as the tests ask them, and a server with two ports."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from bedrock_frames._core import Plane, self_signed
from bedrock_frames.fixtures import Answerer
from bedrock_frames.server import Server
from bedrock_frames.server.native import LOCAL_NAMES
from tests.clients.running import REACHED, Client, Endpoints, Program, running

Started: TypeAlias = Callable[[str], Client]


@pytest.fixture(scope="session")
def endpoints(
    bedrock_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoints]:
    """The session's server, and before the same engine a port with the certificate of ``--tls``."""
    certificate, key = self_signed([*LOCAL_NAMES])
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_text(certificate)
    plane = Plane(bedrock_server.parts.engine, host="127.0.0.1", tls=(certificate, key))
    host, port = plane.addresses[0]
    try:
        yield Endpoints(
            plain=bedrock_server.url, secure=f"https://{host}:{port}", certificate=path, key=key
        )
    finally:
        plane.stop(0)


@pytest.fixture(scope="session")
def started(endpoints: Endpoints) -> Iterator[Started]:
    """Starts each program once: that takes longer than all that it is asked."""
    programs: dict[tuple[str, str | None], Program] = {}
    with ExitStack() as stack:

        def start(name: str) -> Client:
            kind = REACHED[name]
            key = (kind.script, kind.environment)
            if key not in programs:
                programs[key] = stack.enter_context(running(*key, endpoints))
            url = endpoints.secure if kind.secure else endpoints.plain
            return Client(kind=kind, program=programs[key], url=url)

        yield start


class Unhurried(Server):
    """A Bedrock whose answers wait for a client that is slow to listen."""

    ttft_ms: float = 0.0

    def add(
        self,
        *,
        match: Mapping[str, object] | None = None,
        response: Mapping[str, object] | list[Mapping[str, object]] | Answerer | None = None,
        first: bool = False,
        **options: object,
    ) -> None:
        """Add a fixture."""
        if self.ttft_ms:
            options.setdefault("timing", {"ttft_ms": self.ttft_ms})
        super().add(match=match, response=response, first=first, **options)


@pytest.fixture(scope="session")
def bedrock_server() -> Iterator[Unhurried]:
    """The server of the plugin's ``bedrock`` fixture."""
    with Unhurried(journal_entries=10_000) as server:
        yield server


@pytest.fixture
def bedrock(bedrock: Unhurried) -> Unhurried:
    """The plugin's server, without the delay that an earlier test's client needed."""
    bedrock.ttft_ms = 0.0
    return bedrock


@pytest.fixture
def client(request: pytest.FixtureRequest, started: Started, bedrock: Unhurried) -> Client:
    """The client that a test is parametrised with, by its id."""
    name: str = request.param
    client = started(name)
    bedrock.ttft_ms = client.kind.slow_to_listen_ms
    return client

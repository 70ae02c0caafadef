"""Clients that run for as long as the tests ask them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeAlias

import pytest

from bedrock_frames.pytest_plugin import Bedrock
from bedrock_frames.server import Server
from tests.clients.running import Client, running

Started: TypeAlias = Callable[[str], Client]


@pytest.fixture(scope="session")
def started(bedrock_server: Server) -> Iterator[Started]:
    """Starts each client once: importing one takes longer than all that it is asked."""
    clients: dict[str, Client] = {}
    with ExitStack() as stack:

        def start(name: str) -> Client:
            if name not in clients:
                clients[name] = stack.enter_context(running(name, bedrock_server.url))
            return clients[name]

        yield start


@pytest.fixture
def client(request: pytest.FixtureRequest, started: Started, bedrock: Bedrock) -> Client:  # noqa: ARG001
    """The client that a test is parametrised with, by its name."""
    name: str = request.param
    return started(name)

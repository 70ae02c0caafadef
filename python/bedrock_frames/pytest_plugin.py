"""The pytest plugin: ``bedrock`` is a running server that the AWS SDKs of a test use.

One server runs for the whole session (under pytest-xdist: for each worker). It is reset before
every test: no fixtures, an empty journal, sequences at 0.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bedrock_frames.server import Server


@pytest.fixture(scope="session")
def bedrock_server() -> Iterator[Server]:
    """A server of this session, without fixtures."""
    from bedrock_frames.server import Server

    with Server(journal_entries=10_000) as server:
        yield server


@pytest.fixture
def bedrock(bedrock_server: Server) -> Iterator[Server]:
    """A server without fixtures, to which the environment leads AWS SDKs in this process."""
    from bedrock_frames.server.environment import environment

    bedrock_server.reset()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(bedrock_server.url, os.environ.get("NO_PROXY", "")).items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        yield bedrock_server


def __getattr__(name: str) -> object:
    """Return what was renamed or moved, with a warning."""
    if name == "Bedrock":
        from bedrock_frames.server import Server

        warnings.warn("Bedrock is bedrock_frames.server.Server now", DeprecationWarning, 2)
        return Server
    if name == "environment":
        from bedrock_frames.server.environment import environment

        warnings.warn(
            "environment is in bedrock_frames.server.environment now", DeprecationWarning, 2
        )
        return environment
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

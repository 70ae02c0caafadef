"""The pytest plugin: a ``bedrock`` fixture, a running server that code under test finds by itself.

One server a test session (under pytest-xdist: a worker); every test begins with no fixtures, an
empty journal and sequences at 0.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

    from bedrock_frames._core import JournalEntry
    from bedrock_frames.fixtures import Answerer
    from bedrock_frames.server import Server
    from bedrock_frames.server.verify import Times

REGION: Final = "us-east-1"
ACCESS_KEY_ID: Final = "AKIDBEDROCKFRAMES"
SECRET_ACCESS_KEY: Final = "nothing-checks-this"  # noqa: S105

LOOPBACK: Final = "127.0.0.1,localhost"

PAGE: Final = 1_000_000
"""More than the journal holds."""


class Bedrock:
    """A running server, and what a test says to it."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """The endpoint URL."""
        return self._server.url

    def add(
        self,
        *,
        match: Mapping[str, object] | None = None,
        response: Mapping[str, object] | list[Mapping[str, object]] | Answerer | None = None,
        first: bool = False,
        **options: object,
    ) -> None:
        """Add a fixture, behind those of before unless ``first``.

        ``response`` may be a callable, which makes one for each request.

        ``options`` are the other keys of a fixture: ``timing``, ``chunkSize``, …; or
        ``responses``, in the place of ``response``.

        Raises:
            FixtureError: with all its faults.
        """
        fixture = {"match": match or {}, **options}
        if response is not None:
            fixture["response"] = response
        self._server.parts.catalog.add([fixture], first=first)

    def load(self, path: str | PathLike[str]) -> None:
        """Add the fixtures of a file or a folder.

        Raises:
            FixtureError: with all their faults.
        """
        from bedrock_frames import fixtures

        self._server.parts.catalog.merge(fixtures.load([path]))

    def client(self, **options: Any) -> BedrockRuntimeClient:
        """Return a boto3 client of this server; ``options`` are those of ``Session.client``."""
        import boto3

        defaults = {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET_ACCESS_KEY,
        }
        session = boto3.Session(region_name=REGION)
        return session.client("bedrock-runtime", **(defaults | options))

    @property
    def requests(self) -> list[JournalEntry]:
        """The requests of this test so far, oldest first."""
        return self._server.parts.engine.journal(limit=PAGE)[1]

    def verify(
        self,
        *,
        match: Mapping[str, object] | None = None,
        times: Times = None,
        outcome: str | None = None,
        status: int | None = None,
    ) -> list[JournalEntry]:
        """Verify how often requests of this test came that meet ``match``; return them.

        As :meth:`Server.verify <bedrock_frames.server.Server.verify>`.

        Raises:
            AssertionError: they were not as many; it says what came closest, and what failed.
        """
        __tracebackhide__ = True
        return self._server.verify(match or {}, times=times, outcome=outcome, status=status)

    def next_error(
        self,
        error: str | None = None,
        message: str = "",
        *,
        status: int | None = None,
        times: int = 1,
    ) -> None:
        """Answer the next ``times`` requests with an error: by its name, its status, or both.

        SDKs retry what is throttled or failed in the server: each attempt is a request.
        """
        from bedrock_frames.server.typed import error_plan

        self._server.parts.engine.next_error(error_plan(error, status, message), times)

    def reset(self) -> None:
        """Forget fixtures, requests, sequences and errors."""
        self._server.parts.catalog.drop_added()
        self._server.parts.engine.reset()


@pytest.fixture(scope="session")
def bedrock_server() -> Iterator[Server]:
    """A server of this session, without fixtures."""
    from bedrock_frames.server import Server

    with Server(journal_entries=10_000) as server:
        yield server


@pytest.fixture
def bedrock(bedrock_server: Server) -> Iterator[Bedrock]:
    """A Bedrock of this test's own, which AWS SDKs in this process find without being told."""
    bedrock = Bedrock(bedrock_server)
    bedrock.reset()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(bedrock.url, os.environ.get("NO_PROXY", "")).items():
            if value is None:
                patch.delenv(name, raising=False)
            else:
                patch.setenv(name, value)
        yield bedrock


def environment(url: str, no_proxy: str = "") -> dict[str, str | None]:
    """Return the variables that lead AWS SDKs to a server; None is for those that must not be.

    ``no_proxy`` is what must be reached without a proxy besides.
    """
    direct = f"{no_proxy},{LOOPBACK}".lstrip(",")
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": None,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_SESSION_TOKEN": None,
        "AWS_PROFILE": None,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        # botocore prefers a bearer token, and refuses to send one over plain HTTP.
        "AWS_BEARER_TOKEN_BEDROCK": None,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }

"""Clients as processes: where their environments are, and how they are asked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames.pytest_plugin import environment
from tests.cases import ROOT
from tests.clients.talk import Reply, Request

ENVIRONMENTS: Final = ROOT / ".venv-clients"
"""Where ``make clients`` puts them."""

ATTEMPTS: Final = 2
"""How often the AWS SDKs try in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A client: its script, and the environment it needs; None is that of the tests.

    A script in a folder is JavaScript, and the folder its environment.
    """

    script: str
    environment: str | None = None
    native: bool = False
    """Whether it speaks InvokeModel rather than Converse."""
    asks_again: int = 1
    """How often it asks by itself, around its SDK's attempts."""


CLIENTS: Final = {
    "boto3": Kind(script="boto3_client"),
    "boto3-1.43": Kind(script="boto3_client", environment="older"),
    "aiobotocore": Kind(script="aiobotocore_client", environment="older"),
    "strands-1.38.0": Kind(script="strands_client", environment="older", asks_again=2),
    "strands": Kind(script="strands_client", environment="newest", asks_again=2),
    "langchain-aws": Kind(script="langchain_client", environment="newest"),
    "anthropic": Kind(script="anthropic_client", environment="newest", native=True),
    "pydantic-ai": Kind(script="pydantic_ai_client", environment="newest"),
    "aws-sdk-js": Kind(script="aws_sdk_js/client.js"),
}


def python_of(name: str | None) -> Path:
    """Return the interpreter of an environment; skip the test where there is none."""
    if name is None:
        return Path(sys.executable)
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment {name!r} for clients: make clients")
    return python


def command_of(kind: Kind) -> list[str | Path]:
    """Return how a client is started; skip the test where its environment is not there."""
    script = Path(__file__).parent / kind.script
    if script.suffix != ".js":
        return [python_of(kind.environment), "-m", f"tests.clients.{kind.script}"]
    node = shutil.which("node")
    if node is None or not (script.parent / "node_modules" / "@aws-sdk").is_dir():
        pytest.skip(f"no node, or no environment for {kind.script}: make clients")
    return [node, script]


def variables(url: str) -> dict[str, str]:
    """Return the environment variables of a client; none of a developer's own AWS set-up."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    told = {name: value for name, value in environment(url).items() if value is not None}
    # The endpoint is told in the way that each client has for it.
    told.pop("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
    return {
        **kept,
        **told,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_RETRY_MODE": "standard",
        "AWS_MAX_ATTEMPTS": str(ATTEMPTS),
        "LANGSMITH_TRACING": "false",
        "OTEL_SDK_DISABLED": "true",
    }


class Client:
    """A running client of one server."""

    def __init__(self, name: str, process: subprocess.Popen[str], url: str) -> None:
        self.name = name
        self.kind = CLIENTS[name]
        self._process = process
        self._url = url

    def ask(
        self, prompt: str, *, stream: bool = True, tools: bool = False, native: bool = False
    ) -> Reply:
        """Ask, and return what the client makes of the answer."""
        request: Request = {
            "url": self._url,
            "prompt": prompt,
            "stream": stream,
            "tools": tools,
            "native": native,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.name} has ended: {self._process.wait()}"
        reply: Reply = json.loads(line)
        return reply


@contextmanager
def running(name: str, url: str) -> Iterator[Client]:
    """Start a client, and end it."""
    kind = CLIENTS[name]
    with subprocess.Popen(
        command_of(kind),
        cwd=ROOT,
        env=variables(url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Client(name, process, url)
        finally:
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def serving(fixtures: Path) -> Iterator[str]:
    """Run ``bedrock-frames serve``; yield its URL."""
    with subprocess.Popen(
        [sys.executable, "-m", "bedrock_frames", "serve", "--port", "0", fixtures],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()

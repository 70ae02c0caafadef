"""Clients as processes: which there are, and how they are asked."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bedrock_frames.server.environment import environment
from tests.clients.commands import TRUST, command_of
from tests.clients.talk import Reply, Request
from tests.support.vector_cases import ROOT

ATTEMPTS: Final = 2
"""How often the AWS SDKs try in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A client: its script, and the environment it needs; None is that of the tests."""

    name: str
    script: str
    environment: str | None = None
    native: bool = False
    """Whether it speaks InvokeModel rather than Converse."""
    aws_sdk: bool = False
    """Whether it is one of AWS's own, and speaks both."""
    asks_again: int = 1
    """How often it asks by itself, around its SDK's attempts."""
    asks_refused: int = 1
    """How often it asks what is refused as wrong: once, unless its retries look at no status."""
    tries_streams: int = 1
    """How often its SDK tries a stream that is throttled after it began."""
    slow_to_listen_ms: float = 0.0
    """How long a stream of more than 4 KiB has to wait for it over plain HTTP/1.1.

    The SDK for Go closes the body of its request once there is an answer. A transport that is still
    looking for the end of that body then tears the connection down.
    """
    http1: bool = False
    """Whether it is told to speak HTTP/1.1; without that it speaks what its SDK does by default."""
    secure: bool = False
    """Whether it comes over TLS."""

    @property
    def id(self) -> str:
        """The name, and how it comes."""
        return self.name + "-http1" * self.http1 + "-tls" * self.secure


BOTO3: Final = Kind(name="boto3", script="boto3_client", aws_sdk=True)
AIOBOTOCORE: Final = Kind(
    name="aiobotocore", script="aiobotocore_client", environment="older", aws_sdk=True
)
ANTHROPIC: Final = Kind(
    name="anthropic", script="anthropic_client", environment="newest", native=True
)
GO: Final = Kind(name="aws-sdk-go", script="aws_sdk_go", aws_sdk=True, slow_to_listen_ms=20.0)
JAVA: Final = Kind(name="aws-sdk-java", script="aws_sdk_java", aws_sdk=True, tries_streams=ATTEMPTS)
JAVA_HTTP1: Final = replace(JAVA, http1=True)
JS: Final = Kind(name="aws-sdk-js", script="aws_sdk_js", aws_sdk=True)
JS_HTTP1: Final = replace(JS, http1=True)
RUST: Final = Kind(name="aws-sdk-rust", script="aws_sdk_rust", aws_sdk=True)

KINDS: Final = [
    BOTO3,
    replace(BOTO3, name="boto3-1.43", environment="older"),
    AIOBOTOCORE,
    Kind(name="strands-1.38.0", script="strands_client", environment="older", asks_again=2),
    Kind(name="strands", script="strands_client", environment="newest", asks_again=2),
    Kind(name="langchain-aws", script="langchain_client", environment="newest"),
    ANTHROPIC,
    Kind(name="pydantic-ai", script="pydantic_ai_client", environment="newest"),
    Kind(name="litellm", script="litellm_client", environment="frameworks", asks_refused=2),
    Kind(name="llama-index", script="llama_index_client", environment="frameworks"),
    Kind(name="vercel-ai-sdk", script="vercel_js"),
    Kind(name="langchain-js", script="langchain_js"),
    GO,
    JAVA,
    JS,
    RUST,
]
"""Every client, as it comes to a plain port by default."""

HTTP1: Final = [JAVA_HTTP1, JS_HTTP1]
SECURE: Final = [
    replace(kind, secure=True, slow_to_listen_ms=0.0)
    for kind in (BOTO3, AIOBOTOCORE, ANTHROPIC, GO, JAVA, JAVA_HTTP1, JS, RUST)
]

CLIENTS: Final = {kind.id: kind for kind in KINDS}
REACHED: Final = {kind.id: kind for kind in [*KINDS, *HTTP1, *SECURE]}
"""And every other way that clients come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """One server: its plain port, and one with TLS."""

    plain: str
    secure: str
    certificate: Path
    key: str
    """The key of the certificate, as PEM."""


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
        # Its table of prices is otherwise fetched when it is imported.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "OTEL_SDK_DISABLED": "true",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running script, which asks where it is told to."""

    script: str
    process: subprocess.Popen[str]

    def ask(self, request: Request) -> Reply:
        """Ask, and return what the client makes of the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{self.script} has ended: {self.process.wait()}"
        reply: Reply = json.loads(line)
        return reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client of one server, and how it comes to it."""

    kind: Kind
    program: Program
    url: str

    def ask(
        self, prompt: str, *, stream: bool = True, tools: bool = False, native: bool = False
    ) -> Reply:
        """Ask, and return what the client makes of the answer."""
        return self.program.ask(
            {
                "url": self.url,
                "prompt": prompt,
                "stream": stream,
                "tools": tools,
                "native": native,
                "http1": self.kind.http1,
            }
        )


@contextmanager
def running(script: str, environment: str | None, endpoints: Endpoints) -> Iterator[Program]:
    """Start a client, and end it."""
    trusted = endpoints.certificate
    trust = {TRUST[script]: str(trusted)} if script in TRUST else {}
    with subprocess.Popen(
        command_of(script, environment, trusted),
        cwd=ROOT,
        env=variables(endpoints.plain) | trust,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Program(script=script, process=process)
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

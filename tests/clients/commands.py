"""How a client is started. Without what ``make clients`` prepares, its tests are skipped."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import pytest

from tests.support.vector_cases import ROOT

Command: TypeAlias = list[str | Path]

ENVIRONMENTS: Final = ROOT / ".venv-clients"
HERE: Final = Path(__file__).parent


def python_of(name: str | None) -> Path:
    """Return the interpreter of an environment, or that of the tests."""
    return Path(sys.executable) if name is None else _made(ENVIRONMENTS / name / "bin" / "python")


def command_of(script: str, environment: str | None, trusted: Path) -> Command:
    """Return how to run a module beside this one, or what is built in a folder beside it.

    ``trusted`` is a certificate for those who are told so on their command line.
    """
    match script:
        case "aws_sdk_go":
            return [_made(HERE / script / "bin" / "client")]
        case "aws_sdk_java":
            return _java(HERE / script, trusted)
        case "aws_sdk_js":
            _made(HERE / script / "node_modules" / "@aws-sdk")
            return [_tool("node"), HERE / script / "client.js"]
        case "langchain_js" | "vercel_js":
            _made(HERE / "frameworks_js" / "node_modules" / "ai")
            return [_tool("node"), HERE / "frameworks_js" / f"{script.removesuffix('_js')}.js"]
        case "aws_sdk_rust":
            return [_made(HERE / script / "target" / "debug" / "client")]
        case _:
            return [python_of(environment), "-m", f"tests.clients.{script}"]


def _java(folder: Path, trusted: Path) -> Command:
    client = _made(folder / "target" / "client.jar")
    store = trusted.with_suffix(".p12")
    if not store.exists():
        # A runtime of Java trusts what is in a store of its own format.
        keytool: Command = [_tool("keytool"), "-importcert", "-noprompt", "-file", trusted]
        into: Command = ["-keystore", store, "-storepass", "changeit"]
        subprocess.run([*keytool, *into], check=True, capture_output=True)
    return [
        _tool("java"),
        # It runs for seconds: what takes time to become fast does not pay.
        *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
        f"-Djavax.net.ssl.trustStore={store}",
        "-Djavax.net.ssl.trustStorePassword=changeit",
        *("-cp", f"{client}{os.pathsep}{folder / 'target' / 'dependency'}/*", "Client"),
    ]


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name}")
    return found


def _made(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"no {path.relative_to(ROOT)}: make clients")
    return path


TRUST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "boto3_client": "AWS_CA_BUNDLE",
        "aiobotocore_client": "AWS_CA_BUNDLE",
        "anthropic_client": "SSL_CERT_FILE",
        "aws_sdk_go": "AWS_CA_BUNDLE",
        "aws_sdk_js": "NODE_EXTRA_CA_CERTS",
        "aws_sdk_rust": "SSL_CERT_FILE",
    }
)
"""The variable that names a certificate to trust, for those who have one."""

"""The guide "Testing an agent service": its example answers, and the executor story is true."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
import yaml
from examples.agent_service.load_test import Figures, load
from examples.agent_service.service import app
from fastapi.testclient import TestClient

from bedrock_frames.server import Server
from tests.clients.commands import python_of
from tests.support.documents import ROOT, blocks_of

MODEL: Final = ROOT / "examples" / "agent_service" / "model.yaml"
QUESTION: Final = {"question": "Which of my orders will be late?"}
USERS: Final = 40
QUICK: Final = "ttft=100ms,gap=5ms"
DEFAULT_THREADS: Final = ThreadPoolExecutor()._max_workers


def measure(threads: int | None = None, client: str = "boto3", python: str = "") -> Figures:
    chosen = python or sys.executable
    return load(users=USERS, threads=threads, client=client, python=chosen, timing=QUICK)


def test_the_fixtures_of_the_guide_are_those_of_the_example() -> None:
    (shown,) = [b for b in blocks_of(ROOT / "docs/agent_service.md") if b.info == "yaml file"]

    stated = yaml.safe_load(MODEL.read_text())
    assert yaml.safe_load(shown.text)["fixtures"] == stated["fixtures"]


def test_every_answer_ends_after_two_turns(bedrock: Server) -> None:
    bedrock.load(MODEL)
    with TestClient(app) as client:
        answers = {client.post("/ask", json=QUESTION).text for _ in range(50)}

    (answer,) = {answer.replace("\n", "") for answer in answers}
    assert answer.endswith('event: donedata: "end_turn"')
    bedrock.verify(times=100, status=200)


def test_a_model_that_always_calls_tools_is_given_up(bedrock: Server) -> None:
    calls = [{"name": "track_order", "arguments": {"order": "A-17"}}]
    bedrock.add(match={"turnIndex": 0}, response={"toolCalls": calls})
    with TestClient(app) as client:
        answer = client.post("/ask", json=QUESTION).text

    assert "there is no answer after 8 turns" in answer.partition("event: error\n")[2]
    bedrock.verify(times=8)


def test_the_default_executor_limits_the_service_and_a_larger_one_does_not() -> None:
    limited, mended = measure(), measure(threads=USERS)

    assert limited.answered == mended.answered == USERS
    assert limited.at_once <= DEFAULT_THREADS < mended.at_once
    # What so many threads cannot do sooner, however fast the machine is.
    assert limited.slowest >= 0.9 * limited.model * USERS / DEFAULT_THREADS


def test_aiobotocore_is_not_limited_by_threads() -> None:
    python = os.fspath(python_of("older"))
    if not _has(python, "fastapi", "aiobotocore", "uvicorn"):
        pytest.skip("the environment has no fastapi: make clients")
    figures = measure(client="aiobotocore", python=python)

    assert figures.answered == USERS
    assert figures.at_once > DEFAULT_THREADS


def _has(python: str, *modules: str) -> bool:
    statement = f"import {', '.join(modules)}"
    return not subprocess.run(
        [python, "-c", statement], capture_output=True, check=False
    ).returncode


def test_the_load_test_prints_what_it_measured() -> None:
    script = Path("examples", "agent_service", "load_test.py")
    done = subprocess.run(
        [sys.executable, script, "--users", "2", "--threads", "2", "--timing", QUICK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout.startswith("2 of 2 users were answered\nan answer took ")

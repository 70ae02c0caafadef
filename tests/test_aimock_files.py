"""Real files of the peer, asked the same as the peer: the same fixture answers.

The conversations are made from the files: each meets the conditions of a fixture, or all but one.
The peer is started where node and its package are installed (`make clients`).
"""

import json
import random
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest

from bedrock_frames._core import Engine
from bedrock_frames.fixtures import FixtureSet, load
from tests import asking
from tests.cases import CORPUS, ROOT

FILES: Final = CORPUS / "aimock_files"
SETS: Final = ("langgraph-python", "pydantic-ai", "strands")
PEER: Final = ROOT / "benches/node/node_modules/@copilotkit/aimock/dist/cli.js"
CONVERSATIONS: Final = 1000
MODEL: Final = "anthropic.claude-3-5-sonnet-20240620-v1:0"

pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="the corpus has no files of the peer")

Json = dict[str, Any]
Chosen = tuple[str, int] | None
"""The file, seen from the folder of all of them, and the index of a fixture in it."""


def paths(of: str, folder: Path = FILES) -> list[Path]:
    return [folder / "shared", folder / "d4" / of, folder / "d6" / of]


@pytest.mark.parametrize("of", SETS)
def test_a_set_is_loaded_with_warnings_of_shadows_alone(of: str) -> None:
    fixtures = load(paths(of))

    stated = [f for path in paths(of) for file in path.rglob("*.json") for f in _stated(file)]
    assert len(fixtures) == len(stated)
    assert [w.message for w in fixtures.warnings if "never answers" not in w.message] == []


def _stated(file: Path) -> list[Json]:
    fixtures: list[Json] = json.loads(file.read_text())["fixtures"]
    return fixtures


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """A request that is sent some times, as one session."""

    body: Json
    model: str = MODEL
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1


VARIANTS: Final = (
    *("as it is", "in the middle", "a turn more", "a turn less", "a question more"),
    *("once more", "a letter less", "other case", "no context", "another context"),
    *("no result", "another result", "no tools", "more tools", "another model", "a newer model"),
    *("another system text", "no system text"),
)


def _conversation(match: Json, how: str, session: str) -> Conversation:
    """Return a conversation that meets a match, but for what the variant changes."""
    text = str(match.get("userMessage", "whatever it is"))
    if how == "in the middle":
        text = f"Please: {text}, and soon."
    elif how == "a letter less":
        text = text[:-1]
    elif how == "other case":
        text = text.swapcase()
    called = match.get("toolCallId")
    answered = called is not None or bool(match.get("hasToolResult"))
    turns = match.get("turnIndex", 0) - answered
    turns += {"a turn more": 1, "a question more": 1, "a turn less": -1}.get(how, 0)
    messages: list[Json] = []
    for turn in range(turns):
        messages += [asking.user(f"question {turn}"), asking.assistant(f"answer {turn}")]
    messages.append(asking.user(text))
    if answered and how != "no result":
        used = "another" if how == "another result" else str(called or "call_1")
        messages += [asking.calls(used), {"role": "user", "content": [_result(used)]}]
    if how == "a question more":
        messages += [asking.assistant("an answer"), asking.user(text)]
    body: Json = {"messages": messages}
    system = match.get("systemMessage")
    if system is not None and how != "no system text":
        told = system if isinstance(system, list) else [system]
        body["system"] = [{"text": "other" if how == "another system text" else t} for t in told]
    tools = [str(match["toolName"])] if "toolName" in match and how != "no tools" else []
    if how == "more tools":
        tools = ["first", *tools, "last"]
    if tools:
        body["toolConfig"] = {"tools": [_tool(name) for name in tools]}
    headers = {"X-Test-Id": session}
    if "context" in match and how != "no context":
        headers["X-AIMock-Context"] = "x" if how == "another context" else match["context"]
    model = "another" if how == "another model" else str(match.get("model", MODEL))
    if how == "a newer model":
        model += "-2026-01-01"
    times = match.get("sequenceIndex", 0) + (2 if how == "once more" else 1)
    return Conversation(body=body, model=model, headers=headers, times=times)


def _result(called: str) -> Json:
    return {"toolResult": {"toolUseId": called, "content": [{"text": "done"}]}}


def _tool(name: str) -> Json:
    return {"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}}


def conversations(fixtures: FixtureSet, of: str) -> Iterator[Conversation]:
    """Yield each fixture's own conversation first, then variants of any."""
    chance = random.Random(of)  # noqa: S311 - the same in every run
    matches: list[Any] = [entry.stated["match"] for entry in fixtures]
    for number in range(CONVERSATIONS):
        whole = number < len(matches)
        match = matches[number] if whole else chance.choice(matches)
        yield _conversation(match, "as it is" if whole else chance.choice(VARIANTS), f"s{number}")


def ours(engine: Engine, fixtures: FixtureSet, asked: Conversation) -> Iterator[Chosen]:
    for _ in range(asked.times):
        model, headers = quote(asked.model, safe=""), asked.headers
        index = asking.fixture(engine, asked.body, model=model, headers=headers)
        if index is None:
            yield None
            continue
        entry = fixtures[index]
        place = entry.path[1]
        assert isinstance(place, int)
        yield Path(entry.file).relative_to(FILES).as_posix(), place


def theirs(peer: HTTPConnection, asked: Conversation) -> Iterator[Chosen]:
    path = f"/model/{quote(asked.model, safe='')}/converse"
    headers = {"content-type": "application/json", **asked.headers}
    for _ in range(asked.times):
        peer.request("POST", path, json.dumps(asked.body), headers)
        reply = peer.getresponse()
        body = reply.read()
        if reply.status == 404:
            yield None
            continue
        assert reply.status == 200, body
        (block,) = json.loads(body)["output"]["message"]["content"]
        file, _, index = block["text"].rpartition("#")
        yield file, int(index)


def _tell_themselves(of: str, folder: Path) -> None:
    """Write the set again, with answers that say which fixture gives them."""
    for path in paths(of):
        for file in path.rglob("*.json"):
            name = file.relative_to(FILES)
            fixtures = [
                {"match": stated["match"], "response": {"content": f"{name.as_posix()}#{index}"}}
                for index, stated in enumerate(_stated(file))
            ]
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(json.dumps({"fixtures": fixtures}))


@contextmanager
def _peer(folders: list[Path], log: Path) -> Iterator[HTTPConnection]:
    node = shutil.which("node")
    if node is None or not PEER.is_file():
        pytest.skip("node or aimock is not installed: run `make clients`")
    command = [node, str(PEER), "--port", "0"]
    for folder in folders:
        command += ["--fixtures", str(folder)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as run:
        try:
            connection = HTTPConnection(_listening(run, log), timeout=30)
            yield connection
            connection.close()
        finally:
            run.kill()


def _listening(run: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the peer has a port, and return where it listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end and run.poll() is None:
        found = re.search(r"listening on (http://\S+)", log.read_text())
        if found is not None:
            return urlsplit(found[1]).netloc
        time.sleep(0.05)
    pytest.fail(f"the peer does not begin:\n{log.read_text()}")


@pytest.mark.parametrize("of", SETS)
def test_the_peer_answers_the_same_conversations_with_the_same_fixtures(
    of: str, tmp_path: Path
) -> None:
    fixtures = load(paths(of))
    engine = asking.engine(fixtures.rules())
    _tell_themselves(of, tmp_path)
    answered = set()
    with _peer(paths(of, tmp_path), tmp_path / "aimock.log") as peer:
        for asked in conversations(fixtures, of):
            own, expected = list(ours(engine, fixtures, asked)), list(theirs(peer, asked))
            assert own == expected, asked
            answered |= set(own)

    # The conversations are about all of the files, and some are for no fixture.
    assert None in answered
    assert len(answered) > len(fixtures) // 2

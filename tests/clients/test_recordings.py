"""Real clients read what Bedrock once said, when a fixture says it again."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pytest

from bedrock_frames.fixtures import from_recording
from bedrock_frames.server import Server
from tests.clients.running import CLIENTS, Client
from tests.clients.talk import Turn
from tests.support import vector_cases
from tests.support import wire_format as wire

pytestmark = vector_cases.needs_corpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A recording, as the tests' own parser reads it: (event name, payload) of every frame."""

    name: str
    data: bytes
    events: list[tuple[str, dict[str, Any]]]

    @property
    def native(self) -> bool:
        """Whether it is InvokeModel's."""
        return self.events[0][0] == "chunk"

    @property
    def chunks(self) -> list[Any]:
        """The native JSON of an invoke stream."""
        return [json.loads(base64.b64decode(payload["bytes"])) for _, payload in self.events]

    @property
    def server_tools(self) -> set[str]:
        """The names of tools that the provider ran itself."""
        starts = [payload.get("start", {}).get("toolUse", {}) for _, payload in self.events]
        return {start["name"] for start in starts if start.get("type") == "server_tool_use"}


def _said(recording: vector_cases.Recording) -> Said:
    events = []
    for frame in wire.split(recording.data):
        headers, payload = wire.parse(frame)
        (name,) = [value for key, _, value in headers if key == ":event-type"]
        assert isinstance(name, str)
        events.append((name, json.loads(payload)))
    short = recording.name.partition(".eventstream")[0].strip("_")
    return Said(name=short, data=recording.data, events=events)


ALL: Final = [_said(recording) for recording in vector_cases.RECORDINGS]
CONVERSE: Final = [said for said in ALL if not said.native]
NATIVE: Final = [said for said in ALL if said.native]
MESSAGES: Final = [said for said in NATIVE if said.chunks[0].get("type") == "message_start"]
"""Those of Anthropic's Messages, the family that its SDK reads."""


CANNOT: Final = {
    ("strands-1.38.0", "pydantic-ai__test_bedrock_model_thinking_part_redacted_stream__0"): (
        "Strands 1.38.0 takes all reasoning of a whole answer for text"
    ),
}
"""What a client fails to read, whoever says it."""


LOST: Final = {
    "langchain-js": {"citationsContent": "it drops what has citations"},
    "litellm": {
        "citationsContent": "it drops what has citations",
        "<thinking>": "it takes tags in the text for reasoning",
    },
    "llama-index": {"citationsContent": "it drops what has citations"},
}
"""What a client loses of a whole answer, by what the answer has."""

LOST_OF_STREAMS: Final = {
    "langchain-js": {
        "citationsContent": "it drops what has citations",
        "toolResult": "it refuses the start of a block with a tool's result",
    },
    "vercel-ai-sdk": {"toolResult": "it refuses a delta of a tool's result"},
}
"""And of a stream."""


def features(said: Said) -> set[str]:
    """Return what a recording has that some clients do not read."""
    payloads = [payload for _, payload in said.events]
    found = set()
    if any("citation" in payload.get("delta", {}) for payload in payloads):
        found.add("citationsContent")
    if any("toolResult" in payload.get("start", {}) for payload in payloads):
        found.add("toolResult")
    if "<thinking>" in converse_turn(said)["text"]:
        found.add("<thinking>")
    return found


def lost(limits: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """Return the recordings that a client cannot read, with the reason."""
    return {
        (name, said.name): reason
        for name, reasons in limits.items()
        for said in CONVERSE
        for feature, reason in reasons.items()
        if feature in features(said)
    }


def over(
    names: Iterable[str],
    recordings: list[Said],
    cannot: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> pytest.MarkDecorator:
    """Parametrise a test's ``client`` and ``said``."""

    cases = [
        pytest.param(
            name, said, id=f"{name}-{said.name}", marks=_failing(cannot.get((name, said.name)))
        )
        for name in names
        for said in recordings
    ]
    return pytest.mark.parametrize(("client", "said"), cases, indirect=["client"])


def _failing(reason: str | None) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(reason=reason)] if reason else []


def converse_turn(said: Said) -> Turn:
    """Return what a Converse recording says, straight from its payloads."""
    text, reasoning = "", ""
    calls: dict[int, tuple[str, list[str]]] = {}
    for _, payload in said.events:
        if "toolUse" in (start := payload.get("start", {})):
            calls[payload["contentBlockIndex"]] = (start["toolUse"]["name"], [])
        delta = payload.get("delta", {})
        text += delta.get("text", "")
        reasoning += delta.get("reasoningContent", {}).get("text", "")
        if "toolUse" in delta:
            calls[payload["contentBlockIndex"]][1].append(delta["toolUse"]["input"])
    joined = [[name, json.loads("".join(pieces) or "{}")] for name, pieces in calls.values()]
    return {"text": text, "reasoning": reasoning, "calls": joined}


def messages_turn(said: Said) -> Turn:
    """Return what an Anthropic recording says, straight from its chunks."""
    text, reasoning = "", ""
    calls: dict[int, tuple[str, list[str]]] = {}
    for chunk in said.chunks:
        block = chunk.get("content_block", {})
        if block.get("type") == "tool_use":
            calls[chunk["index"]] = (block["name"], [])
        delta = chunk.get("delta", {})
        text += delta.get("text", "")
        reasoning += delta.get("thinking", "")
        if "partial_json" in delta:
            calls[chunk["index"]][1].append(delta["partial_json"])
    joined = [[name, json.loads("".join(pieces) or "{}")] for name, pieces in calls.values()]
    return {"text": text, "reasoning": reasoning, "calls": joined}


def first_turn(client: Client, said: Said, bedrock: Server, *, stream: bool) -> Turn:
    """Serve a recording, then whatever an agent needs to come to an end; return the first turn."""
    bedrock.add(**from_recording(said.data, match={"hasToolResult": False}))  # type: ignore[arg-type]
    bedrock.add(response={"content": "Done."})
    reply = client.ask("hello", stream=stream)
    assert "turns" in reply, reply
    return reply["turns"][0]


def assert_same(turn: Turn, recorded: Turn, server_tools: set[str]) -> None:
    """Compare what a client tells with what was recorded.

    Calls of tools that the provider runs itself are told by some clients, and by one without name.
    """
    assert (turn["text"], turn["reasoning"]) == (recorded["text"], recorded["reasoning"])
    calls = [call for call in recorded["calls"] if call[0] not in server_tools]
    assert [call for call in turn["calls"] if call[0] not in {*server_tools, ""}] == calls


SDKS: Final = [name for name, kind in CLIENTS.items() if kind.aws_sdk]


@over(CLIENTS, CONVERSE, lost(LOST_OF_STREAMS))
def test_a_converse_stream_says_what_it_said(client: Client, said: Said, bedrock: Server) -> None:
    turn = first_turn(client, said, bedrock, stream=True)

    assert_same(turn, converse_turn(said), said.server_tools)


@over(CLIENTS, CONVERSE, CANNOT | lost(LOST))
def test_converse_says_the_same_at_once(client: Client, said: Said, bedrock: Server) -> None:
    turn = first_turn(client, said, bedrock, stream=False)

    assert_same(turn, converse_turn(said), said.server_tools)


@over(SDKS, NATIVE)
def test_an_invoke_stream_gives_its_chunks(client: Client, said: Said, bedrock: Server) -> None:
    bedrock.add(**from_recording(said.data))  # type: ignore[arg-type]
    reply = client.ask("hello", native=True)

    assert reply == {"chunks": said.chunks}


@over(["anthropic"], MESSAGES)
def test_the_anthropic_sdk_reads_its_own_family(
    client: Client, said: Said, bedrock: Server
) -> None:
    turn = first_turn(client, said, bedrock, stream=True)

    assert_same(turn, messages_turn(said), set())

"""The stream that all servers send: a tool call, since the peer's text answers fail in boto3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import bedrock_frames as bf
from bedrock_frames import fixtures

if TYPE_CHECKING:
    from pathlib import Path

MODEL: Final = "anthropic.claude-3-5-sonnet-20241022-v2:0"
QUESTION: Final = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
FRAMES: Final = 64
CHUNK_SIZE: Final = 20
STRUCTURAL_FRAMES: Final = 5
"""messageStart, contentBlockStart, contentBlockStop, messageStop, metadata."""


def fixture(gap_ms: float, *, empty_deltas: int = 1) -> dict[str, Any]:
    """Return a fixture whose stream has 64 frames, each ``gap_ms`` after the one before.

    Claude's tool input begins with an empty delta, and so does ours; the peer's does not.
    """
    length = (FRAMES - STRUCTURAL_FRAMES - empty_deltas) * CHUNK_SIZE
    arguments = json.dumps({"city": "x" * (length - len('{"city":""}'))}, separators=(",", ":"))
    assert len(arguments) == length
    made: dict[str, Any] = {
        "match": {"userMessage": "hello"},
        "response": {"toolCalls": [{"name": "get_weather", "arguments": arguments}]},
        "chunkSize": CHUNK_SIZE,
    }
    return made | ({"latency": gap_ms} if gap_ms else {})


def frames(entry: dict[str, Any]) -> bytes:
    """Return the frames that the server will send: the floor is given the same."""
    compiled = fixtures.parse([entry])
    plan = compiled.compiler(seed=0, padding=True)(0, 0, "converse-stream", MODEL, "converse", None)
    body = b"".join(plan.frames)
    assert len(bf.scan(body)) == FRAMES
    return body


def write(folder: Path, *entries: dict[str, Any]) -> Path:
    """Write fixtures into a new folder, and return it."""
    folder.mkdir()
    (folder / "stream.json").write_text(json.dumps({"fixtures": entries}))
    return folder

"""Claude Code, pointed here by its variables. `make claude-code` fetches it: 235 MB, so on request.

Whatever else it would reach is led to a port where nothing listens.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.clients.running import variables

PACKAGES: Final = Path(__file__).parent / "claude_code/node_modules/@anthropic-ai"
PROGRAMS: Final = sorted(PACKAGES.glob("claude-code-linux-*/claude"))
MODEL: Final = "us.anthropic.claude-sonnet-4-20250514-v1:0"
NOWHERE: Final = "http://127.0.0.1:9"
SECONDS: Final = 180

pytestmark = pytest.mark.skipif(not PROGRAMS, reason="no Claude Code: make claude-code")


class Reply:
    """What it printed, as JSON lines."""

    def __init__(self, printed: str) -> None:
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines()]

    def blocks(self, kind: str) -> list[dict[str, Any]]:
        """Return the blocks of one kind in the assistant's messages, in order."""
        said = [line["message"] for line in self.lines if line["type"] == "assistant"]
        return [b for message in said for b in message["content"] if b["type"] == kind]

    @property
    def result(self) -> dict[str, Any]:
        """The last line."""
        return self.lines[-1]


def ask(prompt: str, bedrock: Server, folder: Path, *options: str) -> Reply:
    """Ask once, in an empty home."""
    environment = variables(bedrock.url) | {
        "HOME": os.fspath(folder),
        "CLAUDE_CONFIG_DIR": os.fspath(folder / ".claude"),
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "ANTHROPIC_BEDROCK_BASE_URL": bedrock.url,
        "ANTHROPIC_MODEL": MODEL,
        "ANTHROPIC_SMALL_FAST_MODEL": MODEL,
        "CLAUDE_CODE_MAX_RETRIES": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
    }
    command: list[str | Path] = [
        PROGRAMS[0],
        "-p",
        prompt,
        "--output-format",
        "stream-json",
        "--verbose",
    ]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout, done.stderr
    return Reply(done.stdout)


def test_text_arrives(bedrock: Server, tmp_path: Path) -> None:
    bedrock.add(match={"userMessage": {"equals": "hello"}}, response={"content": "Hello, 世界!"})
    reply = ask("hello", bedrock, tmp_path)

    assert reply.result["result"] == "Hello, 世界!"
    assert not reply.result["is_error"]
    bedrock.verify(match={"operation": "invoke-with-response-stream"}, status=200)


def test_a_tool_loop_with_parallel_calls(bedrock: Server, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"the contents of {name}")
    calls = [
        {"name": "Read", "id": f"toolu_{name}", "arguments": {"file_path": f"{tmp_path}/{name}"}}
        for name in ("one", "two")
    ]
    bedrock.add(match={"toolCallId": "toolu_one"}, response={"content": "I have read both."})
    bedrock.add(
        match={"userMessage": "Read them"}, response={"content": "Let me.", "toolCalls": calls}
    )
    reply = ask("Read them", bedrock, tmp_path)

    assert [block["name"] for block in reply.blocks("tool_use")] == ["Read", "Read"]
    assert reply.result["result"] == "I have read both."
    for name in ("one", "two"):
        bedrock.verify(match={"toolCallId": f"toolu_{name}", "toolResult": f"contents of {name}"})


def test_reasoning_comes_before_the_text(bedrock: Server, tmp_path: Path) -> None:
    bedrock.add(
        response={"reasoning": "Two and two.", "reasoningSignature": "c2lnbg==", "content": "4"}
    )
    reply = ask("2+2?", bedrock, tmp_path)

    assert [block["thinking"] for block in reply.blocks("thinking")] == ["Two and two."]
    assert reply.result["result"] == "4"


def test_a_throttled_request_is_tried_again(bedrock: Server, tmp_path: Path) -> None:
    bedrock.add(response={"content": "at last"})
    bedrock.next_error("ThrottlingException", "Too many requests")
    reply = ask("hello", bedrock, tmp_path)

    assert reply.result["result"] == "at last"
    bedrock.verify(status=429, times=1)


def test_a_wrong_request_is_told_with_its_message(bedrock: Server, tmp_path: Path) -> None:
    error = {"name": "ValidationException", "message": "The input is wrong somewhere."}
    bedrock.add(response={"error": error})
    reply = ask("hello", bedrock, tmp_path)

    assert reply.result["is_error"]
    assert "The input is wrong somewhere." in reply.result["result"]


def test_an_exception_inside_a_stream_is_noticed(bedrock: Server, tmp_path: Path) -> None:
    bedrock.add(
        response={
            "content": "A text that is cut off before its end by an error.",
            "exceptionAfter": {
                "events": 3, "name": "throttlingException", "message": "Too many tokens",
            },
        }
    )  # fmt: skip
    reply = ask("hello", bedrock, tmp_path)

    assert reply.result["is_error"]
    assert "Too many tokens" in reply.result["result"]

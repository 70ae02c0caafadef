"""The Converse API as a program speaks it that has nothing but an SDK: joining and answering."""

import json
from typing import Any, Final

from tests.clients.talk import MODEL, ROUNDS, TOOLS, Request, Turn, call_tool

TOOL_CONFIG: Final = {
    "tools": [
        {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}
        for name, schema in TOOLS.items()
    ]
}


class Joined:
    """The message that a stream's events add up to."""

    def __init__(self) -> None:
        self._blocks: dict[int, dict[str, Any]] = {}
        self.ended = False

    def add(self, event: dict[str, Any]) -> None:
        """Take the next event."""
        ((name, held),) = event.items()
        # Unions with a member that botocore doesn't know come through without an error.
        assert "SDK_UNKNOWN_MEMBER" not in str(event), event
        match name:
            case "contentBlockStart":
                self._blocks[held["contentBlockIndex"]] = dict(held["start"])
            case "contentBlockDelta":
                self._add_delta(held["contentBlockIndex"], held["delta"])
            case "messageStop":
                self.ended = True

    def _add_delta(self, index: int, delta: dict[str, Any]) -> None:
        block = self._blocks.setdefault(index, {})
        ((kind, piece),) = delta.items()
        if kind == "text":
            block["text"] = block.get("text", "") + piece
        elif kind == "toolUse":
            tool_use = block["toolUse"]
            tool_use["input"] = tool_use.get("input", "") + piece["input"]
        elif kind == "reasoningContent":
            reasoning = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
            for key, value in piece.items():
                if key in ("text", "signature"):
                    reasoning[key] = reasoning.get(key, "") + value

    @property
    def content(self) -> list[dict[str, Any]]:
        """The blocks as the next request repeats them."""
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        for block in blocks:
            if "toolUse" in block:
                block["toolUse"]["input"] = json.loads(block["toolUse"].get("input") or "{}")
        return blocks


def turn_of(content: list[dict[str, Any]]) -> Turn:
    """Return what a message says."""
    cited = [part for block in content for part in _parts(block)]
    thought = [block["reasoningContent"] for block in content if "reasoningContent" in block]
    uses = [block["toolUse"] for block in content if "toolUse" in block]
    return {
        "text": "".join(part.get("text", "") for part in cited),
        "reasoning": "".join(held.get("reasoningText", {}).get("text", "") for held in thought),
        "calls": [[use["name"], use["input"]] for use in uses],
    }


def _parts(block: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = block.get("citationsContent", {}).get("content", [block])
    return parts


class Dialogue:
    """A conversation that goes on for as long as tools are called."""

    def __init__(self, request: Request) -> None:
        self._tools = request.get("tools", False)
        self._messages: list[dict[str, Any]] = [
            {"role": "user", "content": [{"text": request["prompt"]}]}
        ]
        self.turns: list[Turn] = []

    @property
    def going_on(self) -> bool:
        """Whether it is the assistant's turn."""
        return self._messages[-1]["role"] == "user" and len(self.turns) < ROUNDS

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of ``converse`` and ``converse_stream``."""
        tools = {"toolConfig": TOOL_CONFIG} if self._tools else {}
        return {"modelId": MODEL, "messages": self._messages, **tools}

    def add(self, content: list[dict[str, Any]]) -> None:
        """Take the assistant's message, and answer its tool calls if there are tools."""
        self.turns.append(turn_of(content))
        self._messages.append({"role": "assistant", "content": content})
        uses = [block["toolUse"] for block in content if "toolUse" in block]
        if uses and self._tools:
            results = [{"toolResult": _result(use)} for use in uses]
            self._messages.append({"role": "user", "content": results})


def _result(use: dict[str, Any]) -> dict[str, Any]:
    said = call_tool(use["name"], use["input"])
    return {"toolUseId": use["toolUseId"], "content": [{"json": {"said": said}}]}


NATIVE_BODY: Final = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello"}],
    }
)
"""What is sent to InvokeModel where only the answer matters."""

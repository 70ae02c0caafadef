"""Events put together again: what a ConverseStream answer says as a whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from bedrock_frames.bedrock.content import (
    PLAIN_STOP,
    CitedText,
    Image,
    JsonObject,
    Reasoning,
    Redacted,
    Reply,
    Text,
    ToolResult,
    ToolUse,
    Usage,
)
from bedrock_frames.bedrock.tool_input import parse_tool_input

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bedrock_frames.bedrock.content import Block

_COUNTS: Final = frozenset(
    {
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheDetails",
    }
)


@dataclass(slots=True)
class _Open:
    """A content block as far as its events have come."""

    start: JsonObject = field(default_factory=dict)
    text: str = ""
    input: str = ""
    reasoning: str = ""
    signature: str | None = None
    redacted: str | None = None
    citations: list[JsonObject] = field(default_factory=list)
    results: list[JsonObject] = field(default_factory=list)
    image: JsonObject = field(default_factory=dict)
    thinks: bool = False

    def take(self, delta: JsonObject) -> None:
        for key, held in delta.items():
            match key:
                case "text":
                    self.text += cast("str", held)
                case "toolUse":
                    self.input += cast("dict[str, str]", held)["input"]
                case "toolResult":
                    self.results += cast("list[JsonObject]", held)
                case "citation":
                    self.citations.append(_citation(cast("JsonObject", held)))
                case "image":
                    self.image |= cast("JsonObject", held)
                case "reasoningContent":
                    self._think(cast("dict[str, str]", held))

    def _think(self, held: dict[str, str]) -> None:
        self.thinks = True
        self.reasoning += held.get("text", "")
        self.signature = held.get("signature", self.signature)
        self.redacted = held.get("redactedContent", self.redacted)

    def close(self) -> Block:
        if "toolUse" in self.start:
            return self._tool_use(cast("dict[str, str]", self.start["toolUse"]))
        if "toolResult" in self.start:
            start = cast("dict[str, str]", self.start["toolResult"])
            return ToolResult(
                tool_use_id=start["toolUseId"],
                content=tuple(self.results),
                status=start.get("status"),
                type=start.get("type"),
            )
        if "image" in self.start:
            picture = cast("dict[str, str]", self.start["image"])
            source = cast("JsonObject", self.image.get("source", {}))
            return Image(format=picture["format"], source=source)
        if self.redacted is not None:
            return Redacted(data=self.redacted)
        if self.thinks:
            return Reasoning(text=self.reasoning, signature=self.signature)
        if self.citations:
            return CitedText(text=self.text, citations=tuple(self.citations))
        return Text(text=self.text)

    def _tool_use(self, start: dict[str, str]) -> ToolUse:
        parsed, problem = parse_tool_input(self.input)
        return ToolUse(
            id=start["toolUseId"],
            name=start["name"],
            input=parsed,
            source=self.input,
            type=start.get("type"),
            cut=problem is not None,
        )


def _citation(delta: JsonObject) -> JsonObject:
    return {key: delta[key] for key in sorted(delta)}


def fold(events: Iterable[tuple[str, JsonObject]]) -> Reply:
    """Return the answer that valid events add up to."""
    blocks: dict[int, _Open] = {}
    stop: JsonObject = {}
    metadata: JsonObject = {}
    for name, payload in events:
        if name in {"contentBlockStart", "contentBlockDelta"}:
            index = cast("int", payload["contentBlockIndex"])
            block = blocks.setdefault(index, _Open())
            if "start" in payload:
                block.start = cast("JsonObject", payload["start"])
            else:
                block.take(cast("JsonObject", payload["delta"]))
        elif name == "messageStop":
            stop = payload
        elif name == "metadata":
            metadata = payload
    metrics = cast("dict[str, int]", metadata.get("metrics", {}))
    return Reply(
        blocks=tuple(blocks[index].close() for index in sorted(blocks)),
        stop_reason=cast("str", stop.get("stopReason", PLAIN_STOP)),
        usage=_usage(cast("JsonObject", metadata.get("usage", {}))),
        latency_ms=metrics.get("latencyMs", 1),
        additional_fields=stop.get("additionalModelResponseFields"),
        trace=cast("JsonObject | None", metadata.get("trace")),
        performance=cast("JsonObject | None", metadata.get("performanceConfig")),
        service_tier=cast("JsonObject | None", metadata.get("serviceTier")),
    )


def _usage(stated: JsonObject) -> Usage:
    counts = cast("dict[str, int]", stated)
    details = cast("list[JsonObject] | None", stated.get("cacheDetails"))
    return Usage(
        input=counts.get("inputTokens", 0),
        output=counts.get("outputTokens", 0),
        cache_read=counts.get("cacheReadInputTokens"),
        cache_write=counts.get("cacheWriteInputTokens"),
        cache_details=tuple(details) if details else None,
        extra={key: value for key, value in stated.items() if key not in _COUNTS},
    )

"""Show it: a server with the fixtures of this folder, and unmodified clients that talk to it.

Run it with ``make demo``. It needs no AWS account and no network. Exit code 0: all was answered.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from bedrock_frames.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

FIXTURES: Final = Path(__file__).parent / "fixtures"
MODEL: Final = "us.anthropic.claude-sonnet-4-20250514-v1:0"
REGION: Final = "us-east-1"
CITY: Final[Any] = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: Final[Any] = {
    "tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": CITY}}}]
}
AUTOMATIC: Final = {"match": {}, "response": {"agent": {"rounds": 2, "output_tokens": 40}}}
AGENTS: Final = 50
SECONDS: Final = 3
WEATHER: Final = {"Seattle": "sunny", "San Francisco": "foggy"}


def main() -> None:
    """Serve, ask, and show what was counted."""
    with Server(FIXTURES, timing={"ttft_ms": 500, "gap_ms": 60}) as server:
        title(f"serving {FIXTURES.name}/ on {server.url}")
        client = boto3.Session().client(
            "bedrock-runtime",
            endpoint_url=server.url,
            region_name=REGION,
            aws_access_key_id="any",
            aws_secret_access_key="any",  # noqa: S106
        )
        title("boto3: a streamed answer")
        converse(client, "hello")
        title("boto3: a tool loop")
        tool_loop(client, "What is the weather like in Seattle and San Francisco?")
        if importlib.util.find_spec("strands"):
            title("Strands Agents: the same")
            strands_agent(server.url)
        title("what the server counted")
        show_counts(server.url)
    title(f"{AGENTS} automatic agents for {SECONDS} seconds, from one fixture")
    automatic_agents()


def title(text: str) -> None:
    """Print a heading."""
    line = f"── {text}"
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def converse(client: BedrockRuntimeClient, text: str) -> None:
    """Ask once, and show the answer as it arrives."""
    messages = [user({"text": text})]
    answer, stop_reason = show(client, messages)
    if stop_reason != "end_turn" or not answer[0]["text"]:
        raise SystemExit(f"not the answer that was expected: {answer}")


def tool_loop(client: BedrockRuntimeClient, text: str) -> None:
    """Ask, run the tools that are asked for, and give their results, until there is an answer."""
    messages, stop_reason = [user({"text": text})], "tool_use"
    while stop_reason == "tool_use":
        content, stop_reason = show(client, messages)
        calls = [block["toolUse"] for block in content if "toolUse" in block]
        if calls:
            results = [
                {
                    "toolResult": {
                        "toolUseId": call["toolUseId"],
                        "content": [{"json": {"sky": WEATHER[call["input"]["city"]]}}],
                    }
                }
                for call in calls
            ]
            messages += [{"role": "assistant", "content": content}, user(*results)]
    if len(messages) != 3:
        raise SystemExit("no tool was asked for")


def user(*content: dict[str, Any]) -> Any:
    """Return a user's message."""
    return {"role": "user", "content": list(content)}


def show(client: BedrockRuntimeClient, messages: list[Any]) -> tuple[list[Any], str]:
    """Stream an answer, printing each delta when it comes; return its content and stop reason."""
    asked = time.monotonic()
    response = client.converse_stream(modelId=MODEL, messages=messages, toolConfig=TOOLS)
    content, stop_reason = collect(response["stream"], asked)
    return content, stop_reason


def collect(events: Iterable[Any], asked: float) -> tuple[list[Any], str]:
    """Put a stream's events together, printing them."""
    blocks: dict[int, dict[str, Any]] = {}
    stop_reason, first = "", True
    for event in events:
        if "contentBlockStart" in event:
            start = event["contentBlockStart"]
            use = start["start"]["toolUse"]
            blocks[start["contentBlockIndex"]] = {"toolUse": {**use, "input": ""}}
            print(f"\n   → {use['name']} ", end="", flush=True)
        elif "contentBlockDelta" in event:
            if first:
                print(f"   [{(time.monotonic() - asked) * 1000:.0f} ms] ", end="")
                first = False
            index = event["contentBlockDelta"]["contentBlockIndex"]
            delta = event["contentBlockDelta"]["delta"]
            if "toolUse" in delta:
                piece = delta["toolUse"]["input"]
                blocks[index]["toolUse"]["input"] += piece
            else:
                piece = delta["text"]
                block = blocks.setdefault(index, {"text": ""})
                block["text"] += piece
            print(piece, end="", flush=True)
        elif "messageStop" in event:
            stop_reason = event["messageStop"]["stopReason"]
    print(f"\n   [{(time.monotonic() - asked) * 1000:.0f} ms] {stop_reason}")
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return list(blocks.values()), stop_reason


def strands_agent(url: str) -> None:
    """Let a Strands agent run the tool loop; it finds the server by the environment."""
    from strands import Agent, tool
    from strands.models import BedrockModel

    os.environ |= {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    os.environ.pop("AWS_BEARER_TOKEN_BEDROCK", None)

    @tool
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return WEATHER[city]

    model = BedrockModel(model_id=MODEL, region_name=REGION)
    Agent(model=model, tools=[get_weather])("What is the weather like?")
    print()


def show_counts(url: str) -> None:
    """Print how many requests were answered, and how late the frames were."""
    with urllib.request.urlopen(f"{url}/metrics") as response:  # noqa: S310
        text = response.read().decode()
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    name = "bedrock_frames_requests_total{"
    requests = sum(float(count) for key, count in figures.items() if key.startswith(name))
    late = "bedrock_frames_write_lateness_seconds"
    mean_ms = 1000 * float(figures[f"{late}_sum"]) / max(float(figures[f"{late}_count"]), 1)
    print(f"   {requests:.0f} requests answered")
    print(f"   {float(figures['bedrock_frames_frames_sent_total']):.0f} frames sent")
    print(f"   {mean_ms:.2f} ms late on average, for each timed write")


def automatic_agents() -> None:
    """Let many agents talk at a time, and print what they did; no conversation is scripted."""
    with Server([AUTOMATIC], timing={"ttft_ms": 200, "gap_ms": 5}) as server:
        client = server.client(config=Config(max_pool_connections=AGENTS))
        end = time.monotonic() + SECONDS
        with ThreadPoolExecutor(AGENTS) as agents:
            counts = list(agents.map(lambda _: run_agent(client, end), range(AGENTS)))
    conversations, calls, tool_calls = (sum(column) for column in zip(*counts, strict=True))
    print("   agents  conversations  model calls  tool calls")
    print(f"   {AGENTS:6}  {conversations:13}  {calls:11}  {tool_calls:10}")
    if not tool_calls:
        raise SystemExit("no agent has called a tool")


def run_agent(client: BedrockRuntimeClient, end: float) -> tuple[int, int, int]:
    """Hold conversations until ``end``; return how many, and the calls of model and tools."""
    conversations = calls = tool_calls = 0
    while time.monotonic() < end:
        messages, going_on = [user({"text": "Plan my day."})], True
        while going_on:
            answer = client.converse(modelId=MODEL, messages=messages, toolConfig=TOOLS)
            content = answer["output"]["message"]["content"]
            uses = [block["toolUse"]["toolUseId"] for block in content if "toolUse" in block]
            results = [
                {"toolResult": {"toolUseId": use, "content": [{"text": "done"}]}} for use in uses
            ]
            messages += [answer["output"]["message"], user(*results)]
            calls, tool_calls, going_on = calls + 1, tool_calls + len(uses), bool(uses)
        conversations += 1
    return conversations, calls, tool_calls


if __name__ == "__main__":
    main()

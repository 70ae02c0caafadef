"""A small agent service: FastAPI before plain boto3, with tools, streamed to the browser.

``POST /ask`` with ``{"question": "…"}`` answers with server-sent events: ``text`` for each piece of
text, ``tool`` for each tool that was called, and ``done`` or ``error`` at the end.

boto3 blocks, so a thread reads each answer of the model. ``AGENT_THREADS`` says how many there are;
without it, they are those of asyncio's default executor, ``min(32, processors + 4)``.
``AGENT_CLIENT=aiobotocore`` needs no threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MODEL: Final = "us.anthropic.claude-sonnet-4-20250514-v1:0"
MAX_TURNS: Final = 8
"""How often the model is asked for one answer. An agent without such a bound may never end."""
MAX_CONNECTIONS: Final = 1000

ORDERS: Final = {"A-17": "left Rotterdam on Tuesday", "B-42": "waits for customs"}


def track_order(order: str) -> dict[str, str]:
    """Return where an order is."""
    return {"order": order, "state": ORDERS.get(order, "unknown")}


TOOLS: Final = {"track_order": track_order}
TOOL_CONFIG: Final[Any] = {
    "tools": [
        {
            "toolSpec": {
                "name": "track_order",
                "description": "Return where an order is.",
                "inputSchema": {
                    "json": {
                        "type": "object",
                        "properties": {"order": {"type": "string"}},
                        "required": ["order"],
                    }
                },
            }
        }
    ]
}


class Question(BaseModel):
    """The body of a request."""

    question: str = Field(min_length=1, max_length=10_000)


class Boto3Bedrock:
    """Streams events with boto3. Every call that waits for the network takes a thread."""

    def __init__(self) -> None:
        # botocore keeps 10 connections by default; the calls above that connect each time.
        config = Config(max_pool_connections=MAX_CONNECTIONS)
        self._client = boto3.Session().client("bedrock-runtime", config=config)

    async def events(self, messages: list[Any]) -> AsyncIterator[Any]:
        """Ask the model; yield the events of its answer, which a thread reads, as in Strands."""
        loop = asyncio.get_running_loop()
        # It never holds more than one answer.
        arrived: asyncio.Queue[Any] = asyncio.Queue()
        left = threading.Event()

        def read() -> None:
            try:
                response = self._client.converse_stream(
                    modelId=MODEL, messages=messages, toolConfig=TOOL_CONFIG
                )
                with closing(response["stream"]) as events:
                    for event in events:
                        if left.is_set():
                            return
                        loop.call_soon_threadsafe(arrived.put_nowait, event)
                loop.call_soon_threadsafe(arrived.put_nowait, None)
            except Exception as error:
                loop.call_soon_threadsafe(arrived.put_nowait, error)

        reading = loop.run_in_executor(None, read)
        try:
            while (event := await arrived.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            left.set()
            reading.cancel()  # one that waits for a thread need not begin


class AioBedrock:
    """The same with aiobotocore: what waits for the network takes no thread."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def events(self, messages: list[Any]) -> AsyncIterator[Any]:
        """Ask the model; yield the events of its answer."""
        response = await self._client.converse_stream(
            modelId=MODEL, messages=messages, toolConfig=TOOL_CONFIG
        )
        async for event in response["stream"]:
            yield event


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the client before the first request."""
    if os.environ.get("AGENT_CLIENT") == "aiobotocore":
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        config = AioConfig(max_pool_connections=MAX_CONNECTIONS)
        async with get_session().create_client("bedrock-runtime", config=config) as client:
            app.state.bedrock = AioBedrock(client)
            yield
        return
    if threads := os.environ.get("AGENT_THREADS"):
        executor = ThreadPoolExecutor(int(threads), thread_name_prefix="bedrock")
        asyncio.get_running_loop().set_default_executor(executor)
    app.state.bedrock = Boto3Bedrock()
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/ask")
async def ask(question: Question) -> StreamingResponse:
    """Answer a question."""
    return StreamingResponse(stream(question.question), media_type="text/event-stream")


async def stream(question: str) -> AsyncIterator[str]:
    """Yield the answer as server-sent events."""
    try:
        async for kind, data in answer(question):
            yield f"event: {kind}\ndata: {json.dumps(data)}\n\n"
    except Exception as error:
        # The status was sent with the first byte: the error can only be an event.
        yield f"event: error\ndata: {json.dumps(str(error))}\n\n"


async def answer(question: str) -> AsyncIterator[tuple[str, Any]]:
    """Ask, call the tools that are asked for, and give their results, until there is an answer."""
    messages: list[Any] = [{"role": "user", "content": [{"text": question}]}]
    for _ in range(MAX_TURNS):
        blocks: dict[int, Any] = {}
        stop_reason = ""
        async for event in app.state.bedrock.events(messages):
            if "contentBlockStart" in event:
                start = event["contentBlockStart"]
                blocks[start["contentBlockIndex"]] = {
                    "toolUse": {**start["start"]["toolUse"], "input": ""}
                }
            elif "contentBlockDelta" in event:
                index = event["contentBlockDelta"]["contentBlockIndex"]
                delta = event["contentBlockDelta"]["delta"]
                if "toolUse" in delta:
                    blocks[index]["toolUse"]["input"] += delta["toolUse"]["input"]
                elif "text" in delta:
                    blocks.setdefault(index, {"text": ""})["text"] += delta["text"]
                    yield "text", delta["text"]
            elif "messageStop" in event:
                stop_reason = event["messageStop"]["stopReason"]
        uses = [block["toolUse"] for block in blocks.values() if "toolUse" in block]
        for use in uses:
            use["input"] = json.loads(use["input"] or "{}")
        if stop_reason != "tool_use":
            yield "done", stop_reason
            return
        messages.append({"role": "assistant", "content": list(blocks.values())})
        results = []
        for use in uses:
            yield "tool", use["name"]
            said = TOOLS[use["name"]](**use["input"])
            results.append(
                {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"json": said}]}}
            )
        messages.append({"role": "user", "content": results})
    raise RuntimeError(f"there is no answer after {MAX_TURNS} turns")

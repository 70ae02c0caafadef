"""pydantic-ai: an agent with its own loop for tools, the bare model without them."""

import asyncio
from functools import cache
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.direct import model_request, model_request_stream
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ThinkingPart, ToolCallPart
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.providers.bedrock import BedrockProvider

from tests.clients.talk import MODEL, Reply, Request, Turn, answer_on_stdio, get_time, get_weather


def ask(request: Request) -> Reply:
    """Ask the model, or let an agent do it."""
    return {"turns": [_turn(response) for response in asyncio.run(_responses(request))]}


@cache
def _model(url: str) -> BedrockConverseModel:
    return BedrockConverseModel(MODEL, provider=BedrockProvider(base_url=url))


async def _responses(request: Request) -> list[Any]:
    model = _model(request["url"])
    prompt: Any = [ModelRequest.user_text_prompt(request["prompt"])]
    if not request.get("tools"):
        if not request["stream"]:
            return [await model_request(model, prompt)]
        async with model_request_stream(model, prompt) as stream:
            await _drain(stream)
            return [stream.get()]

    agent = Agent(model, tools=[get_weather, get_time])
    told = {"event_stream_handler": _drain_run} if request["stream"] else {}
    result: Any = await agent.run(request["prompt"], **told)
    return [message for message in result.all_messages() if isinstance(message, ModelResponse)]


async def _drain(events: Any) -> None:
    async for _ in events:
        pass


async def _drain_run(context: Any, events: Any) -> None:  # noqa: ARG001
    await _drain(events)


def _turn(response: Any) -> Turn:
    parts = response.parts
    return {
        "text": "".join(part.content for part in parts if isinstance(part, TextPart)),
        "reasoning": "".join(part.content for part in parts if isinstance(part, ThinkingPart)),
        "calls": [
            [part.tool_name, part.args_as_dict()]
            for part in parts
            if isinstance(part, ToolCallPart)
        ],
    }


if __name__ == "__main__":
    answer_on_stdio(ask)

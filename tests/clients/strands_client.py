"""Strands Agents: an agent with its own loop, and its own retries around those of boto3."""

import json
from contextlib import suppress
from functools import cache
from typing import Any

from strands import Agent, ModelRetryStrategy, tool
from strands.models import BedrockModel
from strands.types.exceptions import MaxTokensReachedException

from tests.clients.converse import turn_of
from tests.clients.talk import MODEL, Reply, Request, answer_on_stdio, get_time, get_weather


@cache
def _model(url: str, *, stream: bool) -> BedrockModel:
    return BedrockModel(endpoint_url=url, model_id=MODEL, streaming=stream)


def ask(request: Request) -> Reply:
    """Let an agent do it."""
    agent = Agent(
        model=_model(request["url"], stream=request["stream"]),
        tools=[tool(get_weather), tool(get_time)] if request.get("tools") else [],
        # Two attempts as by default, without the four seconds between them.
        retry_strategy=ModelRetryStrategy(max_attempts=2, initial_delay=0),
        callback_handler=None,
    )
    # Raised when the message is there, for its stop reason.
    with suppress(MaxTokensReachedException):
        agent(request["prompt"])
    messages: list[Any] = json.loads(json.dumps(agent.messages, default=str))
    said = [message["content"] for message in messages if message["role"] == "assistant"]
    return {"turns": [turn_of(content) for content in said]}


if __name__ == "__main__":
    answer_on_stdio(ask)

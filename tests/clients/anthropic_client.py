"""The anthropic SDK's AnthropicBedrock: InvokeModel and its stream, by httpx."""

from functools import cache
from typing import Any

from anthropic import AnthropicBedrock

from tests.clients.talk import (
    MODEL,
    ROUNDS,
    TOOLS,
    Reply,
    Request,
    Turn,
    answer_on_stdio,
    call_tool,
)


@cache
def _client(url: str) -> AnthropicBedrock:
    return AnthropicBedrock(base_url=url, max_retries=1)


def ask(request: Request) -> Reply:
    """Ask until no tool is called."""
    client = _client(request["url"])
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 1000}
    if request.get("tools"):
        options["tools"] = [
            {"name": name, "input_schema": schema} for name, schema in TOOLS.items()
        ]
    messages: list[Any] = [{"role": "user", "content": request["prompt"]}]
    turns: list[Turn] = []
    while len(turns) < ROUNDS:
        if request["stream"]:
            with client.messages.stream(messages=messages, **options) as stream:
                answer: Any = stream.get_final_message()
        else:
            answer = client.messages.create(messages=messages, **options)
        turns.append(_turn(answer))
        uses = [block for block in answer.content if block.type == "tool_use"]
        if not uses or not request.get("tools"):
            break
        messages.append({"role": "assistant", "content": answer.content})
        messages.append({"role": "user", "content": [_result(use) for use in uses]})
    return {"turns": turns}


def _result(use: Any) -> dict[str, Any]:
    said = call_tool(use.name, use.input)
    return {"type": "tool_result", "tool_use_id": use.id, "content": said}


def _turn(answer: Any) -> Turn:
    blocks = answer.content
    return {
        "text": "".join(block.text for block in blocks if block.type == "text"),
        "reasoning": "".join(block.thinking for block in blocks if block.type == "thinking"),
        "calls": [[block.name, block.input] for block in blocks if block.type == "tool_use"],
    }


if __name__ == "__main__":
    answer_on_stdio(ask)

"""LiteLLM's SDK: ``completion`` by its Converse route, which speaks as OpenAI does."""

import json
from typing import Any

import litellm

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

litellm.suppress_debug_info = True


def ask(request: Request) -> Reply:
    """Ask until no tool is called."""
    options: dict[str, Any] = {
        "model": f"bedrock/converse/{MODEL}",
        "aws_bedrock_runtime_endpoint": request["url"],
        "num_retries": 1,
    }
    if request.get("tools"):
        options["tools"] = [
            {"type": "function", "function": {"name": name, "parameters": schema}}
            for name, schema in TOOLS.items()
        ]
    messages: list[Any] = [{"role": "user", "content": request["prompt"]}]
    turns: list[Turn] = []
    while len(turns) < ROUNDS:
        answer = _message(messages, options, stream=request["stream"])
        turns.append(_turn(answer))
        if not answer.tool_calls or not request.get("tools"):
            break
        messages.append(answer.model_dump(exclude_none=True))
        messages += [_result(call) for call in answer.tool_calls]
    return {"turns": turns}


def _message(messages: list[Any], options: dict[str, Any], *, stream: bool) -> Any:
    answer: Any = litellm.completion(messages=messages, stream=stream, **options)
    if stream:
        answer = litellm.stream_chunk_builder(list(answer), messages=messages)
    return answer.choices[0].message


def _result(call: Any) -> dict[str, Any]:
    said = call_tool(call.function.name, json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": said}


def _turn(answer: Any) -> Turn:
    return {
        "text": answer.content or "",
        "reasoning": getattr(answer, "reasoning_content", None) or "",
        "calls": [
            [call.function.name, json.loads(call.function.arguments)]
            for call in answer.tool_calls or []
        ],
    }


if __name__ == "__main__":
    answer_on_stdio(ask)

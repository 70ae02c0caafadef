"""LlamaIndex: ``BedrockConverse``, with the loop that its users write around it."""

from functools import cache
from typing import Any

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.bedrock_converse import BedrockConverse

from tests.clients.talk import (
    MODEL,
    REGION,
    ROUNDS,
    Reply,
    Request,
    Turn,
    answer_on_stdio,
    call_tool,
    get_time,
    get_weather,
)

TOOLS = [FunctionTool.from_defaults(get_weather), FunctionTool.from_defaults(get_time)]


@cache
def _model(url: str) -> BedrockConverse:
    # One attempt of its own, around those of boto3.
    return BedrockConverse(model=MODEL, endpoint_url=url, region_name=REGION, max_retries=1)


def ask(request: Request) -> Reply:
    """Ask until no tool is called."""
    model = _model(request["url"])
    messages = [ChatMessage(role="user", content=request["prompt"])]
    turns: list[Turn] = []
    while len(turns) < ROUNDS:
        answer = _answer(model, messages, request)
        calls = model.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
        turns.append(_turn(answer.message, calls))
        if not calls or not request.get("tools"):
            break
        messages.append(answer.message)
        messages += [_result(call) for call in calls]
    return {"turns": turns}


def _answer(model: BedrockConverse, messages: list[Any], request: Request) -> Any:
    if not request.get("tools"):
        if not request["stream"]:
            return model.chat(messages)
        return list(model.stream_chat(messages))[-1]
    if not request["stream"]:
        return model.chat_with_tools(TOOLS, chat_history=messages, allow_parallel_tool_calls=True)
    return list(
        model.stream_chat_with_tools(TOOLS, chat_history=messages, allow_parallel_tool_calls=True)
    )[-1]


def _result(call: Any) -> ChatMessage:
    return ChatMessage(
        role="tool",
        content=call_tool(call.tool_name, call.tool_kwargs),
        additional_kwargs={"tool_call_id": call.tool_id},
    )


def _turn(message: Any, calls: list[Any]) -> Turn:
    blocks = message.blocks
    return {
        "text": "".join(block.text for block in blocks if block.block_type == "text"),
        "reasoning": "".join(
            block.content or "" for block in blocks if block.block_type == "thinking"
        ),
        "calls": [[call.tool_name, call.tool_kwargs] for call in calls],
    }


if __name__ == "__main__":
    answer_on_stdio(ask)

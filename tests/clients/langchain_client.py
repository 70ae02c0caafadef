"""langchain-aws: ChatBedrockConverse, with the loop that its users write around it."""

from functools import cache
from typing import Any

from langchain_aws import ChatBedrockConverse
from langchain_core.messages import HumanMessage, ToolMessage

from tests.clients.talk import (
    MODEL,
    ROUNDS,
    Reply,
    Request,
    Turn,
    answer_on_stdio,
    call_tool,
    get_time,
    get_weather,
)


@cache
def _chat(url: str, *, tools: bool) -> Any:
    chat = ChatBedrockConverse(model=MODEL, endpoint_url=url)
    return chat.bind_tools([get_weather, get_time]) if tools else chat


def ask(request: Request) -> Reply:
    """Ask until no tool is called."""
    chat = _chat(request["url"], tools=request.get("tools", False))
    messages: list[Any] = [HumanMessage(request["prompt"])]
    turns: list[Turn] = []
    while len(turns) < ROUNDS:
        answer = _joined(chat.stream(messages)) if request["stream"] else chat.invoke(messages)
        turns.append(_turn(answer))
        if not answer.tool_calls or not request.get("tools"):
            break
        messages.append(answer)
        messages += [
            ToolMessage(call_tool(call["name"], call["args"]), tool_call_id=call["id"])
            for call in answer.tool_calls
        ]
    return {"turns": turns}


def _joined(chunks: Any) -> Any:
    answer = None
    for chunk in chunks:
        answer = chunk if answer is None else answer + chunk
    return answer


def _turn(answer: Any) -> Turn:
    blocks = answer.content if isinstance(answer.content, list) else []
    text = answer.content if isinstance(answer.content, str) else ""
    thought = ""
    for block in blocks:
        if block.get("type") == "text":
            text += block["text"]
        elif block.get("type") == "reasoning_content":
            thought += block["reasoning_content"].get("text", "")
    calls = [[call["name"], call["args"]] for call in answer.tool_calls]
    return {"text": text, "reasoning": thought, "calls": calls}


if __name__ == "__main__":
    answer_on_stdio(ask)

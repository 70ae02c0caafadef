"""aiobotocore: botocore's parsers behind aiohttp."""

import asyncio
import json
from typing import Any, Final

from aiobotocore.session import get_session

from tests.clients.converse import NATIVE_BODY, Dialogue, Joined
from tests.clients.talk import MODEL, Reply, Request, answer_on_stdio

SESSION: Final = get_session()


async def _ask(request: Request) -> Reply:
    async with SESSION.create_client("bedrock-runtime", endpoint_url=request["url"]) as client:
        if request.get("native"):
            if not request["stream"]:
                answer = await client.invoke_model(modelId=MODEL, body=NATIVE_BODY)
                return {"chunks": [json.loads(await answer["body"].read())]}
            response = await client.invoke_model_with_response_stream(
                modelId=MODEL, body=NATIVE_BODY
            )
            return {
                "chunks": [json.loads(event["chunk"]["bytes"]) async for event in response["body"]]
            }
        dialogue = Dialogue(request)
        while dialogue.going_on:
            dialogue.add(await _content(client, dialogue.arguments, stream=request["stream"]))
        return {"turns": dialogue.turns}


async def _content(client: Any, arguments: dict[str, Any], *, stream: bool) -> list[dict[str, Any]]:
    if not stream:
        answer: dict[str, Any] = await client.converse(**arguments)
        content: list[dict[str, Any]] = answer["output"]["message"]["content"]
        return content
    joined = Joined()
    async for event in (await client.converse_stream(**arguments))["stream"]:
        joined.add(event)
    assert joined.ended, "the stream ended before the message"
    return joined.content


def ask(request: Request) -> Reply:
    """Ask as an asyncio program does that has nothing but the SDK."""
    return asyncio.run(_ask(request))


if __name__ == "__main__":
    answer_on_stdio(ask)

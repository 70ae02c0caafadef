"""boto3."""

import json
from functools import cache
from typing import Any

import boto3

from tests.clients.converse import NATIVE_BODY, Dialogue, Joined
from tests.clients.talk import MODEL, Reply, Request, answer_on_stdio


@cache
def _client(url: str) -> Any:
    return boto3.client("bedrock-runtime", endpoint_url=url)


def ask(request: Request) -> Reply:
    """Ask as a program does that has nothing but the SDK."""
    client = _client(request["url"])
    if request.get("native"):
        if not request["stream"]:
            answer = client.invoke_model(modelId=MODEL, body=NATIVE_BODY)
            return {"chunks": [json.loads(answer["body"].read())]}
        response = client.invoke_model_with_response_stream(modelId=MODEL, body=NATIVE_BODY)
        return {"chunks": [json.loads(event["chunk"]["bytes"]) for event in response["body"]]}
    dialogue = Dialogue(request)
    while dialogue.going_on:
        if request["stream"]:
            joined = Joined()
            for event in client.converse_stream(**dialogue.arguments)["stream"]:
                joined.add(event)
            assert joined.ended, "the stream ended before the message"
            dialogue.add(joined.content)
        else:
            dialogue.add(client.converse(**dialogue.arguments)["output"]["message"]["content"])
    return {"turns": dialogue.turns}


if __name__ == "__main__":
    answer_on_stdio(ask)

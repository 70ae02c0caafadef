"""What real clients make of text, tools and reasoning."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames.server import Server
from tests.clients.asking import asked, each, each_aws_sdk, statuses, turns_of
from tests.clients.commands import python_of
from tests.clients.running import Client, serving, variables
from tests.clients.talk import Turn

HELLO: Final = (
    '{"fixtures":[{"match":{"userMessage":"hello"},'
    '"response":{"content":"Hello! How can I help you today?"}}]}'
)

OPERATIONS: Final = {
    (False, False): "converse",
    (False, True): "converse-stream",
    (True, False): "invoke",
    (True, True): "invoke-with-response-stream",
}
"""By whether a client speaks InvokeModel, and streams."""


def messages_text(chunks: list[Any]) -> str:
    """Return the text of an Anthropic message, whole or in events."""
    blocks = (
        chunks[0]["content"] if "content" in chunks[0] else [c.get("delta", {}) for c in chunks]
    )
    return "".join(block.get("text", "") for block in blocks)


@pytest.mark.parametrize("environment", ["older", "newest"])
def test_strands_says_hello_as_in_the_issue_that_started_it(
    environment: str, tmp_path: Path
) -> None:
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text(HELLO)
    with serving(fixtures) as url:
        done = subprocess.run(
            [python_of(environment), Path(__file__).with_name("strands_hello.py"), url],
            env=variables(url),
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.stdout.strip(), done.returncode) == ("Hello! How can I help you today?", 0)


@each
def test_text_arrives(client: Client, stream: bool, bedrock: Server) -> None:
    text = "Grüße, 世界! 👩‍👩‍👧 And more, so that it takes many pieces to say.\n\n- a\n- b"
    bedrock.add(match={"userMessage": "hello"}, response={"content": text})
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn == Turn(text=text, reasoning="", calls=[])
    (request,) = asked(bedrock)
    assert (request.operation, request.status) == (OPERATIONS[client.kind.native, stream], 200)


@each_aws_sdk
def test_invoke_model_gives_what_the_model_said(
    client: Client, stream: bool, bedrock: Server
) -> None:
    bedrock.add(response={"content": "Grüße, 世界! As the model has it."})
    reply = client.ask("hello", stream=stream, native=True)

    assert "chunks" in reply, reply
    assert messages_text(reply["chunks"]) == "Grüße, 世界! As the model has it."
    (request,) = asked(bedrock)
    assert (request.operation, request.status) == (OPERATIONS[True, stream], 200)


@each
def test_a_paced_text_arrives_too(client: Client, stream: bool, bedrock: Server) -> None:
    timing = {"ttft_ms": 4, "gap_ms": 1}
    bedrock.add(response={"content": "One word after the other."}, timing=timing)
    (turn,) = turns_of(client.ask("hello", stream=stream))

    assert turn["text"] == "One word after the other."


@each
def test_a_tool_loop_of_three_turns_with_parallel_calls(
    client: Client, stream: bool, bedrock: Server
) -> None:
    def call(number: int, name: str, **arguments: str) -> dict[str, Any]:
        return {"name": name, "id": f"tooluse_{number}", "arguments": arguments}

    bedrock.add(
        match={"userMessage": "weather", "hasToolResult": False},
        response={
            "content": "Let me look.",
            "toolCalls": [
                call(1, "get_weather", city="San Francisco"), call(2, "get_time", zone="UTC"),
            ],
        },
    )  # fmt: skip
    bedrock.add(
        match={"toolCallId": "tooluse_1", "toolResultContains": "rain in San Francisco"},
        response={"toolCalls": [call(3, "get_weather", city="New York")]},
    )
    bedrock.add(
        match={"toolCallId": "tooluse_3", "toolResultContains": "rain in New York"},
        response={"content": "Rain in both."},
    )
    turns = turns_of(client.ask("How is the weather?", stream=stream, tools=True))

    assert [(turn["text"], turn["calls"]) for turn in turns] == [
        (
            "Let me look.",
            [["get_weather", {"city": "San Francisco"}], ["get_time", {"zone": "UTC"}]],
        ),
        ("", [["get_weather", {"city": "New York"}]]),
        ("Rain in both.", []),
    ]
    assert statuses(bedrock) == [200] * 3
    sent = json.loads(asked(bedrock)[1].body)["messages"]
    assert all(said in json.dumps(sent[-1]) for said in ("rain in San Francisco", "noon in UTC"))


@each
def test_reasoning_comes_before_the_text(client: Client, stream: bool, bedrock: Server) -> None:
    bedrock.add(
        response={"reasoning": "Two and two.", "reasoningSignature": "c2lnbg==", "content": "4"}
    )
    (turn,) = turns_of(client.ask("2+2?", stream=stream))

    assert turn == Turn(text="4", reasoning="Two and two.", calls=[])

"""Automatic agents: any agent is answered, tool loops and all, from one fixture."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import jsonschema
import pytest
from botocore.config import Config

from bedrock_frames import decode_all
from bedrock_frames.bedrock.content import Text, ToolUse
from bedrock_frames.bedrock.fold import fold
from bedrock_frames.server import Server
from tests.support.compiled_answers import faults
from tests.support.http_client import MODEL

NOVA: Final = "us.amazon.nova-pro-v1:0"
GPT: Final = "openai.gpt-oss-120b-1:0"
MISTRAL: Final = "mistral.pixtral-large-2502-v1:0"
COHERE: Final = "cohere.command-r-plus-v1:0"
ONE_ATTEMPT: Final = Config(retries={"total_max_attempts": 1, "mode": "standard"})
SCHEMAS: Final[dict[str, Any]] = {
    "get_weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 3},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "unit": {"enum": ["C", "F"]},
        },
        "required": ["city", "days"],
        "additionalProperties": False,
    },
    "book": {
        "type": "object",
        "properties": {"when": {"$ref": "#/$defs/slot"}, "code": {"pattern": "^[A-Z]{3}$"}},
        "required": ["when", "code"],
        "$defs": {"slot": {"type": "object", "properties": {"day": {"type": "string"}}}},
    },
}
TOOLS: Final[Any] = [
    {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}
    for name, schema in SCHEMAS.items()
]


def agent(**options: Any) -> dict[str, Any]:
    return {"match": {}, "response": {"agent": options}}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


def results_of(message: dict[str, Any]) -> dict[str, Any]:
    uses = [block["toolUse"] for block in message["content"] if "toolUse" in block]
    content = [{"text": "done"}]
    found = [{"toolResult": {"toolUseId": use["toolUseId"], "content": content}} for use in uses]
    return {"role": "user", "content": found}


def uses_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    content = answer["output"]["message"]["content"]
    return [block["toolUse"] for block in content if "toolUse" in block]


def text_of(answer: dict[str, Any]) -> str:
    return "".join(block.get("text", "") for block in answer["output"]["message"]["content"])


Asking = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", params=[False, True], ids=["native", "asgi"])
def running(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Any]]:
    with Server(seed=5, asgi=request.param) as server:
        yield server, server.client(config=ONE_ATTEMPT)


@pytest.fixture
def server(running: tuple[Server, Any]) -> Server:
    running[0].reset()
    return running[0]


@pytest.fixture
def client(running: tuple[Server, Any]) -> Any:
    return running[1]


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def ask(client: Any, request: pytest.FixtureRequest) -> Asking:

    def asking(messages: list[Any], model: str = MODEL, **options: Any) -> dict[str, Any]:
        if not request.param:
            return dict(client.converse(modelId=model, messages=messages, **options))
        events = list(client.converse_stream(modelId=model, messages=messages, **options)["stream"])
        folded = fold([(name, payload) for event in events for name, payload in event.items()])
        content: list[Any] = []
        for block in folded.blocks:
            if isinstance(block, ToolUse):
                use = {"toolUseId": block.id, "name": block.name, "input": block.input}
                content.append({"toolUse": use})
            elif isinstance(block, Text):
                content.append({"text": block.text})
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": events[-2]["messageStop"]["stopReason"],
            "usage": events[-1]["metadata"]["usage"],
        }

    return asking


def test_a_tool_loop_ends_after_its_rounds(server: Server, ask: Asking) -> None:
    server.load([agent(rounds=3, parallel=2, reasoning_tokens=10, output_tokens=50)])
    messages = [user("Plan my trip")]
    ids: list[str] = []
    called: set[str] = set()
    tokens: list[int] = []
    for _ in range(3):
        answer = ask(messages, toolConfig={"tools": TOOLS})
        tokens.append(answer["usage"]["inputTokens"])
        uses = uses_of(answer)
        assert answer["stopReason"] == "tool_use"
        assert len(uses) == 2
        for use in uses:
            jsonschema.validate(use["input"], SCHEMAS[use["name"]])
        called |= {use["name"] for use in uses}
        ids += [use["toolUseId"] for use in uses]
        messages += [answer["output"]["message"], results_of(answer["output"]["message"])]
    last = ask(messages, toolConfig={"tools": TOOLS})

    assert last["stopReason"] == "end_turn"
    assert len(text_of(last)) == 200
    assert called == SCHEMAS.keys()
    assert len(set(ids)) == 6
    assert tokens == sorted(set(tokens))
    assert last["usage"]["totalTokens"] == (
        last["usage"]["inputTokens"] + last["usage"]["outputTokens"]
    )
    # Another text of the user begins the rounds again.
    more = [*messages, last["output"]["message"], user("And back")]
    assert ask(more, toolConfig={"tools": TOOLS})["stopReason"] == "tool_use"


def test_ids_are_unique_over_requests_and_follow_from_the_seed(ask: Asking, server: Server) -> None:
    server.load([agent(rounds=1)])

    def ids() -> list[str]:
        server.parts.engine.reset()
        asked = [ask([user("a")], toolConfig={"tools": TOOLS}) for _ in range(80)]
        return [use["toolUseId"] for answer in asked for use in uses_of(answer)]

    first = ids()

    assert len(set(first)) == 80
    assert ids() == first


def test_no_compiling_is_needed_for_a_longer_conversation(server: Server, ask: Asking) -> None:
    server.load([agent(rounds=1, text="lorem")])
    seen = {
        json.dumps([use["input"] for use in uses_of(ask([user(f"{n}")], toolConfig=config))])
        for n in range(120)
        for config in [{"tools": TOOLS}]
    }

    assert 1 < len(seen) <= 32


@pytest.mark.parametrize(
    ("choice", "calls"),
    [({"any": {}}, True), ({"auto": {}}, False), ({"tool": {"name": "book"}}, True)],
    ids=["any", "auto", "tool"],
)
def test_a_tool_choice_wins_over_rounds(
    server: Server, ask: Asking, choice: dict[str, Any], calls: bool
) -> None:
    server.load([agent(rounds=0)])
    answer = ask([user("a")], toolConfig={"tools": TOOLS, "toolChoice": choice})

    assert bool(uses_of(answer)) == calls
    if "tool" in choice:
        assert [use["name"] for use in uses_of(answer)] == ["book"]


def test_without_tools_there_is_text(server: Server, ask: Asking) -> None:
    server.load([agent(rounds=3, output_tokens=20)])
    answer = ask([user("a")])

    assert answer["stopReason"] == "end_turn"
    assert len(text_of(answer)) == 80
    assert answer["usage"]["outputTokens"] == 20


def test_max_tokens_cut_the_text(server: Server, ask: Asking) -> None:
    server.load([agent(output_tokens=50)])
    answer = ask([user("a")], inferenceConfig={"maxTokens": 7})

    assert answer["stopReason"] == "max_tokens"
    assert answer["usage"]["outputTokens"] == 7
    assert len(text_of(answer)) == 28


def test_a_stop_sequence_ends_the_text_before_it(server: Server, ask: Asking) -> None:
    server.load([agent(text="echo", output_tokens=50)])
    answer = ask([user("one two three")], inferenceConfig={"stopSequences": ["three", "never"]})

    assert answer["stopReason"] == "stop_sequence"
    assert text_of(answer) == "one two "


def test_an_echo_keeps_the_numbers_of_the_user(server: Server, ask: Asking) -> None:
    server.load([agent(text="echo", output_tokens=8)])
    text = "call 987654321, 123456789, 1234567890"[:32]

    assert text_of(ask([user(text)])) == text


def test_structured_output_satisfies_its_schema(server: Server, ask: Asking) -> None:
    server.load([agent(rounds=0)])
    schema = SCHEMAS["get_weather"]
    structure = {"jsonSchema": {"schema": json.dumps(schema), "name": "weather"}}
    text_format = {"type": "json_schema", "structure": structure}
    answer = ask([user("a")], outputConfig={"textFormat": text_format})

    jsonschema.validate(json.loads(text_of(answer)), schema)


def test_a_schema_that_cannot_be_satisfied_is_answered_all_the_same(
    server: Server, ask: Asking
) -> None:
    server.load([agent(rounds=1)])
    tool = {"name": "odd", "inputSchema": {"json": {"type": "object", "required": 7, "$ref": "#"}}}
    answer = ask([user("a")], toolConfig={"tools": [{"toolSpec": tool}]})

    assert [use["input"] for use in uses_of(answer)] == [{}]


def test_a_distribution_of_rounds_is_kept_over_conversations(server: Server, ask: Asking) -> None:
    server.load([agent(rounds={"dist": "uniform", "min": 0, "max": 1}, output_tokens=5)])
    called = sum(bool(uses_of(ask([user("a")], toolConfig={"tools": TOOLS}))) for _ in range(100))

    assert 20 < called < 80


def test_fixtures_before_an_agent_win(server: Server, ask: Asking) -> None:
    script = {"match": {"userMessage": "script"}, "response": {"content": "Scripted."}}
    server.load([script, agent(rounds=0, output_tokens=5)])

    assert text_of(ask([user("script")])) == "Scripted."
    assert text_of(ask([user("other")])) != "Scripted."


ANTHROPIC_TOOLS: Final = [{"name": n, "input_schema": s} for n, s in SCHEMAS.items()]
OPENAI_TOOLS: Final = [
    {"type": "function", "function": {"name": n, "parameters": s}} for n, s in SCHEMAS.items()
]
COHERE_TOOLS: Final = [
    {
        "name": "get_weather",
        "description": "…",
        "parameter_definitions": {"city": {"type": "str", "required": True}},
    }
]
SAID: Final = [{"role": "user", "content": "Plan my trip"}]
NATIVE: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "anthropic": (
        MODEL,
        {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 500,
            "messages": SAID,
            "tools": ANTHROPIC_TOOLS,
        },
    ),
    "nova": (NOVA, {"messages": [user("Plan")], "toolConfig": {"tools": TOOLS}}),
    "openai": (GPT, {"messages": SAID, "tools": OPENAI_TOOLS}),
    "mistral": (MISTRAL, {"messages": SAID, "tools": OPENAI_TOOLS}),
    "cohere": (COHERE, {"message": "Plan", "tools": COHERE_TOOLS}),
}


def native_calls(family: str, body: dict[str, Any]) -> list[tuple[str | None, str, Any]]:
    """Return id, name and arguments of each call."""
    match family:
        case "anthropic":
            uses = [block for block in body["content"] if block["type"] == "tool_use"]
            return [(use["id"], use["name"], use["input"]) for use in uses]
        case "nova":
            content = body["output"]["message"]["content"]
            uses = [block["toolUse"] for block in content if "toolUse" in block]
            return [(use["toolUseId"], use["name"], use["input"]) for use in uses]
        case "cohere":
            return [(None, use["name"], use["parameters"]) for use in body.get("tool_calls", [])]
    calls = body["choices"][0]["message"].get("tool_calls", [])
    return [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]


@pytest.mark.parametrize("family", NATIVE)
def test_native_bodies_are_answered_in_their_form(server: Server, client: Any, family: str) -> None:
    server.load([agent(rounds=1, parallel=2)])
    model, body = NATIVE[family]
    found: list[tuple[str | None, str, Any]] = []
    for _ in range(3):
        answer = client.invoke_model(modelId=model, body=json.dumps(body))
        calls = native_calls(family, json.loads(answer["body"].read()))
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        assert 0 < int(headers["x-amzn-bedrock-input-token-count"]) < 1000
        assert len(calls) == 2
        found += calls
    ids = [id_ for id_, _, _ in found if id_ is not None]

    for _, name, arguments in found:
        if family != "cohere":
            jsonschema.validate(arguments, SCHEMAS[name])
    assert len(set(ids)) == len(ids)
    assert len(ids) == (0 if family == "cohere" else 6)


@pytest.mark.parametrize("family", NATIVE)
def test_native_streams_hold_ids_of_their_own_in_valid_frames(
    server: Server, client: Any, family: str
) -> None:
    server.load([agent(rounds=1)])
    model, body = NATIVE[family]
    seen: list[str] = []
    for _ in range(2):
        stream = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
        chunks = [json.loads(event["chunk"]["bytes"]) for event in stream["body"]]
        metrics = chunks[-1]["amazon-bedrock-invocationMetrics"]
        assert 0 < metrics["inputTokenCount"] < 1000
        seen.append(json.dumps(chunks))

    if family != "cohere":
        marks = [text.split("tooluse_")[-1].split("toolu_bdrk_")[-1][:20] for text in seen]
        assert len(set(marks)) == 2


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("us.meta.llama3-3-70b-instruct-v1:0", {"prompt": "Hi", "max_gen_len": 9}),
        ("amazon.titan-text-express-v1", {"inputText": "Hi"}),
        ("cohere.command-text-v14", {"prompt": "Hi"}),
        ("anthropic.claude-v2", {"prompt": "Hi", "max_tokens_to_sample": 9}),
    ],
)
def test_families_without_tools_get_text(
    server: Server, client: Any, model: str, body: dict[str, Any]
) -> None:
    server.load([agent(rounds=2, reasoning_tokens=4, output_tokens=30)])
    answer = client.invoke_model(modelId=model, body=json.dumps(body))

    assert len(answer["body"].read()) > 20


def test_both_tiers_say_the_same_bytes() -> None:
    def said(asgi: bool) -> list[bytes]:
        found: list[bytes] = []
        with Server([agent(rounds=2, parallel=2)], seed=3, asgi=asgi) as server:
            client: Any = server.client(config=ONE_ATTEMPT)
            for family in NATIVE:
                model, body = NATIVE[family]
                answer = client.invoke_model(modelId=model, body=json.dumps(body))
                found.append(answer["body"].read())
            events = client.converse_stream(
                modelId=MODEL, messages=[user("a")], toolConfig={"tools": TOOLS}
            )
            found.append(json.dumps(list(events["stream"])).encode())
        return found

    assert said(asgi=False) == said(asgi=True)


def test_frames_are_valid_after_they_are_filled() -> None:
    body = {"messages": [user("a")], "toolConfig": {"tools": TOOLS}}
    with Server([agent(rounds=1)]) as server:
        for _ in range(3):
            path = f"{server.url}/model/{MODEL}/converse-stream"
            messages = list(decode_all(httpx.post(path, json=body).content))
            assert messages[-1].event_type == "metadata"


def test_options_that_an_agent_has_no_use_for_are_told() -> None:
    found = faults({**agent(rounds=1), "chunkSize": 3})
    beside = faults({"match": {}, "response": {"agent": {}, "stopReason": "max_tokens"}})

    assert found == []
    assert [message for _, _, message in beside] == ["has no effect beside agent, which decides it"]


def test_an_agent_stands_alone_and_its_figures_are_checked() -> None:
    (both,) = faults({"match": {}, "response": {"agent": {}, "content": "a"}})
    (wrong,) = faults(agent(rounds={"dist": "poisson", "mean": 2}))

    assert "an agent stands alone" in both[2]
    assert "dist is one of fixed, uniform, normal, lognormal, gamma" in wrong[2]

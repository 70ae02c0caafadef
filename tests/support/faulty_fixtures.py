"""Fixtures with one thing wrong each: a name, the fixture, where, and words of the message."""

from typing import Any, Final

HELLO = {"content": "hello"}


def response(**said: object) -> dict[str, Any]:
    return {"match": {}, "response": said}


def match(**keys: object) -> dict[str, Any]:
    return {"match": keys, "response": HELLO}


def option(**options: object) -> dict[str, Any]:
    return {"match": {}, "response": HELLO, **options}


def events(*given: object) -> dict[str, Any]:
    return response(events=list(given))


def delta(**held: object) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": held}}


ERRORS: Final[list[tuple[str, Any, str, str]]] = [
    ("not an object", 7, "", "a fixture is an object, not an integer"),
    ("no match", {"response": HELLO}, ".match", '"match" is required'),
    ("no response", {"match": {}}, "", "exactly one of response, responses"),
    ("an empty response", response(), ".response", "says nothing: needs one of content"),
    ("a typo of match", match(userMesage="x"), ".match.userMesage", 'mean "userMessage"?'),
    ("a typo in a response", response(contnet="x"), ".response.contnet", 'mean "content"?'),
    ("a typo of an option", option(latancy=1), ".latancy", 'mean "latency"?'),
    ("code", match(predicate="x"), ".match.predicate", "is code"),
    ("a wrong type", match(userMessage=5), ".match.userMessage", "must be a string or an object"),
    ("a wrong bool", match(hasToolResult="yes"), ".match.hasToolResult", "must be true or false"),
    ("a wrong index", match(turnIndex=-1), ".match.turnIndex", "at least 0, and is -1"),
    ("a float index", match(sequenceIndex=1.5), ".match.sequenceIndex", "must be an integer"),
    (
        "an empty substring",
        match(toolResultContains=""),
        ".match.toolResultContains",
        "not be empty",
    ),
    ("no condition", match(model={}), ".match.model", "exactly one of equals, contains, regex"),
    (
        "two conditions",
        match(model={"equals": "a", "regex": "b"}),
        ".match.model",
        "exactly one of equals, contains, regex",
    ),
    ("a latency of days", option(latency=1e9), ".latency", "must be at most 86400000"),
    ("a late cut", option(disconnectAfterMs=1e300), ".disconnectAfterMs", "at most 86400000"),
    ("a late token", option(timing={"ttft_ms": 1e9}), ".timing.ttft_ms", "at most 86400000"),
    ("a slow profile", option(streamingProfile={"tps": 1e-300}), ".streamingProfile.tps", "1e-06"),
    ("a slow replay", option(replaySpeed=1e-300, latency=1), ".replaySpeed", "at least 1e-06"),
    ("a count of 30 digits", option(chunkSize=10**30), ".chunkSize", "at most 2147483647"),
    ("a cut of 30 digits", option(truncateAfterChunks=10**30), ".truncateAfterChunks", "at most"),
    ("a late turn", match(turnIndex=10**30), ".match.turnIndex", "at most 2147483647"),
    ("a late step", match(sequenceIndex=2**31), ".match.sequenceIndex", "at most 2147483647"),
    (
        "a late retry",
        response(error={"message": "m"}, retryAfter=1e300),
        ".response.retryAfter",
        "at most 86400",
    ),
    ("a long latency", response(content="a", latencyMs=10**30), ".response.latencyMs", "at most"),
    (
        "too many tokens",
        response(content="a", usage={"input_tokens": 10**30}),
        ".response.usage.input_tokens",
        "at most 2147483647",
    ),
    (
        "too many tokens in all",
        response(content="a", usage={"inputTokens": 2**31 - 1}),
        ".response.usage.totalTokens",
        "at most 2147483647",
    ),
    (
        "tokens of an event",
        events(
            {
                "metadata": {
                    "usage": {"inputTokens": 2**31, "outputTokens": 1, "totalTokens": 1},
                    "metrics": {"latencyMs": 10**30},
                }
            }
        ),
        ".response.events[0].metadata.usage.inputTokens",
        "at most 2147483647",
    ),
    (
        "a latency of an event",
        events(
            {
                "metadata": {
                    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
                    "metrics": {"latencyMs": 10**30},
                }
            }
        ),
        ".response.events[0].metadata.metrics.latencyMs",
        "at most 9.22337203685478e+18",
    ),
    (
        "a heavy weight",
        {"match": {}, "responses": [{"weight": 1e300, "response": HELLO}]},
        ".responses[0].weight",
        "at most 1000000000",
    ),
    ("a typo of a condition", match(model={"equal": "a"}), ".match.model.equal", 'mean "equals"?'),
    ("a bad regex", match(session={"regex": "("}), ".match.session", "unclosed group"),
    ("look-around", match(userMessage={"regex": "(?=x)"}), ".match.userMessage", "look-around"),
    ("an operation", match(operation="convers"), ".match.operation", 'did you mean "converse"?'),
    (
        "two results",
        match(toolResult="a", toolResultContains="b"),
        ".match.toolResultContains",
        "beside",
    ),
    ("a null content type", response(content=5), ".response.content", "must be a string, or an"),
    (
        "tool input that is not JSON",
        response(toolCalls=[{"name": "a", "arguments": {}}, {"name": "b", "arguments": "{bad"}]),
        ".response.toolCalls[1].arguments",
        "is not JSON: Expecting",
    ),
    (
        "tool input that is no object",
        response(toolCalls=[{"name": "a", "arguments": "[1]"}]),
        ".response.toolCalls[0].arguments",
        "must be a JSON object, not an array. Input that was cut needs a stopReason",
    ),
    (
        "an unknown block",
        response(blocks=[{"type": "txt"}]),
        ".response.blocks[0]",
        "one of text, toolCall, reasoning, redactedReasoning, citedText, image, toolResult",
    ),
    (
        "a key of another block",
        response(blocks=[{"type": "text", "text": "a", "name": "b"}]),
        ".response.blocks[0].name",
        "Allowed: text, type",
    ),
    (
        "a stop reason",
        response(content="a", stopReason="endturn"),
        ".response.stopReason",
        '"end_turn"?',
    ),
    (
        "a finish reason",
        response(content="a", finishReason="stopp"),
        ".response.finishReason",
        '"stop"?',
    ),
    (
        "a float count",
        response(content="a", usage={"inputTokens": 1.5}),
        ".response.usage.inputTokens",
        "integer",
    ),
    (
        "a negative count",
        response(content="a", usage={"inputTokens": -1}),
        ".response.usage.inputTokens",
        "at least 0",
    ),
    (
        "a count stated twice",
        response(content="a", usage={"inputTokens": 1, "input_tokens": 2}),
        ".response.usage.input_tokens",
        "stated twice, as 1 and as 2",
    ),
    ("redacted text", response(redactedThinking=["%"]), ".response.redactedThinking[0]", "base64"),
    (
        "an empty union in a citation",
        response(blocks=[{"type": "citedText", "text": "a", "citations": [{"location": {}}]}]),
        ".response.blocks[0].citations[0].location",
        "exactly one of web, documentChar",
    ),
    (
        "an image's format",
        response(blocks=[{"type": "image", "format": "bmp", "source": {"bytes": "aW1n"}}]),
        ".response.blocks[0].format",
        "Allowed: png, jpeg, gif, webp",
    ),
    (
        "a tool result's content",
        response(blocks=[{"type": "toolResult", "toolUseId": "t", "content": [{"txt": "a"}]}]),
        ".response.blocks[0].content[0].txt",
        'did you mean "text"?',
    ),
    (
        "a tier",
        response(content="a", serviceTier={"type": "fast"}),
        ".response.serviceTier.type",
        "priority, default",
    ),
    (
        "a trace",
        response(content="a", trace={"guard": {}}),
        ".response.trace.guard",
        '"guardrail"?',
    ),
    ("no events", response(events=[]), ".response.events", "must not be empty"),
    (
        "an event of two names",
        events({"a": {}, "b": {}}),
        ".response.events[0]",
        "an object of one key",
    ),
    ("an unknown event", events({"ping": {}}), ".response.events[0].ping", "Allowed: messageStart"),
    (
        "a payload",
        events({"messageStart": []}),
        ".response.events[0].messageStart",
        "an object, not an array",
    ),
    (
        "a union of two",
        events(delta(type="text_delta", text="x")),
        ".response.events[0].contentBlockDelta.delta.type",
        'ContentBlockDelta has no member "type"',
    ),
    (
        "an empty union",
        events({"contentBlockStart": {"contentBlockIndex": 0, "start": {}}}),
        ".response.events[0].contentBlockStart.start",
        "exactly one of toolUse, toolResult, image",
    ),
    (
        "a double wrapping",
        events({"messageStart": {"messageStart": {"role": "assistant"}}}),
        ".response.events[0].messageStart",
        'MessageStartEvent needs "role"',
    ),
    (
        "padding",
        events({"messageStart": {"role": "user", "p": 1}}),
        ".response.events[0].messageStart.p",
        "string or null",
    ),
    ("bytes", response(chunks=[{"bytes": "%"}]), ".response.chunks[0].bytes", "base64"),
    (
        "a long chunk",
        response(chunks=["x" * 1_000_000]),
        ".response.chunks[0]",
        "at most 1,000,000 bytes",
    ),
    (
        "an error's name",
        response(error={"name": "Throttling", "message": "m"}),
        ".response.error.name",
        '"ThrottlingException"?',
    ),
    (
        "an error without text",
        response(error={"message": ""}),
        ".response.error.message",
        "not be empty",
    ),
    ("a status", response(error={"message": "m"}, status=700), ".response.status", "at most 599"),
    *(
        (
            f"status {status}",
            response(error={"message": "m"}, status=status),
            ".response.status",
            f"must be at least 400, and is {status}",
        )
        for status in (100, 101, 199, 200, 204, 205, 304, 399)
    ),
    ("a status alone", response(content="a", status=429), ".response.status", "only beside error"),
    (
        "an error beside content",
        response(content="a", error={"message": "m"}),
        ".response.error",
        "stands alone",
    ),
    (
        "events beside content",
        response(content="a", events=[{"messageStart": {"role": "user"}}]),
        ".response.events",
        "the whole answer",
    ),
    (
        "an exception's name",
        response(content="a", exceptionAfter={"events": 1, "name": "throttled"}),
        ".response.exceptionAfter.name",
        "throttlingException",
    ),
    (
        "an exception of the other stream",
        response(content="a", exceptionAfter={"events": 1, "name": "modelTimeoutException"}),
        ".response.exceptionAfter.name",
        'needs match.operation to be "invoke-with-response-stream"',
    ),
    (
        "an operation that is not answered",
        {"match": {"operation": ["converse", "invoke"]}, "response": {"body": {}}},
        ".match.operation",
        "cannot answer converse; it can answer invoke",
    ),
    (
        "a placeholder",
        response(content="{{userMesage}}", template=True),
        ".response",
        '"userMessage"?',
    ),
    (
        "a template of events",
        response(events=[{"messageStart": {"role": "user"}}], template=True),
        ".response.template",
        "word for word",
    ),
    ("a latency", option(latency=-1), ".latency", "at least 0"),
    ("a chunk size", option(chunkSize=0), ".chunkSize", "at least 1"),
    ("a profile", option(streamingProfile={"tps": 0}), ".streamingProfile.tps", "at least 1e-06"),
    ("jitter", option(streamingProfile={"jitter": 2}), ".streamingProfile.jitter", "at most 1"),
    ("chaos", option(chaos={"dropRate": 2}), ".chaos.dropRate", "at most 1"),
    (
        "two timings",
        option(timing={"ttft_ms": 1}, latency=2),
        ".latency",
        "cannot stand beside timing",
    ),
    ("a timing's key", option(timing={"ttftMs": 1}), ".timing.ttftMs", 'did you mean "ttft_ms"?'),
    (
        "a weight",
        {"match": {}, "responses": [{"weight": 0, "response": HELLO}]},
        ".responses[0].weight",
        "more than 0",
    ),
    (
        "a fault in one of several responses",
        {
            "match": {},
            "responses": [{"response": HELLO}, {"response": {"content": "a", "stopReason": "x"}}],
        },
        ".responses[1].response.stopReason",
        "no stop reason",
    ),
    ("a lone surrogate", response(content="a\ud83d"), ".response.content", "lone surrogate"),
    ("one in a key", response(body={"\ud83d": 1}), '.response.body["\\ud83d"]', "lone surrogate"),
    ("a value that is not JSON", response(content={1, 2}), "", "is not JSON: Object of type set"),
    ("a number that is none", option(latency=float("nan")), "", "is not JSON"),
]

WARNINGS: Final[list[tuple[str, Any, str, str]]] = [
    (
        "tool input in events",
        events(
            {
                "contentBlockStart": {
                    "contentBlockIndex": 0,
                    "start": {"toolUse": {"toolUseId": "t", "name": "n"}},
                }
            },
            delta(toolUse={"input": '{"a'}),
        ),
        ".response.events",
        "block 0: the joined tool input is not JSON",
    ),
    (
        "a count that is none",
        response(content="a", usage={"inputToken": 1}),
        ".response.usage.inputToken",
        '"inputTokens"?',
    ),
    (
        "a total",
        response(content="a", usage={"inputTokens": 1, "outputTokens": 1, "totalTokens": 9}),
        ".response.usage",
        "the sum of the counts, 2",
    ),
    (
        "a tool name",
        response(toolCalls=[{"name": "a b", "arguments": {}}]),
        ".response.toolCalls[0].name",
        "the service only sends ToolName",
    ),
    (
        "a tool id",
        response(toolCalls=[{"name": "a", "arguments": {}, "id": "x" * 65}]),
        ".response.toolCalls[0].id",
        "ToolUseId",
    ),
    ("no tool calls", response(toolCalls=[]), ".response.toolCalls", "is empty"),
    (
        "a call without a tool",
        response(content="a", finishReason="tool_calls"),
        ".response.finishReason",
        "only where a tool is called",
    ),
    ("a speed", option(replaySpeed=0, latency=1), ".replaySpeed", "no effect"),
    ("a speed of nothing", option(replaySpeed=-1), ".replaySpeed", "no effect"),
    (
        "a template of nothing",
        response(content="a", template=True),
        ".response.template",
        "no {{placeholder}}",
    ),
    (
        "an exception too late",
        response(content="a", exceptionAfter={"events": 99, "name": "throttlingException"}),
        ".response.exceptionAfter.events",
        "only 5 events",
    ),
    (
        "a torn stream",
        events({"messageStart": {"role": "assistant"}}),
        ".response.events",
        "messageStop",
    ),
    (
        "a block that does not stop",
        events(
            {"messageStart": {"role": "assistant"}},
            delta(text="a"),
            {"messageStop": {"stopReason": "end_turn"}},
        ),
        ".response.events[2]",
        "block 0 has no contentBlockStop",
    ),
    (
        "blocks that mix",
        events(
            {"messageStart": {"role": "assistant"}},
            delta(text="a"),
            {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "b"}}},
        ),
        ".response.events[2]",
        "begins inside block 0",
    ),
]

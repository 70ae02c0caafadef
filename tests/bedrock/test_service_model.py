"""The service model as a judge: what it takes, what it refuses, and what it says about it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bedrock_frames.bedrock import model
from bedrock_frames.bedrock.words import json_path


def problems(shape: str, value: object) -> list[tuple[str, str]]:
    return [(json_path(p.path), p.message) for p in model.check(shape, value)]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("ContentBlockDelta", {"text": ""}),
        ("ContentBlockDelta", {"toolResult": [{"text": "a"}, {"json": {"b": [1, None]}}]}),
        ("ContentBlockStart", {"toolUse": {"toolUseId": "t", "name": "n"}}),
        ("TokenUsage", {"inputTokens": 0, "outputTokens": 1, "totalTokens": 1}),
        ("StopReason", "model_context_window_exceeded"),
        ("ConverseMetrics", {"latencyMs": 2**40}),
    ],
)
def test_what_the_service_sends_is_taken(shape: str, value: object) -> None:
    assert problems(shape, value) == []


@pytest.mark.parametrize(
    ("shape", "value", "path", "words"),
    [
        ("ContentBlockDelta", {}, "$", "exactly one of text, toolUse"),
        ("ContentBlockDelta", {"text": "a", "toolUse": {"input": ""}}, "$", "exactly one"),
        ("ContentBlockStart", {"text": ""}, "$.text", "Allowed: toolUse, toolResult, image"),
        ("ContentBlockStart", {"toolUse": {"name": "n"}}, "$.toolUse", 'needs "toolUseId"'),
        ("ContentBlockDelta", {"toolUse": {"input": {}}}, "$.toolUse.input", "not an object"),
        ("ReasoningContentBlockDelta", {"signatur": "s"}, "$.signatur", 'mean "signature"?'),
        ("StopReason", "endTurn", "$", 'did you mean "end_turn"?'),
        ("ConverseMetrics", {"latencyMs": 1.0}, "$.latencyMs", "must be an integer"),
        ("ConverseMetrics", {"latencyMs": True}, "$.latencyMs", "not a boolean"),
        (
            "TokenUsage",
            {"inputTokens": -1, "outputTokens": 0, "totalTokens": 0},
            "$.inputTokens",
            "at least 0",
        ),
        ("ReasoningContentBlockDelta", {"redactedContent": "%"}, "$.redactedContent", "base64"),
        ("ContentBlockDelta", {"toolResult": {"text": "a"}}, "$.toolResult", "an array"),
        ("MessageStartEvent", {"role": "robot"}, "$.role", "user, assistant, system"),
        ("GuardrailAssessmentMap", {"my id": {"topic": 1}}, '$["my id"].topic', "topicPolicy"),
    ],
)
def test_what_it_does_not_is_refused_with_place_and_remedy(
    shape: str, value: object, path: str, words: str
) -> None:
    found = problems(shape, value)

    assert [message for at, message in found if at == path and words in message], found


def test_all_problems_are_found_not_the_first() -> None:
    usage = {"inputTokens": "1", "outputTokens": 2.5, "tokens": 3}

    assert [path for path, _ in problems("TokenUsage", usage)] == [
        "$.inputTokens",
        "$.outputTokens",
        "$.tokens",
        "$",
    ]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (
            "TokenUsage",
            {
                "inputTokens": 1,
                "outputTokens": 1,
                "totalTokens": 2,
                "serverToolUsage": {},
                "cacheReadInputTokenCount": 0,
                "cacheWriteInputTokenCount": 0,
            },
        ),
        ("ToolUseBlockStart", {"toolUseId": "t", "name": "n", "type": "tool_use"}),
        ("GuardrailSensitiveInformationPolicyAssessment", {"piiEntities": []}),
    ],
)
def test_what_the_real_service_sends_beyond_its_model_is_taken(shape: str, value: object) -> None:
    assert problems(shape, value) == []


def test_drift_is_taken_in_its_own_place_alone() -> None:
    assert problems("ConverseMetrics", {"latencyMs": 1, "serverToolUsage": {}}) != []
    assert problems("ToolResultStatus", "tool_use") != []


def test_patterns_and_lengths_are_warnings() -> None:
    found = model.check("ToolUseBlockStart", {"toolUseId": "x" * 65, "name": "a b"})

    assert [(p.path, p.severity) for p in found] == [
        (("toolUseId",), "warning"),
        (("name",), "warning"),
    ]


def test_structures_are_put_in_order_and_documents_are_not() -> None:
    event = {
        "delta": {"toolResult": [{"json": {"z": 1, "a": {"y": 2, "b": 3}}}]},
        "contentBlockIndex": 0,
    }
    ordered = model.shape("ContentBlockDeltaEvent").ordered(event)

    assert json.dumps(ordered) == (
        '{"contentBlockIndex": 0, '
        '"delta": {"toolResult": [{"json": {"z": 1, "a": {"y": 2, "b": 3}}}]}}'
    )


def test_statuses_are_the_service_s_own() -> None:
    statuses = model.error_statuses()

    assert statuses["ThrottlingException"] == 429
    assert statuses["ConflictException"] == 400
    assert statuses["ModelStreamErrorException"] == 424


def test_only_the_invoke_stream_can_time_out() -> None:
    assert "modelTimeoutException" in model.stream_exceptions(model.INVOKE_STREAM)
    assert "modelTimeoutException" not in model.stream_exceptions(model.CONVERSE_STREAM)


def test_an_aws_configuration_is_not_touched(tmp_path: Path) -> None:
    models = tmp_path / ".aws" / "models" / "bedrock-runtime" / "2023-09-30"
    models.mkdir(parents=True)
    (models / "service-2.json").write_text('{"shapes": {}}')
    (tmp_path / ".aws" / "config").write_text("this is [no configuration")
    code = (
        "from bedrock_frames.bedrock import model;"
        "assert model.check('ContentBlockDelta', {'text': 'a'}) == []"
    )
    env = {**os.environ, "HOME": str(tmp_path), "AWS_PROFILE": "missing"}

    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=False)

    assert run.returncode == 0, run.stderr.decode()

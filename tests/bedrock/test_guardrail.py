"""What InvokeModel says of a guardrail, and what it cannot say."""

import json
from typing import Any

import pytest

from bedrock_frames._core import Engine
from bedrock_frames.bedrock.errors import UnsupportedModel
from bedrock_frames.fixtures import parse
from tests.support.compiled_answers import CLAUDE, NOVA, answer, faults, native_body, native_chunks
from tests.support.engine_requests import ask, conversation, user

ASSESSMENT: dict[str, Any] = {"topicPolicy": {"topics": []}}
BLOCKED: dict[str, Any] = {
    "content": "Sorry, no",
    "stopReason": "guardrail_intervened",
    "trace": {
        "guardrail": {
            "actionReason": "Guardrail blocked.",
            "inputAssessment": {"g1": ASSESSMENT},
            "outputAssessments": {"g1": [ASSESSMENT, ASSESSMENT]},
            "modelOutput": ["Yes"],
        }
    },
}
NATIVE_TRACE = {
    "guardrail": {
        "modelOutput": ["Yes"],
        "input": {"g1": ASSESSMENT},
        "outputs": [{"g1": ASSESSMENT}, {"g1": ASSESSMENT}],
        "actionReason": "Guardrail blocked.",
    }
}
ROUTED = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
ACTION, TRACE = "amazon-bedrock-guardrailAction", "amazon-bedrock-trace"
MODELS = [
    (CLAUDE, "anthropic"),
    (NOVA, "nova"),
    ("anthropic.claude-v2:1", "anthropic-text"),
    ("amazon.titan-text-express-v1", "titan"),
    ("meta.llama3-1-8b-instruct-v1:0", "llama"),
    ("mistral.mistral-7b-instruct-v0:2", "mistral"),
    ("cohere.command-r-v1:0", "cohere"),
    ("us.deepseek.r1-v1:0", "completion"),
    ("ai21.j2-ultra-v1", "ai21-text"),
    ("openai.gpt-oss-20b-1:0", "openai"),
]


@pytest.mark.parametrize(("model", "form"), MODELS)
def test_a_guardrail_intervention_is_stated_in_every_family(model: str, form: str) -> None:
    body = native_body(BLOCKED, model, form)
    assert body[ACTION] == "INTERVENED"
    assert body[TRACE] == NATIVE_TRACE
    chunks = native_chunks(BLOCKED, model, form)
    assert chunks[-1][ACTION] == "INTERVENED"
    assert chunks[-1][TRACE] == NATIVE_TRACE
    assert not any(TRACE in chunk for chunk in chunks[:-1])


def test_each_content_chunk_states_the_guardrail_action() -> None:
    acted = [ACTION in chunk for chunk in native_chunks({**BLOCKED, "content": "No way"}, NOVA)]
    # messageStart, (delta, stop) twice, messageStop, metadata
    assert acted == [False, True, False, True, False, False, True]


def test_a_guardrail_that_did_not_intervene_is_stated() -> None:
    said = {**BLOCKED, "stopReason": "end_turn"}
    assert native_body(said, CLAUDE)[ACTION] == "NONE"
    plain = native_body(
        {"content": "Hi", "trace": {"promptRouter": {"invokedModelId": "x"}}}, CLAUDE
    )
    assert not {ACTION, TRACE} & plain.keys()


@pytest.mark.parametrize(("model", "form"), MODELS)
@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_a_stop_reason_without_a_native_name_is_refused(reason: str, model: str, form: str) -> None:
    said = {"content": "Hi", "stopReason": reason}
    if model == NOVA:
        assert native_body(said, model)["stopReason"] == reason
        return
    for operation in ("invoke", "invoke-with-response-stream"):
        with pytest.raises(UnsupportedModel, match=f"no name for the stop reason {reason}"):
            answer(said, operation, model=model, body_format=form)


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"stopReason": "malformed_tool_use"}, ".stopReason"),
        ({"finishReason": "malformed_model_output"}, ".finishReason"),
        ({"additionalModelResponseFields": {"a": 1}}, ".additionalModelResponseFields"),
        ({"trace": {"promptRouter": {"invokedModelId": ROUTED}}}, ".trace.promptRouter"),
    ],
)
def test_what_native_json_cannot_express_is_a_warning(said: dict[str, Any], path: str) -> None:
    response = {"content": "Hi", **said}
    ((where, severity, message),) = faults({"match": {}, "response": response})
    assert (where, severity) == (f"$.fixtures[0].response{path}", "warning")
    assert "InvokeModel" in message
    converse = {"operation": ["converse", "converse-stream"]}
    assert faults({"match": converse, "response": response}) == []
    given = {**response, "body": {}, "chunks": [{}]}
    assert faults({"match": {}, "response": given}) == []


def test_a_result_of_the_providers_own_tool_has_anthropics_name() -> None:
    def block(result_type: str | None, *content: Any) -> Any:
        held: dict[str, Any] = {"type": "toolResult", "toolUseId": "srv_1", "content": [*content]}
        said = held if result_type is None else {**held, "resultType": result_type}
        return native_body({"blocks": [said]}, CLAUDE)["content"][0]

    found = {"type": "web_search_result", "url": "https://example.com", "title": "t"}
    assert block("web_search", {"json": found}) == {
        "type": "web_search_tool_result",
        "tool_use_id": "srv_1",
        "content": [found],
    }
    failed = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    assert block("web_search", {"json": failed})["content"] == failed
    ran = {"type": "code_execution_result", "stdout": "1", "stderr": "", "return_code": 0}
    assert block("code_execution_tool_result", {"json": ran}) == {
        "type": "code_execution_tool_result",
        "tool_use_id": "srv_1",
        "content": ran,
    }
    assert block(None, {"text": "a"})["type"] == "tool_result"
    assert block(None, {"text": "a"})["content"] == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("paths", "fields"),
    [
        (["/delta/stop_sequence"], {"delta": {"stop_sequence": "END"}}),
        (["/stop_sequence", "/other"], {"stop_sequence": "END"}),
        (["/other"], None),
        (None, None),
    ],
)
def test_a_request_gets_the_stop_sequence_that_it_asks_for(paths: Any, fields: Any) -> None:
    made = Engine()
    fixtures = parse([{"match": {}, "response": {"content": "Hi", "stopSequence": "END"}}])
    made.load(fixtures.rules(), fixtures.compiler(padding=False))
    body = conversation(user("hi"), additionalModelResponseFieldPaths=paths)
    whole = json.loads(ask(made, body).body)
    assert whole["stopReason"] == "stop_sequence"
    assert whole.get("additionalModelResponseFields") == fields
    stream = ask(made, body, operation="converse-stream").body
    assert (b'"additionalModelResponseFields":' in stream) is (fields is not None)


def test_stated_response_fields_are_sent_to_every_request() -> None:
    made = Engine()
    said = {"content": "Hi", "stopSequence": "END", "additionalModelResponseFields": {"a": 1}}
    fixtures = parse([{"match": {"operation": "converse"}, "response": said}])
    made.load(fixtures.rules(), fixtures.compiler())
    body = conversation(user("hi"), additionalModelResponseFieldPaths=["/delta/stop_sequence"])
    assert json.loads(ask(made, body).body)["additionalModelResponseFields"] == {"a": 1}

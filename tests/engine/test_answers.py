"""Answers around a fixture's own: routes, plans, the compiler, one-shot errors, the journal."""

import json
import sys
from typing import Any

import pytest

from bedrock_frames._core import Engine, Plan, UnsupportedModel
from tests.support.engine_requests import (
    EVENT_STREAM,
    JSON,
    MODEL,
    Compiler,
    ask,
    assistant,
    contains,
    conversation,
    engine,
    error,
    fixture,
    result,
    rule,
    user,
)

GO = conversation(user("go"))
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-v1:0"


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (MODEL, MODEL),
        (MODEL.replace(":", "%3A"), MODEL),
        (ARN, ARN),
        (ARN.replace(":", "%3A").replace("/", "%2F"), ARN),
        (ARN.replace("/", "%2f"), ARN),
        ("a%252Fb", "a%2Fb"),
        ("a+b%20c", "a+b c"),
        ("100%", "100%"),
        ("%zz%4", "%zz%4"),
        ("m%C3%A9", "mé"),
        ("invoke/converse", "invoke/converse"),
        ("m" * 2048, "m" * 2048),
    ],
)
def test_model_ids_of_every_form_are_routed(path: str, model: str) -> None:
    compiler = Compiler()
    assert fixture(engine([rule()], compiler), GO, model=path) == 0
    assert compiler.asked[0][3] == model


@pytest.mark.parametrize("path", ["", "%FF", "m" * 2049])
def test_an_impossible_model_id_is_refused(path: str) -> None:
    status, kind, message = error(ask(engine([rule()]), GO, model=path))
    assert (status, kind) == (400, "ValidationException")
    assert "model id" in message


@pytest.mark.parametrize(
    "target", ["/", "/health", "/model", "/models/x/converse", "/__control/reset"]
)
def test_other_paths_are_not_the_engines(target: str) -> None:
    made = engine([rule()])
    assert made.answer("POST", target.encode(), [], b"{}", arrived=0.0) is None
    assert made.requests == {}


@pytest.mark.parametrize(
    ("method", "target", "named"),
    [
        ("POST", "/guardrail/g/version/1/apply", "ApplyGuardrail"),
        ("POST", "/guardrail-checks/invoke", "InvokeGuardrailChecks"),
        ("POST", "/async-invoke", "StartAsyncInvoke"),
        ("GET", "/async-invoke", "ListAsyncInvokes"),
        ("GET", "/async-invoke/arn%3Aaws", "GetAsyncInvoke"),
        ("POST", "/model/m/invoke-with-bidirectional-stream", "InvokeModelWithBidirectionalStream"),
        ("POST", "/model/m/converse/", "/model/m/converse/"),
        ("POST", "/model/m/convers", "/model/m/convers"),
        ("GET", "/model/m", "/model/m"),
    ],
)
def test_unserved_routes_are_named(method: str, target: str, named: str) -> None:
    answer = engine([rule()]).answer(method, target.encode(), [], b"{}", arrived=0.0)
    assert answer is not None
    status, kind, message = error(answer)
    assert (status, kind) == (404, "UnknownOperationException")
    assert named in message
    assert "converse-stream" in message


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "post"])
def test_a_wrong_method_is_refused(method: str) -> None:
    answer = engine([rule()]).answer(method, b"/model/m/converse", [], b"", arrived=0.0)
    assert answer is not None
    assert error(answer)[:2] == (405, "UnknownOperationException")
    assert dict(answer.headers)[b"allow"] == b"POST"


def test_a_body_above_the_limit_is_refused_and_one_at_it_is_not() -> None:
    body = json.dumps(GO).encode()
    assert ask(engine([rule()], max_body_bytes=len(body)), body).status == 200
    status, kind, message = error(ask(engine([rule()], max_body_bytes=len(body) - 1), body))
    assert (status, kind) == (400, "ValidationException")
    assert f"{len(body) - 1} bytes" in message


def test_an_answer_has_the_plans_headers_and_a_request_id() -> None:
    answer = ask(engine([rule()]), GO)
    assert answer.headers == [
        (b"content-type", b"application/json"),
        (b"x-amzn-requestid", answer.request_id.encode()),
    ]
    version, variant = answer.request_id[14], answer.request_id[19]
    assert ([len(part) for part in answer.request_id.split("-")], version) == (
        [8, 4, 4, 4, 12],
        "4",
    )
    assert variant in "89ab"


def test_request_ids_follow_from_the_seed() -> None:
    def ids(seed: int) -> list[str]:
        made = engine([rule()], seed=seed)
        return [ask(made, GO).request_id for _ in range(50)]

    assert ids(1) == ids(1)
    assert len({*ids(1), *ids(2)}) == 100


def test_a_plan_joins_its_frames() -> None:
    plan = Plan(status=201, headers=[("X-A", "b")], frames=[b"ab", b"", b"c"], steps=[0, 1, 1])
    assert (plan.status, plan.headers, plan.frames) == (201, [("x-a", "b")], [b"ab", b"", b"c"])
    assert (plan.body, plan.steps, plan.stream_frames) == (b"abc", [0, 1, 1], None)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"steps": [0]}, "as many as frames"),
        ({"steps": [1, 0]}, "never fall"),
        *(
            ({"status": status}, f"in 200..=599 and allow a body, got {status}")
            for status in (99, 100, 101, 199, 204, 205, 304, 600)
        ),
        ({"headers": [("a b", "c")]}, "HTTP token"),
        ({"headers": [("", "c")]}, "HTTP token"),
        ({"headers": [("a", "b\r\nc: d")]}, "control character"),
    ],
)
def test_a_plan_that_cannot_be_sent_is_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Plan(**{"headers": JSON, "frames": [b"a", b"b"], "steps": [0, 0], **arguments})


@pytest.mark.parametrize(
    ("name", "given", "status"),
    [
        ("ThrottlingException", None, 429),
        ("ConflictException", None, 400),
        ("ModelNotReadyException", None, 429),
        ("ModelErrorException", None, 424),
        ("ModelTimeoutException", None, 408),
        ("FTUFormNotFilled", None, 404),
        ("ThrottlingException", 503, 503),
        ("MyOwnError", 418, 418),
    ],
)
def test_an_error_has_the_services_status(name: str, given: int | None, status: int) -> None:
    plan = Plan.error(name, 'say "no"', status=given, headers=[("Retry-After", "1")])
    assert (plan.status, plan.body) == (status, b'{"message":"say \\"no\\""}')
    assert plan.headers == [
        ("content-type", "application/json"),
        ("x-amzn-errortype", name),
        ("retry-after", "1"),
    ]


def test_an_unknown_error_needs_a_status() -> None:
    with pytest.raises(ValueError, match="MyOwnError"):
        Plan.error("MyOwnError", "x")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"criteria": {"userMessage": contains("x")}}, "user_message"),
        ({"criteria": {"user_message": "x"}}, "user_message"),
        ({"criteria": {"user_message": {}}}, "exactly one key"),
        ({"criteria": {"user_message": {"like": "x"}}}, "equals, contains, regex"),
        ({"criteria": {"user_message": {"regex": "(?=x)"}}}, "look-around"),
        ({"criteria": {"operation": ["Converse"]}}, "converse-stream"),
        ({"criteria": {"turn_index": -1}}, "turn_index"),
        ({"weights": []}, "weights"),
        ({"weights": [0, 0]}, "weights"),
        ({"weights": [1, -1]}, "weights"),
        ({"weights": [float("inf")]}, "weights"),
        ({"weights": [float("nan")]}, "weights"),
        ({"timing": {}}, "exactly one of"),
        ({"timing": {"ttft_ms": 1}}, "exactly one of"),
        ({"timing": {"ttft_ms": 1, "gap_ms": 1, "latency_ms": 1}}, "exactly one of"),
        ({"timing": {"profile": {"ttft": 1}}}, "exactly one of"),
        ({"timing": {"latency_ms": -1}}, "latency_ms"),
        ({"timing": {"latency_ms": float("nan")}}, "latency_ms"),
        ({"timing": {"profile": {"tps": 0}}}, "tps"),
        ({"timing": {"profile": {"jitter": 2}}}, "jitter"),
        ({"timing": {"latency_ms": 1, "replay_speed": 0}}, "replay_speed"),
        ({"disconnect_after_ms": -1}, "disconnect_after_ms"),
    ],
)
def test_a_contradictory_rule_is_refused(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        rule(**arguments)


def test_a_plan_is_compiled_once_for_each_question() -> None:
    compiler = Compiler()
    made = engine([rule()], compiler)
    for _ in range(3):
        for operation in ("converse", "converse-stream"):
            for model in ("amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"):
                ask(made, GO, operation=operation, model=model)
    assert len(compiler.asked) == 4
    assert ask(made, GO).body is ask(made, GO).body


def test_a_dynamic_fixture_is_compiled_for_each_request() -> None:
    compiler = Compiler()
    made = engine([rule(dynamic=True)], compiler)
    last = {"role": "user", "content": [result("t", {"json": {"a": 1}}), {"text": "go"}]}
    body = conversation(user("q"), assistant("a"), last, system=[{"text": "sys"}])
    for _ in range(2):
        ask(made, body, headers={"x-test-id": "s"})
    ask(made, conversation({"role": "user", "content": []}))
    assert [asked[5] for asked in compiler.asked] == [
        {
            "user_message": "go",
            "system_message": "sys",
            "tool_result": '{"a":1}',
            "turn": 1,
            "session": "s",
            "model": MODEL,
        }
    ] * 2 + [
        {
            "user_message": None,
            "system_message": None,
            "tool_result": None,
            "turn": 0,
            "session": "default",
            "model": MODEL,
        }
    ]


def test_an_unsupported_model_is_a_validation_error() -> None:
    def compile_none(*_: object) -> Plan:
        raise UnsupportedModel("Titan has no tools.")

    made = Engine()
    made.load([rule(name="tools")], compile_none)
    status, kind, message = error(ask(made, GO))
    assert (status, kind) == (400, "ValidationException")
    assert message == 'Fixture 0 ("tools"): Titan has no tools.'


def compile_nothing(*_: object) -> Plan:
    raise KeyError("nothing")


def test_a_compiler_that_fails_is_reported_and_answered() -> None:
    failures: list[BaseException | None] = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda info: failures.append(info.exc_value)
    try:
        made = Engine()
        made.load([rule()], compile_nothing)
        status, kind, _ = error(ask(made, GO))
        made.load([rule()], lambda *_: "no plan")  # type: ignore[arg-type]
        assert error(ask(made, GO))[0] == 400
    finally:
        sys.unraisablehook = hook
    assert (status, kind) == (400, "ValidationException")
    assert [type(failure) for failure in failures] == [KeyError, TypeError]


def test_a_compiler_may_ask_the_engine() -> None:
    made = Engine()

    def compile_with_engine(*_: object) -> Plan:
        made.journal()
        made.reset()
        made.load([], compile_with_engine)
        return Plan(headers=EVENT_STREAM, frames=[b"x"], steps=[0])

    made.load([rule({"sequence_index": 0})], compile_with_engine)
    assert ask(made, GO).body == b"x"
    assert made.fixtures == 0


def test_one_shot_errors_are_answered_in_line_before_any_matching() -> None:
    made = engine([rule({"sequence_index": 0})])
    made.next_error(Plan.error("ThrottlingException", "one"))
    made.next_error(Plan.error("ModelTimeoutException", "two"))
    assert ask(made, b"{").status == 400
    assert ask(made, GO, model="").status == 400
    assert error(ask(made, conversation(user("no match")))) == (429, "ThrottlingException", "one")
    assert error(ask(made, GO))[2] == "two"
    assert fixture(made, GO) == 0
    made.next_error(Plan.error("ThrottlingException", "never"))
    made.reset()
    assert fixture(made, GO) == 0


def test_requests_are_counted_by_operation_and_status() -> None:
    made = engine([rule({"user_message": contains("go")})])
    ask(made, GO)
    ask(made, GO, operation="invoke")
    ask(made, GO, operation="invoke")
    ask(made, conversation(user("x")), operation="invoke")
    ask(made, b"", operation="converse-stream")
    made.answer("GET", b"/async-invoke", [], b"", arrived=0.0)
    assert made.requests == {
        ("converse", 200): 1,
        ("invoke", 200): 2,
        ("invoke", 404): 1,
        ("converse-stream", 400): 1,
        ("unknown", 404): 1,
    }
    assert made.unmatched == 1

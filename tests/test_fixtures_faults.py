"""Faults: each with its place, what is allowed and what was probably meant; and all of them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_frames.fixtures import FixtureError, parse
from tests.answering import faults
from tests.fault_cases import ERRORS, WARNINGS, match, response


@pytest.mark.parametrize(
    ("fixture", "path", "home"),
    [
        ({"response": {"content": "a", "chunkSize": 1}}, "response.chunkSize", 'beside "match"'),
        ({"stopReason": "end_turn"}, "stopReason", "in response"),
        ({"userMessage": "a"}, "userMessage", "in match"),
        ({"match": {"content": "a"}}, "match.content", "in response or in response.blocks"),
        ({"match": {"match": {}}}, "match.match", "in fixtures[…]"),
        ({"ttft_ms": 5}, "ttft_ms", "in timing"),
        ({"timing": {"ttft_ms": 1, "tps": 5}}, "timing.tps", "in streamingProfile"),
        (
            {"response": {"content": "a", "input_tokens": 1}},
            "response.input_tokens",
            "in response.usage",
        ),
        (
            {"response": {"error": {"message": "m", "retryAfter": 1}}},
            "response.error.retryAfter",
            "in response",
        ),
    ],
)
def test_a_key_that_stands_in_the_wrong_place_is_told_its_own(
    fixture: dict[str, Any], path: str, home: str
) -> None:
    ((at, _, message),) = faults({"match": {}, "response": {"content": "a"}, **fixture})

    key = path.rpartition(".")[2]
    assert at == f"$.fixtures[0].{path}"
    assert message.startswith(f'unknown key "{key}" here: it belongs {home}. Allowed: ')


def test_long_lists_of_allowed_keys_are_cut_after_a_hint_only() -> None:
    def message(key: str) -> str:
        ((_, _, found),) = faults({"match": {}, "response": {"content": "a", key: 1}})
        return found

    hinted, plain = message("stopReasn"), message("qqq")
    assert 'did you mean "stopReason"? Allowed: additionalModelResponseFields, blocks' in hinted
    assert re.search(r" and \d+ more$", hinted)
    assert "did you mean" not in plain
    assert "webSearches" in plain


@pytest.mark.parametrize(
    ("fixture", "path", "words"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS]
)
def test_a_fault_has_its_place_and_its_remedy(fixture: Any, path: str, words: str) -> None:
    found = faults(fixture)

    assert [
        message
        for at, severity, message in found
        if at == f"$.fixtures[0]{path}" and severity == "error" and words in message
    ], found


@pytest.mark.parametrize(
    ("fixture", "path", "words"),
    [case[1:] for case in WARNINGS],
    ids=[case[0] for case in WARNINGS],
)
def test_what_is_odd_is_served_with_a_warning(fixture: Any, path: str, words: str) -> None:
    found = faults(fixture)

    assert {severity for _, severity, _ in found} == {"warning"}
    assert [m for at, _, m in found if at == f"$.fixtures[0]{path}" and words in m], found


def test_all_faults_of_all_fixtures_are_reported() -> None:
    broken = [case[1] for case in ERRORS]
    reported = {int(re.findall(r"\[(\d+)\]", path)[0]) for path, _, _ in faults(*broken)}

    assert reported == set(range(len(broken)))


def test_a_fault_of_one_fixture_hides_none_of_another() -> None:
    bad = response(content="a", serviceTier={"type": "fast"})

    assert [path for path, _, _ in faults(bad, bad)] == [
        "$.fixtures[0].response.serviceTier.type",
        "$.fixtures[1].response.serviceTier.type",
    ]


def test_one_fault_is_reported_once() -> None:
    assert len(faults(response(content="a", stopReason="endturn"))) == 1
    assert len(faults(match(userMessage=5))) == 1
    assert len(faults(response(toolCalls=[{"name": "a b", "arguments": {}}]))) == 1
    assert len(faults(response(toolCalls=[{"name": "a", "arguments": {}, "id": "x" * 65}]))) == 1
    assert (
        len(
            faults(
                response(blocks=[{"type": "image", "format": "bmp", "source": {"bytes": "aW1n"}}])
            )
        )
        == 1
    )


def test_an_error_prints_as_a_list_for_people() -> None:
    with pytest.raises(FixtureError) as caught:
        parse([match(userMesage="x")], source="a.json")

    assert str(caught.value).startswith(
        'a.json: $.fixtures[0].match.userMesage: error: unknown key "userMesage"; did you mean'
    )


def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    deep: Any = "x"
    for _ in range(800):
        deep = {"a": deep}
    found = faults(response(body=deep), response(content="a", additionalModelResponseFields=deep))

    errors = [message for _, severity, message in found if severity == "error"]
    assert all("nested too deeply" in message for message in errors)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    [
        *("match", "response", "responses", "content", "toolCalls", "blocks", "events", "chunks"),
        *("usage", "error", "exceptionAfter", "userMessage", "model", "type", "name", "arguments"),
        *("messageStart", "contentBlockDelta", "contentBlockIndex", "delta", "text", "metadata"),
        *("trace", "timing", "citations", "location", "p", "json", "bytes", "template"),
    ]
)
fixture_like = st.recursive(
    json_values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=30,
)


@given(fixture_like, fixture_like, fixture_like)
def test_whatever_json_it_is_there_are_faults_or_fixtures(
    first: Any, second: Any, third: Any
) -> None:
    for fixture in (first, {"match": second, "response": third}):
        for _, severity, message in faults(fixture):
            assert severity in {"error", "warning"}
            assert message.encode()

"""Regexes are bounded by what they take once they are compiled, each and all together."""

from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames._core import MAX_REGEXES_BYTES
from bedrock_frames.fixtures import FixtureError, parse
from bedrock_frames.server import create_app
from bedrock_frames.server.app import parts_of
from tests.answering import faults
from tests.asking import rule

HEAVY: Final = r"\w{40}"
MB: Final = 1_000_000


def fixture(regex: str, key: str = "userMessage") -> dict[str, Any]:
    return {"match": {key: {"regex": regex}}, "response": {"content": "hi"}}


def heavy(count: int, begin: int = 0) -> list[dict[str, Any]]:
    return [fixture(f"{n} {HEAVY}") for n in range(begin, begin + count)]


def weight(regex: str) -> int:
    return rule({"user_message": {"regex": regex}}).regex_bytes


TOO_MANY: Final = MAX_REGEXES_BYTES // weight(f"0 {HEAVY}") + 2


@pytest.mark.parametrize("regex", [r"\w{5000}", r"(?:\pL{100}){100}", "(?:a{1000}){1000}"])
def test_one_regex_has_a_bound(regex: str) -> None:
    ((path, severity, message),) = faults(fixture("fine"), fixture(regex))
    assert (path.endswith("match.userMessage"), severity) == (True, "error")
    assert "[1]" in path
    assert "takes more than the 10485760 bytes allowed" in message


def test_what_people_write_is_far_below_the_bound() -> None:
    words = "|".join(f"word number {n}" for n in range(1000))
    for regex in (rf"(?i)^(?:{words})\b", r"\b\w+@\w+\.\w{2,10}\b", r"(?s)^.{1,200}$"):
        assert 0 < weight(regex) < MB
    assert rule({"user_message": {"contains": "a"}}).regex_bytes == 0


def test_all_regexes_together_have_a_bound() -> None:
    assert weight(HEAVY) < 4 * MB
    with pytest.raises(FixtureError) as caught:
        parse(heavy(TOO_MANY))
    first = caught.value.faults[0]
    assert f"[{TOO_MANY - 2}]" in first.path or f"[{TOO_MANY - 1}]" in first.path
    assert f"more than the {MAX_REGEXES_BYTES} bytes" in first.message


def test_a_server_bounds_the_regexes_of_all_that_is_added() -> None:
    catalog = parts_of(create_app(heavy(TOO_MANY // 2))).catalog
    catalog.add(heavy(TOO_MANY // 2 - 2, 1000))
    with pytest.raises(FixtureError, match="its regexes and those of the fixtures before it"):
        catalog.add(heavy(TOO_MANY // 2, 2000))
    assert len(catalog) == TOO_MANY // 2 * 2 - 2
    with pytest.raises(FixtureError):
        catalog.replace_files(parse(heavy(TOO_MANY - 3, 3000)))
    catalog.drop_added()
    assert catalog.add(heavy(3, 4000)) == 3


def test_the_conditions_of_one_fixture_count_together() -> None:
    many = [{"regex": f"{n} {HEAVY}"} for n in range(TOO_MANY)]
    with pytest.raises(ValueError, match=r"system_message.*allowed for all together"):
        rule({"system_message": many})


def test_the_memory_of_refused_regexes_is_given_back() -> None:
    def resident() -> int:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc")
    faults(*heavy(30))
    before = resident()
    for _ in range(3):
        faults(*(fixture(r"\w{5000}") for _ in range(10)))
    assert resident() - before < 40 * MB


@pytest.mark.parametrize("key", ["tool_choice", "guardrail", "headers", "request_metadata"])
def test_regexes_of_every_condition_are_weighed(key: str) -> None:
    text = {"regex": HEAVY}
    named = key in {"headers", "request_metadata"}

    assert rule({key: {"a": text} if named else text}).regex_bytes == weight(HEAVY)

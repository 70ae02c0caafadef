"""Places of faults: line and column, as editors count."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bedrock_frames.fixtures import FixtureError, check, load
from bedrock_frames.fixtures.check.places import places_in_json, places_in_yaml

Steps = tuple[str | int, ...]

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def paths_of(value: object, above: Steps = ()) -> Iterator[Steps]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*above, key)
            yield from paths_of(item, (*above, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield (*above, index)
            yield from paths_of(item, (*above, index))


def at(value: Any, path: Steps) -> Any:
    for step in path:
        value = value[step]
    return value


@given(
    value=JSON_VALUES,
    indent=st.none() | st.integers(0, 3),
    escaped=st.booleans(),
    before=st.sampled_from(["", " ", "\n\t"]),
)
def test_every_key_and_item_of_json_is_found_where_it_is_written(
    value: object, indent: int | None, escaped: bool, before: str
) -> None:
    text = before + json.dumps(value, indent=indent, ensure_ascii=escaped)
    paths = list(paths_of(value))
    places = places_in_json(text, paths)
    lines = text.split("\n")

    assert places.keys() == set(paths)
    for path, (line, column) in places.items():
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        read, _ = json.JSONDecoder().raw_decode(rest)
        assert read == (path[-1] if isinstance(path[-1], str) else at(value, path))


def test_a_path_that_is_not_there_has_no_place() -> None:
    text = '{"a": [1, {"b": 2}], "c": "[{"}'

    for path in [("x",), ("a", 2), ("a", 0, "b"), ("a", "b"), ("c", 0), ("c", "x")]:
        assert path not in places_in_json(text, [path])
        assert path not in places_in_yaml(text, [path])
    assert places_in_json("7", [("a",)]) == places_in_yaml("7", [("a",)]) == {}


@given(JSON_VALUES)
def test_every_key_and_item_of_yaml_is_found(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=False)
    # Numbers as YAML writes them may be strings to a reader of JSON.
    paths = [path for path in paths_of(value) if all(isinstance(s, str | int) for s in path)]

    assert places_in_yaml(text, paths).keys() == set(paths)


BAD_JSON = """{
  "fixtures": [
    {"match": {}, "response": {"content": "a"}},
    {
      "match": {"é": 1, "userMesage": "x"},
      "response": {"toolCalls": [
        {"name": "f", "arguments": "{bad"}]}
    },
    {"response": {"content": "a"}}
  ],
  "descriptoin": 1
}
"""

BAD_YAML = """
fixtures:
  - match: {}
    response: {content: a}
  - match: &match
      userMesage: x
    response: {content: 5}
  - match: {<<: *match}
    response: {content: a}
"""


def places(path: Path) -> dict[str, tuple[int | None, int | None]]:
    return {fault.path: (fault.line, fault.column) for fault in check([path])}


def test_faults_of_a_json_file_have_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(BAD_JSON, encoding="utf-8")

    assert places(path) == {
        "$.descriptoin": (11, 3),
        '$.fixtures[1].match["é"]': (5, 17),
        "$.fixtures[1].match.userMesage": (5, 25),
        "$.fixtures[1].response.toolCalls[0].arguments": (7, 23),
        # What is not there is told where it should be.
        "$.fixtures[2].match": (9, 5),
    }


def test_faults_of_a_yaml_file_have_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(BAD_YAML, encoding="utf-8")

    assert places(path) == {
        "$.fixtures[1].match.userMesage": (6, 7),
        "$.fixtures[1].response.content": (7, 16),
        # A key that was merged in stands elsewhere.
        "$.fixtures[2].match.userMesage": (8, 5),
    }


def test_a_byte_order_mark_takes_no_column(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"x": 1, "fixtures": []}')

    assert places(path) == {"$.x": (1, 2)}


def test_a_fault_is_printed_as_editors_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(BAD_JSON, encoding="utf-8")
    with pytest.raises(FixtureError) as caught:
        load([path])

    assert f'{path}:11:3: $.descriptoin: error: unknown key "descriptoin"' in str(caught.value)


@pytest.mark.parametrize("text", ["{", '{"fixtures": [], "fixtures": []}', "[]"])
def test_a_fault_of_the_whole_file_has_no_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)

    assert places(path) == {"$": (None, None)}


def test_a_shadow_in_a_second_file_has_its_line_there(tmp_path: Path) -> None:
    for name, space in (("a.json", ""), ("b.json", "\n\n")):
        text = space + '{"fixtures": [{"match": {}, "response": {"content": "a"}}]}'
        (tmp_path / name).write_text(text)
    (fault,) = check([tmp_path])

    assert (Path(fault.file).name, fault.line, fault.column) == ("b.json", 3, 16)

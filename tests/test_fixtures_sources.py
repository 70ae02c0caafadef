"""Fixture files: where they are found, and what a reader does not let pass."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bedrock_frames.fixtures import FixtureError, check, json_schema, load, parse
from bedrock_frames.fixtures.loading import TOP_KEYS

JSON = json.dumps({"fixtures": [{"match": {"userMessage": "a"}, "response": {"content": "b"}}]})


def named(message: str) -> str:
    fixture = {"match": {"userMessage": message}, "response": {"content": "b"}}
    return json.dumps({"fixtures": [fixture]})


def written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def only_fault(path: Path) -> tuple[str, str]:
    (fault,) = check([path])
    assert fault.file == str(path)
    return fault.path, fault.message


def test_a_folder_is_read_files_first_then_folders_all_sorted(tmp_path: Path) -> None:
    for name in ("b.json", "a/z.json", "a/b/c.yaml", "A.json", "c/a.yml", "notes.txt"):
        written(tmp_path / name, named(f"<{name}>"))

    assert [Path(entry.file).relative_to(tmp_path).as_posix() for entry in load([tmp_path])] == [
        *("A.json", "b.json", "a/z.json", "a/b/c.yaml", "c/a.yml")
    ]


def test_earlier_paths_come_first(tmp_path: Path) -> None:
    first = written(tmp_path / "z.json", named("z"))
    second = written(tmp_path / "a.json", named("a"))

    assert [entry.file for entry in load([first, str(second)])] == [str(first), str(second)]


def test_a_folder_in_a_circle_is_read_once(tmp_path: Path) -> None:
    written(tmp_path / "a.json", JSON)
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)

    assert len(load([tmp_path])) == 1


def test_a_mounted_config_map_is_read_once(tmp_path: Path) -> None:
    """Kubernetes mounts links to a link to a folder, so that all files change at once."""
    for name in ("a.json", "b.yaml"):
        written(tmp_path / "..2026_11_25_12_00_00.1234" / name, named(name))
        (tmp_path / name).symlink_to(Path("..data") / name)
    (tmp_path / "..data").symlink_to("..2026_11_25_12_00_00.1234")

    found = load([tmp_path])
    assert [entry.file for entry in found] == [str(tmp_path / "a.json"), str(tmp_path / "b.yaml")]
    assert found.warnings == ()


def test_names_that_begin_with_a_dot_are_read_where_they_are_named(tmp_path: Path) -> None:
    hidden = written(tmp_path / ".git" / "a.json", named("a"))
    alone = written(tmp_path / ".b.json", named("b"))
    shown = written(tmp_path / "c.json", named("c"))

    assert [entry.file for entry in load([tmp_path])] == [str(shown)]
    assert [entry.file for entry in load([hidden.parent, alone])] == [str(hidden), str(alone)]


def test_a_file_with_several_names_is_read_under_the_first(tmp_path: Path) -> None:
    first = written(tmp_path / "z" / "a.json", named("a"))
    (tmp_path / "b.json").symlink_to(first)

    assert [entry.file for entry in load([first, tmp_path, tmp_path / "b.json"])] == [str(first)]
    assert check([first, tmp_path, tmp_path / "b.json"]) == []


def test_folders_that_all_link_to_each_other_are_read_once_each(tmp_path: Path) -> None:
    folders = [tmp_path / f"f{index:02}" for index in range(60)]
    for folder in folders:
        written(folder / "a.json", named(folder.name))
        for other in folders:
            (folder / f"to-{other.name}").symlink_to(other, target_is_directory=True)

    assert len(load([tmp_path])) == len(folders)


def test_a_fifo_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    written(tmp_path / "b.json", JSON)

    assert only_fault(tmp_path / "a.json") == (
        *("$", "cannot be read: it is a FIFO, a socket or a device, and no regular file"),
    )
    assert len(load([tmp_path])) == 1


def test_a_pipe_of_this_process_is_read() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as writer:
        writer.write(JSON)
        writer.close()
        assert len(load([f"/dev/fd/{reading}"])) == 1


@pytest.mark.parametrize("name", ["a" * 300, "no.json/a.json"])
def test_a_path_that_cannot_be_looked_at_is_a_fault(tmp_path: Path, name: str) -> None:
    written(tmp_path / "no.json", JSON)

    assert only_fault(tmp_path / name)[1].startswith("cannot be read: ")


def test_a_link_to_itself_or_to_nothing_is_a_fault(tmp_path: Path) -> None:
    for name, target in (("a.json", "a.json"), ("b.json", "no.json")):
        (tmp_path / name).symlink_to(target)

    assert [fault.message for fault in check([tmp_path])] == [
        "cannot be read: Too many levels of symbolic links",
        "cannot be read: No such file or directory",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    written(tmp_path / "a.json", JSON)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)

    assert only_fault(closed) == ("$", "cannot be read: Permission denied")
    (fault,) = check([tmp_path])
    assert (fault.file, fault.message) == (str(closed), "cannot be read: Permission denied")


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    assert only_fault(tmp_path) == ("$", "the directory has no .json, .yaml or .yml file")


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    assert only_fault(tmp_path / "no.json") == ("$", "cannot be read: No such file or directory")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fixtures.schema.json", json.dumps(json_schema())),
        ("package.json", '{"name": "a", "version": "1", "files": []}'),
        ("devcontainer.json", '{"features": {}}'),
        ("route.json", '{"match": "/", "backend": "a"}'),
        ("routes.json", '[{"match": "/", "backend": "a"}]'),
        ("compose.yaml", "services: {a: {image: b}}"),
        ("list.json", "[1]"),
        ("null.json", "null"),
        ("empty.yaml", ""),
    ],
)
def test_a_document_of_another_kind_is_skipped_in_a_folder_and_an_error_where_it_is_named(
    tmp_path: Path, name: str, text: str
) -> None:
    other = written(tmp_path / name, text)
    written(tmp_path / "hello.json", JSON)
    (warning,) = check([tmp_path])

    assert (warning.file, warning.path, warning.severity) == (str(other), "$", "warning")
    assert warning.message == 'skipped: it has no "fixtures", so it is another kind of file'
    assert len(load([tmp_path])) == 1
    assert "error" in {fault.severity for fault in check([other])}


def test_a_typo_of_fixtures_is_an_error_in_a_folder(tmp_path: Path) -> None:
    written(tmp_path / "a.json", JSON.replace("fixtures", "fixture"))

    assert [fault.message for fault in check([tmp_path])] == [
        'unknown key "fixture"; did you mean "fixtures"? Allowed: ' + ", ".join(TOP_KEYS),
        '"fixtures", an array, is required',
    ]


def test_a_bare_array_of_fixtures_is_an_error_in_a_folder(tmp_path: Path) -> None:
    written(tmp_path / "a.json", json.dumps(json.loads(JSON)["fixtures"]))

    assert only_fault(tmp_path / "a.json") == (
        *("$", 'a fixture file is an object with "fixtures", not an array'),
    )
    assert [fault.severity for fault in check([tmp_path])] == ["error"]


@pytest.mark.parametrize("answer", ['"response": {}', '"responses": []'])
def test_a_bare_fixture_is_an_error_in_a_folder(tmp_path: Path, answer: str) -> None:
    written(tmp_path / "a.json", f'{{"match": {{}}, {answer}}}')

    faults = check([tmp_path])
    assert {fault.severity for fault in faults} == {"error"}
    assert 'unknown key "match" here: it belongs in fixtures[…]' in faults[0].message


def test_a_folder_without_any_fixture_file_is_an_error(tmp_path: Path) -> None:
    written(tmp_path / "package.json", "{}")

    assert [(f.file, f.severity, f.message) for f in check([tmp_path])][1:] == [
        (str(tmp_path), "error", 'no file of the directory has "fixtures"')
    ]


def test_faults_of_all_files_are_reported(tmp_path: Path) -> None:
    written(tmp_path / "a.json", "{")
    written(tmp_path / "b.json", JSON.replace("content", "contnet"))
    written(tmp_path / "c.json", JSON)
    with pytest.raises(FixtureError) as caught:
        load([tmp_path, tmp_path / "no.json"])

    files = [Path(fault.file).name for fault in caught.value.faults]
    assert files == ["a.json", "b.json", "no.json"]


def test_shadows_reach_across_files_and_keep_nothing_from_being_served(tmp_path: Path) -> None:
    written(tmp_path / "a.json", named("hell").replace('"b"', '"another answer"'))
    later = written(tmp_path / "b.json", named("hello"))
    (fault,) = check([tmp_path])

    assert (fault.file, fault.path, fault.severity) == (
        *(str(later), "$.fixtures[0].match", "warning"),
    )
    assert f"{tmp_path / 'a.json'} $.fixtures[0].match comes first" in fault.message
    assert len(load([tmp_path])) == 2


def test_strictly_a_warning_is_an_error(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        written(tmp_path / name, JSON)

    assert [fault.severity for fault in check([tmp_path])] == ["warning"]
    assert [fault.severity for fault in check([tmp_path], strict=True)] == ["error"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("null", 'a fixture file is an object with "fixtures", not null'),
        ("[]", 'a fixture file is an object with "fixtures", not an array'),
        ("{}", '"fixtures", an array, is required'),
        ('{"fixtures": {}}', "must be an array, not an object"),
        ('{"fixtures": [],}', "is no JSON: Illegal trailing comma"),
        ('{"fixtures": [\n nope]}', "line 2 column 2"),
        ('{"fixtures": [NaN]}', "NaN is no JSON number"),
        ('{"fixtures": [1e999]}', "is no JSON: the number 1e999 is out of range"),
        ('{"fixtures": [-1e999]}', "the number -1e999 is out of range"),
        ('{"fixtures": [' + "9" * 5000 + "]}", "a number has 5,000 digits; at most 4,300"),
        ('{"fixtures": [], "fixtures": []}', 'the key "fixtures" stands twice in one object'),
        ("[" * 100_000, "is nested too deeply"),
        (b'{"fixtures": "\xff"}', "is no UTF-8: byte 14 is 0xff"),
        ('{"fixtures": [], "fixture": []}', 'did you mean "fixtures"?'),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = written(tmp_path / "a.json", text)
    (fault,) = check([path])

    if "trailing comma" in words:
        # Python 3.13 has another word for it than those before.
        assert fault.message.startswith("is no JSON: ")
    else:
        assert words in fault.message


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert len(load([written(tmp_path / "a.json", b"\xef\xbb\xbf" + JSON.encode())])) == 1


def test_an_escaped_lone_surrogate_is_a_fault_and_a_pair_is_none(tmp_path: Path) -> None:
    lone = written(tmp_path / "a.json", JSON.replace('"b"', '"\\ud83d"'))
    pair = written(tmp_path / "b.json", JSON.replace('"b"', '"\\ud83d\\ude42"'))

    assert only_fault(lone)[0] == "$.fixtures[0].response.content"
    assert load([pair]).to_json()[0]["response"] == {"content": "🙂"}


YAML = """
# A comment, an anchor, a block of text.
fixtures:
  - match: &same {userMessage: hello}
    response:
      content: |
        Two
        lines
  - match:
      <<: *same
      turnIndex: 1
    timing: {ttft_ms: 600, gap_ms: 4.5}
    response: {content: no}
  - match: {userMessage: on the day}
    response: {content: 2026-01-01, stopReason: ~}
"""


def test_yaml_has_the_scalars_of_json(tmp_path: Path) -> None:
    first, second, third = load([written(tmp_path / "a.yaml", YAML)]).to_json()

    assert first["response"] == {"content": "Two\nlines\n"}
    assert second["match"] == {"userMessage": "hello", "turnIndex": 1}
    assert second["timing"] == {"ttft_ms": 600, "gap_ms": 4.5}
    assert second["response"] == {"content": "no"}
    assert third["response"] == {"content": "2026-01-01", "stopReason": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fixtures: [", "is no YAML:"),
        ("fixtures:\n  - {a: 1\n", "line 3"),
        ("fixtures: []\nfixtures: []\n", "stands twice"),
        ("fixtures: []\n1: 2\n", 'the key "1" in line 1 must be a string'),
        ("fixtures: !!python/object:os.system []", "is no YAML:"),
        ("fixtures: []\n---\nfixtures: []\n", "is no YAML:"),
        ("fixtures: !!set {a, b}", "could not determine a constructor for the tag"),
        ("fixtures: !!omap [a: 1]", "could not determine a constructor for the tag"),
        ("fixtures: !!timestamp 2026-01-01", "could not determine a constructor for the tag"),
        ("fixtures: !!binary aGk=", "could not determine a constructor for the tag"),
        ("fixtures: !!map []", "expected a mapping, but found a sequence, line 1 column 11"),
        ("fixtures: !!seq {}", "expected a sequence"),
        ("fixtures: !!str []", "expected a scalar"),
        ("a: 1\nfixtures: !!int 1_000", 'line 2: "1_000" is no int'),
        ("fixtures: !!float .inf", 'line 1: ".inf" is no float'),
        ("fixtures: !!bool maybe", 'line 1: "maybe" is no bool'),
        ("fixtures: [1e999]", "line 1: the number 1e999 is out of range"),
        ("fixtures: [" + "9" * 5000 + "]", "line 1: a number has 5,000 digits"),
        ("fixtures: &a [*a]", "what begins in line 1 has an alias of itself inside"),
        ("fixtures: &a {<<: *a}", "what begins in line 1 has an alias of itself inside"),
        ("fixtures: " + "[" * 20_000, ""),
    ],
)
def test_broken_yaml_is_told(tmp_path: Path, text: str, words: str) -> None:
    assert words in only_fault(written(tmp_path / "a.yaml", text))[1]


@pytest.mark.parametrize(
    "line",
    [
        "&{0} [*{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}]",
        "&{0} {{a: *{1}, b: *{1}, c: *{1}, d: *{1}, e: *{1}, f: *{1}, g: *{1}, h: *{1}}}",
        "&{0} {{<<: [*{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}, *{1}]}}",
    ],
)
def test_aliases_of_aliases_are_refused_before_they_are_written_out(
    tmp_path: Path, line: str
) -> None:
    lines = ["a: &a0 {k: lol}"]
    lines += [f"b{n}: " + line.format(f"a{n}", f"a{n - 1}") for n in range(1, 20)]
    text = "\n".join([*lines, "fixtures: [*a19]"])

    _, message = only_fault(written(tmp_path / "a.yaml", text))
    assert "its aliases stand for " in message
    assert "at most 1,000,000 are read" in message


def test_many_aliases_of_a_long_text_are_read(tmp_path: Path) -> None:
    fixtures = "".join(
        f"  - {{match: {{userMessage: <{n}>}}, response: {{content: *text}}}}\n" for n in range(500)
    )
    text = f"description: &text {'word ' * 2000}\nfixtures:\n{fixtures}"

    assert len(load([written(tmp_path / "a.yaml", text)])) == 500


def test_what_is_merged_in_yaml_may_be_stated_again(tmp_path: Path) -> None:
    text = YAML.replace("      turnIndex: 1", "      userMessage: bye\n      turnIndex: 1")
    second = load([written(tmp_path / "a.yaml", text)]).to_json()[1]

    assert second["match"] == {"userMessage": "bye", "turnIndex": 1}


TWICE = """{"fixtures": [
  {"match": {"model": "{\\"[,", "model": "b"}, "response": {"content": "a", "id": "x", "id": "y",
   "id": "z", "content": "b"}}],
 "description": {"a": [{"b": 1}, {"b": 2}]},
 "fixtures": []}"""


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_keys_that_stand_twice_are_told_where_they_do_so_again(tmp_path: Path, name: str) -> None:
    file = written(tmp_path / name, TWICE)

    assert [fault.message.rpartition(", ")[2] for fault in check([file])] == [
        *("line 2 column 32", "line 3 column 15", "line 2 column 87", "line 5 column 2")
    ]


def test_keys_of_python_objects_that_are_one_in_json_are_a_fault() -> None:
    content: dict[Any, str] = {1: "a", "1": "b"}
    with pytest.raises(FixtureError) as caught:
        parse([{"match": {}, "response": {"content": content}}])

    (fault,) = caught.value.faults
    assert (fault.path, fault.message) == (
        *("$.fixtures[0]", 'the key "1" stands twice in one object'),
    )


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_keys_that_stand_twice_hide_nothing(tmp_path: Path, name: str) -> None:
    once = '{"match": {"session": "a", "session": "b"}, "response": {"content": "c"}}'
    twice = '{"match": {}, "match": {"model": 5}, "response": {"content": "c"}, "response": {}}'
    file = written(tmp_path / name, f'{{"fixtures": [{once}, {twice}]}}')

    assert [fault.message.partition(",")[0] for fault in check([file])] == [
        'the key "session" stands twice in one object',
        'the key "match" stands twice in one object',
        'the key "response" stands twice in one object',
        'must be a string or an object: {"equals": …}',
        "says nothing: needs one of content",
    ]

"""The documents say what is so: every snippet and command runs, and gives what is shown."""

import doctest
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from bedrock_frames import cli, fixtures
from bedrock_frames._core import Engine
from bedrock_frames.fixtures.compile.templates import PLACEHOLDERS
from bedrock_frames.fixtures.format import blocks as block_models
from bedrock_frames.fixtures.format.base import Strict
from bedrock_frames.fixtures.format.fixture import (
    Chaos,
    Fixture,
    FixtureFile,
    RecordedTimings,
    StreamingProfile,
)
from bedrock_frames.fixtures.format.match import Match, TextMatch
from bedrock_frames.fixtures.format.response import ErrorEntry, ExceptionAfter, Response, Weighted
from bedrock_frames.fixtures.format.timing import FirstToken, Load, Stall, Tail, Timing
from bedrock_frames.server import create_app, metrics
from tests.support.documents import (
    DOCUMENTS,
    PORT,
    ROOT,
    SHOWN,
    Block,
    Command,
    anchors,
    blocks,
    blocks_of,
    commands_of,
    free_port,
    local_links,
    only_python,
    prose,
)

LISTENING: Final = "listening on "
NOT_RUN: Final = {"make", "pip"}
"""Commands that install things, or run these very tests."""
CHECKED_ALONE: Final = {"mermaid", "text"}
"""Blocks that are neither run nor parsed."""
SECONDS: Final = 60

ids = str


def shell_environment() -> dict[str, str]:
    """Return an environment with the project's commands, and neither region nor credentials."""
    stated = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    stated |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    stated |= {"AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1,localhost"}
    here = Path(sys.executable).parent
    stated["PATH"] = f"{here}{os.pathsep}{os.environ['PATH']}"
    return stated


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has what the repository has, and may be written to."""
    for name in ("examples", "benches", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_no_block_goes_untested() -> None:
    kinds = {"python", "bash", "console", "json", "yaml", *CHECKED_ALONE}

    assert not [str(block) for block in blocks() if block.language not in kinds]
    assert not [
        str(block)
        for block in blocks("python")
        if ">>>" not in block.text and "def test_" not in block.text
    ]


# Python


@pytest.mark.parametrize(
    "document", [d for d in DOCUMENTS if only_python(d).strip()], ids=lambda d: d.name
)
def test_snippets_give_what_is_shown(document: Path, folder: Path) -> None:
    script = folder / f"{document.name}.txt"
    script.write_text(only_python(document))
    # A process of its own: snippets change botocore and start servers.
    command = [sys.executable, "-W", "error", "-m", "doctest", "-o", "ELLIPSIS", script.name]
    done = subprocess.run(
        command,
        cwd=folder,
        env=shell_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("block", [b for b in blocks("python") if "def test_" in b.text], ids=ids)
def test_tests_that_are_shown_pass(block: Block, folder: Path) -> None:
    shown = folder / "test_shown.py"
    shown.write_text(block.text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-W",
        "error",
        "-p",
        "no:cacheprovider",
        shown.name,
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env=shell_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{block.text.count('def test_')} passed" in done.stdout


# The command line


def script_of(commands: list[Command], mark: str, port: str) -> str:
    """Return a bash script of commands, with ``mark`` and the exit code after each one's output.

    A server in the background is given ``port``, and waited for until it says its first line.
    """
    lines = ["""servers=(); trap 'kill "${servers[@]}"; wait "${servers[@]}"' EXIT"""]
    for command in commands:
        told = command.text.replace("bedrock-frames serve", f"bedrock-frames serve --port {PORT}")
        told = re.sub(rf"\b{PORT}\b", port, told)
        if command.in_background:
            told = f"exec {{out}}< <(exec {told.removesuffix('&')} 2>server.log); servers+=($!)"
            told += '; read -r line <&$out && echo "$line"'
        lines += [told, f"printf '\\n%s %s\\n' {mark} $?"]
    return "\n".join(lines) + "\n"


def run(commands: list[Command], folder: Path) -> Iterator[tuple[Command, str, int]]:
    """Run commands in one session of bash; yield each with its output and its exit code."""
    mark, port = "=-=-=", free_port()
    (folder / "session.sh").write_text(script_of(commands, mark, port))
    running = subprocess.Popen(
        ["bash", "session.sh"],
        cwd=folder,
        env=shell_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = running.communicate(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    output = re.sub(rf"(?<=:){port}\b", PORT, output)
    parts = re.split(rf"\n?^{re.escape(mark)} (\d+)\n", output, flags=re.M)
    assert len(parts) == 2 * len(commands) + 1, output
    for command, said, code in zip(commands, parts[::2], parts[1::2], strict=False):
        yield command, said.strip("\n"), int(code)


@pytest.mark.parametrize("block", blocks("console"), ids=ids)
def test_commands_print_what_is_shown(block: Block, folder: Path) -> None:
    commands = [c for c in commands_of(block) if c.text.split()[0] not in NOT_RUN]
    if any("curl" in command.text for command in commands) and shutil.which("curl") is None:
        pytest.skip("needs curl")
    for command, said, code in run(commands, folder) if commands else ():
        assert code == 0, f"{command.text}\n{said}"
        matches = doctest.OutputChecker().check_output(command.shown or said, said, SHOWN)
        assert matches, f"{command.text}\nshown:\n{command.shown}\nsaid:\n{said}"


def test_output_that_is_not_as_shown_is_noticed(folder: Path) -> None:
    said = [(text, code) for _, text, code in run([_command("echo a"), _command("false")], folder)]

    assert said == [("a", 0), ("", 1)]
    assert not doctest.OutputChecker().check_output("b", "a", SHOWN)


def _command(text: str) -> Command:
    return Command(text=text, shown=None)


def test_targets_and_modules_that_are_named_exist() -> None:
    told = "\n".join(document.read_text() for document in DOCUMENTS)
    targets = set(re.findall(r"(?:`|^\$ )make ([\w-]+)", told, flags=re.M))
    modules = set(re.findall(r"python -m ([\w.]+)", told))
    makefile = (ROOT / "Makefile").read_text()

    assert {"demo", "test"} <= targets
    assert not [name for name in targets if not re.search(rf"^{name}:", makefile, re.M)]
    assert not [name for name in modules if importlib.util.find_spec(name) is None]


# Fixtures


def fixtures_of(block: Block) -> list[dict[str, Any]]:
    """Return the fixtures of a block: a file's, or one whose other parts are put to it."""
    stated = yaml.safe_load(block.text) if block.language == "yaml" else json.loads(block.text)
    hello = {"content": "hello"}
    match block.info.split()[1:]:
        case ["file"]:
            found: list[dict[str, Any]] = stated["fixtures"]
            return found
        case ["fixture"]:
            return [stated]
        case ["match"]:
            return [{"match": stated, "response": hello}]
        case ["response"]:
            return [{"match": {}, "response": stated}]
        case ["options"]:
            return [{"match": {}, "response": hello, **stated}]
    raise AssertionError(
        f"{block}: a block of JSON or YAML says what it is, such as `json fixture`"
    )


@pytest.mark.parametrize("block", blocks("json", "yaml"), ids=ids)
def test_fixtures_that_are_shown_have_no_faults(block: Block) -> None:
    assert fixtures.parse(fixtures_of(block), source=str(block)).warnings == ()


def keys(*models: type[Strict]) -> set[str]:
    """Return the keys of objects of the format."""
    return {str(field.alias) for model in models for field in model.model_fields.values()}


def named(document: str) -> set[str]:
    """Return what a document names in code, in its prose and in its examples."""
    path = ROOT / "docs" / document
    shown = "\n".join(block.text for block in blocks_of(path))
    return set(re.findall(r"[\w$-]+", " ".join(re.findall(r"`([^`]+)`", prose(path))) + shown))


def test_every_key_of_a_fixture_is_documented() -> None:
    parts = (Match, TextMatch, Response, Weighted, ErrorEntry, ExceptionAfter, Fixture, FixtureFile)
    kinds = [getattr(block_models, name) for name in vars(block_models) if name.endswith("Block")]
    known = keys(*parts, Chaos, block_models.ToolCall, *kinds)

    assert known - named("fixtures.md") == set()
    assert {*block_models.BLOCK_TYPES, *PLACEHOLDERS} - named("fixtures.md") == set()


def test_every_key_of_a_timing_is_documented() -> None:
    models = (Timing, FirstToken, Tail, Stall, Load, StreamingProfile, RecordedTimings)
    assert keys(*models) - named("timing.md") == set()


# The server


@pytest.mark.parametrize(
    ("command", "document"),
    [
        ("serve", "server.md"),
        ("bench", "benchmarks.md"),
        ("merge", "benchmarks.md"),
        ("compare", "benchmarks.md"),
        ("doctor", "benchmarks.md"),
    ],
)
def test_every_option_of_the_command_line_is_documented(
    command: str, document: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}

    assert options - named(document) == set()


def test_every_route_and_every_figure_is_documented() -> None:
    told = (ROOT / "docs/server.md").read_text()
    routes = [below for route in create_app().routes for below in getattr(route, "routes", [route])]
    paths = {path.removeprefix("/__control") for path in map(_path, routes)}
    figures = metrics.Figures(metrics.Counts(), Engine()).collect()

    assert not [path for path in paths if not path.startswith("/__aimock") and path not in told]
    assert not [figure.name for figure in figures if figure.name not in told]


def _path(route: object) -> str:
    return str(getattr(route, "path", "/model/"))


# Links


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_links_have_targets(document: Path) -> None:
    for link in local_links(document):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_no_document_is_left_out() -> None:
    linked = {link.partition("#")[0] for link in local_links(ROOT / "README.md")}

    assert {f"docs/{document.name}" for document in DOCUMENTS[1:]} <= linked

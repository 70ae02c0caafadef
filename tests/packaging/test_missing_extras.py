"""A command whose extra is missing says which one, and how to install it."""

import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import pytest

from tests.support.vector_cases import ROOT

METADATA: Final = """Metadata-Version: 2.4
Name: bedrock-frames
Version: 0
Provides-Extra: bench
Provides-Extra: server
Requires-Dist: rich>=13.9 ; extra == 'bench'
Requires-Dist: pydantic>=2.10 ; extra == 'bench'
Requires-Dist: pydantic>=2.10 ; extra == 'server'
Requires-Dist: uvloop>=0.21 ; sys_platform != 'win32' and extra == 'server'
"""


def run(folder: Path, *arguments: str) -> str:
    """Run a command with no third-party packages at all; return what it says on stderr."""
    path = [str(folder), str(ROOT / "python")]
    code = f"import sys; sys.path[:0] = {path!r}; from bedrock_frames.cli import main; "
    code += f"sys.exit(main({list(arguments)!r}))"
    done = subprocess.run(
        [folder / "venv/bin/python", "-I", "-c", code], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("missing")
    venv.create(path / "venv", symlinks=True)
    return path


def stated(folder: Path, extra: str, arguments: list[str]) -> list[str]:
    said = run(folder, *arguments)
    assert f"this command needs the extra '{extra}': " in said
    return shlex.split(said.partition(f"extra '{extra}': ")[2])


@pytest.mark.parametrize(
    ("extra", "arguments", "wanted"),
    [
        ("server", ["serve", "."], ["pydantic>=2.10", "uvloop>=0.21; sys_platform != 'win32'"]),
        ("server", ["check", "."], ["pydantic>=2.10", "uvloop>=0.21; sys_platform != 'win32'"]),
        ("bench", ["bench", "http://127.0.0.1:1"], ["rich>=13.9", "pydantic>=2.10"]),
        ("bench", ["doctor", "http://127.0.0.1:1"], ["rich>=13.9", "pydantic>=2.10"]),
    ],
)
def test_a_missing_extra_is_named_with_the_packages_that_it_lacks(
    folder: Path, extra: str, arguments: list[str], wanted: list[str]
) -> None:
    info = folder / "bedrock_frames-0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(METADATA)
    command = stated(folder, extra, arguments)

    assert command[1:] == ["-m", "pip", "install", *wanted]
    assert Path(command[0]).samefile(folder / "venv/bin/python") or command[0] == sys.executable


def test_packages_that_are_installed_are_not_asked_for(folder: Path) -> None:
    info = folder / "bedrock_frames-0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(METADATA)
    other = folder / "rich-14.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: rich\nVersion: 14\n")

    command = stated(folder, "bench", ["doctor", "http://127.0.0.1:1"])

    assert command[4:] == ["pydantic>=2.10"]

"""The README's first screen works pasted, in an environment that has nothing but HOME and PATH.

Compiling takes minutes, so ``make test`` builds the wheel once, and the install line of the README
is given that wheel in place of the checkout's ``.``. All else is run as it stands there.
"""

import doctest
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support.documents import PORT, SHOWN, Block, blocks_of, commands_of, free_port
from tests.support.vector_cases import ROOT

README: Final = list(blocks_of(ROOT / "README.md"))
WHEELS: Final = sorted((ROOT / "target/wheels").glob("bedrock_frames-*.whl"))
SECONDS: Final = 300

pytestmark = [
    pytest.mark.skipif(not WHEELS, reason="needs a wheel: make wheel"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]


def first(language: str) -> Block:
    return next(block for block in README if block.language == language)


def paste(script: str, folder: Path) -> str:
    """Run what a user pastes into bash; return what it prints to stdout."""
    running = subprocess.Popen(
        ["env", "-i", f"HOME={folder}", f"PATH={os.environ['PATH']}", "bash", "-c", script],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said, log = running.communicate(timeout=SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 0, f"{said}\n{log}"
    return said


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the examples, where the README's own lines have installed the package."""
    folder = tmp_path_factory.mktemp("user")
    shutil.copytree(ROOT / "examples", folder / "examples")
    install = first("bash").text
    assert "'.[all]'" in install
    paste("set -e\n" + install.replace("'.[all]'", f"'{WHEELS[-1]}[all]'"), folder)
    return folder


def test_the_console_block_works_when_it_is_pasted_whole(installed: Path) -> None:
    commands = commands_of(first("console"))
    # The port is a free one, and the server that runs in the background is stopped at the end.
    port = free_port()
    pasted = "\n".join(command.text for command in commands).replace(
        "serve examples/fixtures", f"serve examples/fixtures --port {PORT}"
    )
    pasted = re.sub(rf"\b{PORT}\b", port, pasted)
    said = paste(f". .venv/bin/activate\n{pasted}\nkill %1; wait; true", installed)
    shown = "".join(f"{command.shown}\n" for command in commands if command.shown)

    said = said.replace(f":{port}", f":{PORT}")
    assert doctest.OutputChecker().check_output(shown, said, SHOWN), said


def test_every_python_block_works_in_an_empty_environment(installed: Path) -> None:
    sessions = [block.text for block in README if block.language == "python"]
    (installed / "pasted.txt").write_text("\n".join(sessions))
    paste(". .venv/bin/activate && python -m doctest -o ELLIPSIS pasted.txt", installed)


def test_every_command_of_the_first_screen_finds_its_packages(installed: Path) -> None:
    commands = ["serve", "check", "bench", "doctor"]
    script = "\n".join(f"bedrock-frames {command} --help" for command in commands)
    imports = "import bedrock_frames.bench, bedrock_frames.server, boto3"
    paste(f"set -e\n. .venv/bin/activate\n{script}\npython -c '{imports}'", installed)

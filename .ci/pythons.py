#!/usr/bin/env python3
"""Build the extension for every other CPython from 3.11 on, and run the framing tests with each.

Looks for interpreters, free-threaded ones too, on PATH, in pyenv's versions, /usr/local/bin and
/opt. Leaves out the version that runs this script: ``make test`` tests it. Builds without
optimisation. Beside the framing tests, boto3 asks a server, except with free-threaded versions: not
all that the server needs has wheels for them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".venv-pythons"
OLDEST = (3, 11)
WANTED = ["3.11", "3.12", "3.13", "3.14", "3.13t", "3.14t"]
PLACES = [
    *(Path(place) for place in os.environ.get("PATH", "").split(os.pathsep) if place),
    *sorted(Path("~/.pyenv/versions").expanduser().glob("3.*/bin")),
    Path("/usr/local/bin"),
    *sorted(Path("/opt").glob("*/bin")),
]
NEEDED = ["pytest>=8.3", "pytest-xdist>=3.6", "hypothesis>=6.120", "boto3>=1.44"]
FRAMING = ("botocore", ["tests/framing"])
SERVED = ("botocore,server", ["tests/framing", "tests/server/test_boto3_answers.py"])
"""The extras to install, and the tests."""
OF_BYTES_ALONE = ["test_bitflips.py", "test_corpus.py", "test_other_codecs.py", "test_splits.py"]
"""Framing tests of what Rust does with bytes, which is the same for every Python: left out."""
TELL = """
import json, sys, sysconfig
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
tag = f"{sys.version_info[0]}.{sys.version_info[1]}" + "t" * free
print(json.dumps([tag, sys.version_info[:2], sys.implementation.name]))
"""


def described(python: Path) -> tuple[str, tuple[int, int], str] | None:
    """Return tag, as in ``3.13t``, version and implementation; None where it does not run."""
    run = subprocess.run([python, "-c", TELL], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return None
    tag, numbers, implementation = json.loads(run.stdout)
    return tag, (numbers[0], numbers[1]), implementation


def found() -> dict[str, Path]:
    """Return the interpreters to test, one a version."""
    pythons: dict[str, Path] = {}
    own = described(Path(sys.executable))
    for place in PLACES:
        for python in sorted(place.glob("python3.[0-9]*")):
            if not python.name.removeprefix("python3.").removesuffix("t").isdigit():
                continue
            told = described(python)
            if told is None or told[2] != "cpython" or told[1] < OLDEST:
                continue
            if own is None or told[0] != own[0]:
                pythons.setdefault(told[0], python)
    return pythons


def quietly(name: str, message: str, *command: str | Path) -> None:
    """Run a command whose output is shown only where it fails."""
    subprocess.run([ROOT / ".ci" / "quietly", name, message, *command], cwd=ROOT, check=True)


def test(tag: str, python: Path) -> None:
    """Build for an interpreter, and run the tests with it."""
    extras, tests = FRAMING if tag.endswith("t") else SERVED
    home = FOLDER / tag
    own = home / "bin" / "python"
    wheels = home / "wheels"
    if not own.exists():
        subprocess.run([python, "-m", "venv", home], check=True)
    for built_before in wheels.glob("*.whl"):
        built_before.unlink()
    quietly(
        f"build-{tag}",
        f"Building for Python {tag} without optimisation: a minute or two the first time",
        *(Path(sys.executable).with_name("maturin"), "build", "--locked", "--profile", "dev"),
        *("--skip-auditwheel", "--interpreter", own, "--out", wheels),
    )
    (wheel,) = wheels.glob("*.whl")
    pip = (own, "-m", "pip", "install", "--disable-pip-version-check")
    # By name and version alone, pip takes a wheel that was built again for the installed one.
    quietly(
        f"install-{tag}",
        f"Installing the wheel for Python {tag}",
        *(*pip, "--force-reinstall", "--no-deps", wheel),
    )
    quietly(f"tools-{tag}", "Installing test tools", *pip, f"{wheel}[{extras}]", *NEEDED)
    pytest: list[str | Path] = [own, "-m", "pytest", "-q", "-n", "2", "-m", "not slow"]
    pytest += [f"--ignore=tests/framing/{name}" for name in OF_BYTES_ALONE]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [*pytest, "-p", "no:cacheprovider", *tests], cwd=ROOT, env=environment, check=True
    )


def main() -> None:
    """Test with every interpreter found, and say which are missing."""
    pythons = found()
    own = described(Path(sys.executable))
    for tag in WANTED:
        if tag not in pythons and (own is None or tag != own[0]):
            print(f"no Python {tag} found: not tested with it", flush=True)
    for tag, python in sorted(pythons.items()):
        print(f"Python {tag}: {python}", flush=True)
        test(tag, python)


if __name__ == "__main__":
    main()

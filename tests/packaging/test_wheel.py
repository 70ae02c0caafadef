"""The wheel works where there is no compiler, and so do the steps of the image made of it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

import pytest

from tests.support.documents import ROOT

MANYLINUX: Final = sorted((ROOT / "target/manylinux").glob("bedrock_frames-*.whl"))
WHEELS: Final = MANYLINUX or sorted((ROOT / "target/wheels").glob("bedrock_frames-*.whl"))
EXAMPLES: Final = ROOT / "examples" / "fixtures"
HELLO: Final = json.dumps({"messages": [{"role": "user", "content": [{"text": "hello"}]}]})
SECONDS: Final = 300
COMPILERS: Final = ("cc", "gcc", "clang", "cargo", "rustc", "zig")

needs_wheel: Final = pytest.mark.skipif(not WHEELS, reason="needs a wheel: make wheel")


def bare(prefix: Path) -> dict[str, str]:
    """Return an environment whose only programs are those of a virtual environment."""
    environment = {"PATH": os.fspath(prefix / "bin"), "HOME": os.fspath(prefix)}
    assert not [name for name in COMPILERS if shutil.which(name, path=environment["PATH"])]
    return environment


def run(prefix: Path, program: str, *arguments: str | Path, codes: Sequence[int] = (0,)) -> str:
    """Run a program of the virtual environment, which exits with one of these codes."""
    done = subprocess.run(
        [prefix / "bin" / program, *arguments],
        env=bare(prefix),
        cwd=prefix,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode in codes, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def serving(prefix: Path, *arguments: str | Path) -> Iterator[str]:
    """Run ``bedrock-frames`` with these arguments; yield its URL."""
    with subprocess.Popen(
        [prefix / "bin" / "bedrock-frames", *arguments],
        env=bare(prefix),
        cwd=prefix,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield found[0]
        finally:
            process.terminate()
            assert process.wait(SECONDS) == 0


def say_hello(url: str) -> str:
    """Return what the example's fixture answers."""
    request = Request(f"{url}/model/any.model/converse", HELLO.encode())  # noqa: S310
    with urlopen(request) as response:  # noqa: S310
        answer = json.load(response)
    said: str = answer["output"]["message"]["content"][0]["text"]
    return said


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that the step of the image has made of the wheel; and what the bench needs."""
    prefix = tmp_path_factory.mktemp("opt") / "bedrock-frames"
    here = {
        "/tmp/*.whl": os.fspath(WHEELS[-1]),  # noqa: S108
        "/tmp": f"{ROOT}/docker",  # noqa: S108
        "/opt/bedrock-frames": f"{prefix} server,bench",
    }
    # In one pass: a checkout may itself be below a folder that the image names.
    written = "|".join(map(re.escape, here))
    script = re.sub(written, lambda found: here[found[0]], dockerfile("RUN")[-1])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"
    subprocess.run(
        ["sh", "-c", script], env={"PATH": path, "PIP_NO_COMPILE": "1"}, check=True, timeout=SECONDS
    )
    return prefix


@needs_wheel
def test_the_wheel_serves_and_benches_without_a_compiler(installed: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with serving(installed, "serve", "--port", "0", EXAMPLES) as url:
        said = say_hello(url)
        options = ["--message", "hello", "--requests", "20", "--concurrency", "2", "--quiet"]
        # 98: on a busy machine the figures cannot be trusted, and it says so.
        run(installed, "bedrock-frames", "bench", url, *options, "--output", report, codes=(0, 98))

    assert said == "Hello! How can I help you today?"
    assert json.loads(report.read_text())


@needs_wheel
def test_the_wheel_has_types_licence_and_links(installed: Path) -> None:
    code = (
        "import importlib.metadata as m, json, bedrock_frames;"
        "d = m.distribution('bedrock-frames');"
        "print(json.dumps([[str(f) for f in d.files], d.metadata.get_all('Project-URL'),"
        " bedrock_frames.decode(bedrock_frames.encode({}, b'x')).payload.decode()]))"
    )
    files, links, payload = json.loads(run(installed, "python", "-c", code))

    assert payload == "x"
    assert {"bedrock_frames/py.typed"} <= set(files)
    assert any(file.endswith("LICENSE") for file in files)
    assert not [file for file in files if file.startswith(("tests", "benches", "rust"))]
    assert {link.partition(",")[0] for link in links} >= {"Repository", "Issues", "Changelog"}


@pytest.mark.skipif(not MANYLINUX, reason="needs the manylinux wheel: make wheel")
def test_the_manylinux_wheel_needs_no_newer_system_than_it_says() -> None:
    (wheel,) = MANYLINUX
    found = re.search(r"manylinux_2_(\d+)_", wheel.name)

    assert found is not None
    assert int(found[1]) <= 28


# The image


def dockerfile(instruction: str) -> list[str]:
    """Return the arguments of an instruction of the Dockerfile, where it stands last."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    found = [line.removeprefix(instruction) for line in lines if line.startswith(f"{instruction} ")]
    _, bracket, rest = found[-1].partition("[")
    arguments: list[str] = json.loads(bracket + rest) if bracket else found[-1].split()
    return arguments


def test_the_image_runs_without_root_and_copies_what_exists() -> None:
    user, _, group = dockerfile("USER")[0].partition(":")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    ignored = (ROOT / ".dockerignore").read_text()

    assert int(user) > 0 < int(group)
    for source in " ".join(copied).split():
        assert f"!{source}" in ignored or f"!{Path(source).parent}" in ignored
        assert (ROOT / source).exists() or source == "target/manylinux/*.whl"


@needs_wheel
def test_the_image_serves_and_knows_when_it_is_healthy(installed: Path) -> None:
    told = [*dockerfile("ENTRYPOINT")[1:], *dockerfile("CMD")]
    places = {"/fixtures": os.fspath(EXAMPLES), "0.0.0.0": "127.0.0.1", "4010": "0"}  # noqa: S104
    check = ROOT / "docker" / Path(dockerfile("HEALTHCHECK")[-1]).name
    with serving(installed, *[places.get(argument, argument) for argument in told]) as url:
        port = url.rpartition(":")[2]
        assert say_hello(url) == "Hello! How can I help you today?"
        run(installed, "python", check, port)
    with pytest.raises(AssertionError, match="not ready"):
        run(installed, "python", check, port)
    assert not (installed / "bin" / "pip").exists()

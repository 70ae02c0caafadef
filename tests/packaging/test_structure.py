"""The house: imports go one way, nothing is needed at run time, the version is stated once."""

import ast
import importlib.metadata
import json
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

import bedrock_frames as bf
from tests.support.crc32c import crc32c
from tests.support.vector_cases import ROOT

PACKAGE: Final = ROOT / "python" / "bedrock_frames"

PYTHON_LAYERS: Final = [
    {"_core", "bounds", "values"},
    {"contract", "streams"},
    {"__init__"},
    {"bedrock", "botocore", "dump"},
    {"fixtures"},
    {"capture"},
    {"server", "bench"},
    {"cli", "pytest_plugin"},
    {"__main__"},
]
"""A module may import from the lines above its own, and from its own package."""

RUST_MAY_USE: Final = {
    "eventstream": set[str](),
    "replay": {"eventstream"},
    "server": {"eventstream", "replay"},
    "load": {"eventstream", "replay"},
    "python": {"eventstream", "replay", "server", "load"},
}
WORKSPACE: Final = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
CRATES: Final = [ROOT / member / "Cargo.toml" for member in WORKSPACE["members"]]
SANS_IO: Final = {"eventstream", "replay"}


def layer(part: str) -> int:
    return next(index for index, parts in enumerate(PYTHON_LAYERS) if part in parts)


def part_of(module: str) -> str:
    """Return the part of the package that a dotted name lies in."""
    return [*module.split("."), "__init__"][1]


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            assert node.module is not None
            for alias in node.names:
                submodule = PACKAGE.parent.joinpath(*node.module.split("."), alias.name)
                is_module = submodule.is_dir() or submodule.with_suffix(".py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


SOURCES: Final = sorted(PACKAGE.rglob("*.py"))

# `bf.botocore` is loaded when it is first named; the import beside it is for type checkers alone.
LAZY: Final = {("__init__", "bedrock_frames.botocore")}


@pytest.mark.parametrize("path", SOURCES, ids=[str(p.relative_to(PACKAGE)) for p in SOURCES])
def test_python_imports_go_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for name in imported(path):
        if name.split(".")[0] != "bedrock_frames" or (own, name) in LAZY:
            continue
        part = part_of(name)
        assert part == own or layer(part) < layer(own), f"{own} imports {name}"


@pytest.mark.parametrize("path", CRATES, ids=[path.parent.name for path in CRATES])
def test_crates_depend_one_way(path: Path) -> None:
    name = path.parent.name
    manifest = tomllib.loads(path.read_text())
    used = set(manifest.get("dependencies", {}))

    assert used & RUST_MAY_USE.keys() <= RUST_MAY_USE[name]
    if name != "python":
        assert "pyo3" not in used
    if name in SANS_IO:
        assert not used & {"tokio", "hyper", "mio", "socket2"}


def test_the_wire_format_needs_no_unsafe_code() -> None:
    assert "#![forbid(unsafe_code)]" in (ROOT / "rust/eventstream/src/lib.rs").read_text()


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return set(json.loads(run.stdout))


def test_importing_the_library_imports_nothing_but_the_standard_library() -> None:
    new = modules_after("import bedrock_frames") - modules_after("")
    foreign = {name.split(".")[0] for name in new} - sys.stdlib_module_names

    assert foreign == {"bedrock_frames"}
    assert not new & {
        "asyncio",
        "botocore",
        "ssl",
        "socket",
        "typing_extensions",
        "bedrock_frames.cli",
    }


TESTS: Final = ROOT / "tests"
TEST_SOURCES: Final = sorted(
    path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts
)


@pytest.mark.parametrize(
    "path", TEST_SOURCES, ids=[str(p.relative_to(TESTS)) for p in TEST_SOURCES]
)
def test_nothing_imports_a_test_module(path: Path) -> None:
    names = {part for name in imported(path) for part in name.split(".")}

    assert not {name for name in names if name.startswith("test_")}


def test_every_test_module_lies_in_the_folder_of_its_subject() -> None:
    assert not [path.name for path in TESTS.glob("test_*.py")]


def test_the_package_requires_nothing() -> None:
    requires = importlib.metadata.requires("bedrock-frames") or []

    assert [r for r in requires if "extra ==" not in r] == []


def test_every_public_name_is_there_once() -> None:
    assert len(bf.__all__) == len(set(bf.__all__))
    assert all(hasattr(bf, name) for name in bf.__all__)


def test_the_version_is_stated_once() -> None:
    version = WORKSPACE["package"]["version"]
    members = [tomllib.loads(path.read_text()) for path in CRATES]
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert bf.__version__ == importlib.metadata.version("bedrock-frames") == version
    assert all(member["package"]["version"] == {"workspace": True} for member in members)
    assert "version" in project["dynamic"]
    assert not any(version in path.read_text() for path in SOURCES)


def test_the_two_checksums_are_the_ones_they_should_be() -> None:
    assert zlib.crc32(b"123456789") == 0xCBF43926
    assert crc32c(b"123456789") == 0xE3069283


def test_the_wire_s_checksum_is_crc_32() -> None:
    frame = bf.encode({}, b"123456789")

    assert int.from_bytes(frame[8:12], "big") == zlib.crc32(frame[:8])
    assert int.from_bytes(frame[-4:], "big") == zlib.crc32(frame[:-4])


@pytest.mark.parametrize("length", [*range(300), 1023, 1024, 1025, 4095, 4096, 65_535])
def test_checksums_are_right_at_every_length_and_alignment(length: int) -> None:
    """Fast kernels change their method with the length and the alignment of what they read."""
    payload = bytes(index * 7 & 0xFF for index in range(length))
    for skip in range(4):
        frame = bf.encode({"x" * (skip + 1): True}, memoryview(bytes(skip) + payload)[skip:])
        assert int.from_bytes(frame[-4:], "big") == zlib.crc32(frame[:-4])
        assert bf.scan(memoryview(bytes(skip) + frame)[skip:]) == [(0, len(frame), None)]

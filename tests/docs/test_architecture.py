"""docs/architecture.md names what exists, and the code leads to it."""

import re
import tomllib
from typing import Final

import pytest

from tests.support.documents import ROOT

PAGE: Final = (ROOT / "docs/architecture.md").read_text()
WORKSPACE: Final = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
CODE: Final = re.findall(r"`([^`\n]+)`", PAGE)
FOLDERS: Final = ("rust/", "python/", "tests/", "benches/", "examples/", "docs/", ".cargo/", ".ci/")


def test_every_path_that_is_named_exists() -> None:
    named = [name for name in CODE if name.startswith(FOLDERS) or name.endswith(".toml")]

    assert len(named) > 20
    assert not [name for name in named if not (ROOT / name).exists()]


def test_every_crate_and_every_package_has_its_sentence() -> None:
    package = ROOT / "python" / "bedrock_frames"
    packages = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}

    assert {*WORKSPACE["members"], *packages} <= set(CODE)


@pytest.mark.parametrize("crate", WORKSPACE["members"])
def test_crate_docs_point_to_the_page(crate: str) -> None:
    text = (ROOT / crate / "src" / "lib.rs").read_text()
    head = text[: re.search(r"^(?!//!)", text, re.M).start()]  # type: ignore[union-attr]

    assert "docs/architecture.md" in head

"""The files for strangers are what GitHub and PyPI read, and name only what exists."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.documents import ROOT, local_links

WORKFLOWS: Final = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS: Final = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
GUIDES: Final = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
ACTIONLINT: Final = ROOT / "tests/actionlint/bin/actionlint"
MAKEFILE: Final = (ROOT / "Makefile").read_text()

ids = [path.name for path in WORKFLOWS]


def targets(text: str) -> set[str]:
    """Return the targets of make that a text names as commands."""
    return set(re.findall(r"(?:`|run: |^)make ([a-z][\w-]*)", text, re.M))


def steps(path: Path) -> list[dict[str, Any]]:
    """Return all steps of a workflow."""
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_workflows_are_bounded_and_may_only_read(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())

    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_actions_are_pinned_by_version(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]

    assert used
    assert not [
        action for action in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@v\d[\d.]*", action)
    ]


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids)
def test_workflows_run_what_exists(path: Path) -> None:
    for command in [step["run"] for step in steps(path) if "run" in step]:
        for target in targets(f"run: {command}"):
            assert re.search(rf"^{target}:", MAKEFILE, re.M), command
        for name in re.findall(r"(?:^|\s)((?:tests|\.ci|docker)/[\w./-]+|\.ci/run)", command):
            assert (ROOT / name).exists(), command


@pytest.mark.skipif(not ACTIONLINT.exists(), reason="no actionlint: make test builds it")
def test_workflows_pass_actionlint() -> None:
    done = subprocess.run(
        [ACTIONLINT, "-no-color", *WORKFLOWS], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_every_python_of_the_wheels_is_a_classifier() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/wheels.yml").read_text())
    pythons = workflow["env"]["PYTHONS"].split()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: "
    stated = {c.removeprefix(prefix) for c in project["classifiers"] if c.startswith(f"{prefix}3.")}

    assert {python.removesuffix("t") for python in pythons} == stated
    assert workflow["jobs"]["macos"]["strategy"]["matrix"]["python"] == pythons
    assert any(python.endswith("t") for python in pythons)


@pytest.mark.parametrize("path", [f for f in FORMS if f.name != "config.yml"], ids=lambda p: p.name)
def test_issue_forms_have_what_github_asks_for(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    names = [part["id"] for part in form["body"]]

    assert {"name", "description", "body"} <= set(form)
    assert len(set(names)) == len(names)
    for part in form["body"]:
        assert part["type"] in {"dropdown", "input", "textarea"}
        assert part["attributes"]["label"]
        assert part["type"] != "dropdown" or part["attributes"]["options"]


@pytest.mark.parametrize("path", GUIDES, ids=lambda p: p.name)
def test_guides_name_only_what_exists(path: Path) -> None:
    text = path.read_text()
    named = re.findall(r"`((?:rust|python|tests|benches|examples|docs|\.ci)/?[\w./]*)`", text)

    assert not [name for name in named if not (ROOT / name).exists()]
    assert not [name for name in targets(text) if not re.search(rf"^{name}:", MAKEFILE, re.M)]
    links = [link.partition("#")[0] for link in local_links(path)]
    assert not [link for link in links if not (ROOT / link).exists()]

"""Watched fixture files: a good save is loaded and a bad one explained, whatever was before."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.support.native_server import until
from tests.support.serve_command import Served, fixture_file, said, served

BAD: Final[dict[str, tuple[str, str]]] = {
    "a key that is unknown": ("fixtures.json", '{"fixtures": [{"match": {}, "respons": {}}]}'),
    "not JSON": ("fixtures.json", "{"),
    "a number of 5,000 digits": (
        "fixtures.json",
        '{"fixtures": [{"match": {"turnIndex": %s}}]}' % ("9" * 5000),
    ),
    "a YAML set": ("fixtures.yaml", "fixtures: !!set {a, b}\n"),
    "a YAML time": ("fixtures.yaml", "fixtures:\n- match: {userMessage: 2001-01-01}\n"),
    "deeply nested": ("fixtures.json", "[" * 100_000),
    "not UTF-8": ("fixtures.json", "\udcff"),
}


def load(running: Served, save: Callable[[], object], text: str) -> None:
    """Save until a server says a text: it may not watch at once."""

    def says_it() -> bool:
        save()
        return said(running.url) == text

    until(says_it, f"{text!r} loaded")


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_loaded_is_explained_and_the_next_save_is_loaded(
    what: str, tmp_path: Path
) -> None:
    name, text = BAD[what]
    good = fixture_file(tmp_path, "one")
    path = tmp_path / name
    with served(tmp_path, "--watch") as running:
        load(running, lambda: fixture_file(tmp_path, "two"), "two")
        path.write_text(text, errors="surrogateescape")
        assert running.wait_for_log("those of before stay in force")
        assert said(running.url) == "two"
        if path != good:
            path.unlink()
        load(running, lambda: fixture_file(tmp_path, "three"), "three")
        assert running.end() == (0, "")


@pytest.mark.parametrize("noticed", [False, True])
def test_a_folder_that_is_removed_and_made_again_is_watched_again(
    noticed: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "fixtures"
    folder.mkdir()
    fixture_file(folder, "one")
    with served(folder, "--watch") as running:
        load(running, lambda: fixture_file(folder, "two"), "two")
        shutil.rmtree(folder)
        if noticed:
            assert running.wait_for_log("those of before stay in force")
            assert said(running.url) == "two"
        folder.mkdir()
        fixture_file(folder, "three")
        until(lambda: said(running.url) == "three", "loaded, by one save")
        load(running, lambda: fixture_file(folder, "four"), "four")
        assert running.end() == (0, "")


def test_a_folder_that_is_put_in_the_place_of_another_is_watched(tmp_path: Path) -> None:
    folder, other = tmp_path / "fixtures", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    fixture_file(folder, "one")
    fixture_file(other, "other")
    with served(folder, "--watch") as running:
        load(running, lambda: fixture_file(folder, "two"), "two")
        folder.rename(tmp_path / "away")
        other.rename(folder)
        until(lambda: said(running.url) == "other", "loaded")
        load(running, lambda: fixture_file(folder, "three"), "three")


def test_a_file_whose_folder_is_removed_and_made_again_is_watched_again(tmp_path: Path) -> None:
    folder = tmp_path / "fixtures"
    folder.mkdir()
    with served(fixture_file(folder, "one"), "--watch") as running:
        load(running, lambda: fixture_file(folder, "two"), "two")
        shutil.rmtree(folder)
        folder.mkdir()
        fixture_file(folder, "three")
        until(lambda: said(running.url) == "three", "loaded, by one save")
        load(running, lambda: fixture_file(folder, "four"), "four")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / "fixtures"
    folder.mkdir()
    fixture_file(folder, "one")
    with served(folder, "--watch") as running:
        load(running, lambda: fixture_file(folder, "two"), "two")
        folder.chmod(0)
        folder.chmod(0o700)
        load(running, lambda: fixture_file(folder, "three"), "three")
        closed = folder / "closed"
        closed.mkdir()
        (closed / "more.json").write_text(json.dumps({"fixtures": []}))
        closed.chmod(0)
        assert running.wait_for_log("those of before stay in force")
        closed.chmod(0o700)
        load(running, lambda: fixture_file(folder, "four"), "four")

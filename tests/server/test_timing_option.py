"""``--timing``: short forms, profiles and files."""

import json
from pathlib import Path
from typing import Final

import pytest

from bedrock_frames._core import Engine
from bedrock_frames.fixtures import FixtureError, profiles, read_server_timing
from bedrock_frames.server import read_timing

STATED: Final = {
    "ttft": {"dist": "lognormal", "median_ms": 610, "sigma": 0.41},
    "gap": {"dist": "gamma", "mean_ms": 48, "cv": 0.6},
}


@pytest.mark.parametrize("name", profiles())
def test_every_profile_is_a_timing_with_its_source(name: str) -> None:
    timing = read_server_timing(f"profile:{name}")
    assert profiles()[name]["source"]
    assert profiles()[name]["date"]
    Engine(timing=timing)


def test_a_profile_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(FixtureError, match='did you mean "claude-sonnet"'):
        read_server_timing("profile:claude-sonet")


def test_the_timing_option_reads_short_forms_profiles_and_files(tmp_path: Path) -> None:
    file = tmp_path / "timing.json"
    file.write_text(json.dumps(STATED))

    assert read_timing("ttft=600ms,gap=48ms") == {"ttft_ms": 600.0, "gap_ms": 48.0}
    assert read_timing("profile:nova-micro") == read_server_timing("profile:nova-micro")
    assert read_timing(str(file)) == read_server_timing(STATED)


def test_the_timing_option_says_what_it_can_be(tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.json"
    faulty.write_text('{"ttft": 1}')
    broken = tmp_path / "broken.json"
    broken.write_text("{")

    with pytest.raises(ValueError, match=r"ttft=…,gap=…, profile:NAME or a JSON file"):
        read_timing("missing.json")
    with pytest.raises(ValueError, match=r"faulty\.json: \$\.ttft"):
        read_timing(str(faulty))
    with pytest.raises(ValueError, match=r"broken\.json"):
        read_timing(str(broken))

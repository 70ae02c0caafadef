"""The benchmarks run, and what documents say of them is what was measured."""

import importlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest
from benches import harness, outcome, plots, report, run, tables
from benches.outcome import Comparison, Outcome, Result

from tests.support.documents import ROOT, local_links

PAGE: Final = report.BENCHES / "README.md"


@pytest.fixture(scope="module")
def measured() -> Mapping[str, Result]:
    """What was measured, by benchmark."""
    return report.results()


# What was measured, and what is written of it


@pytest.mark.parametrize("path", [PAGE, *report.QUOTING], ids=lambda path: path.name)
def test_documents_say_what_was_measured(path: Path, measured: Mapping[str, Result]) -> None:
    said = dict(report.documents(measured))[path]

    assert path.read_text() == said, "write it again: python -m benches.report"


def test_plots_show_what_was_measured(measured: Mapping[str, Result]) -> None:
    for path, spec in plots.specs(measured).items():
        assert f"<!-- {plots.digest(spec)} -->" in path.read_text(), path


def test_no_plot_is_left_behind(measured: Mapping[str, Result]) -> None:
    drawn = {path for path in plots.PLOTS.glob("*") if path.is_file()}

    assert drawn <= set(plots.specs(measured))


def test_links_of_the_page_have_targets() -> None:
    for link in local_links(PAGE):
        assert (PAGE.parent / link).exists(), link


def test_results_are_whole_runs_of_release_builds(measured: Mapping[str, Result]) -> None:
    assert set(measured) == set(report.SHOWN)
    for result in measured.values():
        assert not result.quick
        assert result.environment["build_profile"] == "release"


@pytest.mark.parametrize("name", run.SCRIPTS)
def test_results_name_no_place_on_a_machine(name: str) -> None:
    text = (run.RESULTS / f"{name}.json").read_text()

    assert not re.search(r"/(?:tmp|home|root|work)\b", text)


@pytest.mark.parametrize("name", run.SCRIPTS)
def test_verdicts_follow_from_the_rounds(name: str, measured: Mapping[str, Result]) -> None:
    stated = json.loads((run.RESULTS / f"{name}.json").read_text())["comparisons"]

    for each, comparison in zip(stated, measured[name].outcome.comparisons, strict=True):
        assert each["value"] == median(each["rounds"])
        assert each["met"] == comparison.met


def test_every_benchmark_has_its_part_of_the_page() -> None:
    assert sorted(part.benchmark for part in tables.PARTS) == sorted(report.SHOWN)


def test_a_figure_that_was_changed_by_hand_is_noticed(measured: Mapping[str, Result]) -> None:
    said = (ROOT / "README.md").read_text()
    figure = re.search(r"<!-- figures: gain -->([^<]+)", said)
    assert figure is not None

    changed = said.replace(figure[0], figure[0].replace(figure[1], "100"))
    assert changed != said
    assert report.quoting(changed, measured) == said


# Judging


def comparison(**other: Any) -> Comparison:
    given: dict[str, Any] = {"name": "it", "figure": 1.0, "unit": "s", "rounds": [1.0, 4.0, 2.0]}
    return Comparison(**given | other)


@pytest.mark.parametrize(
    ("bound", "target", "met"),
    [
        ("at_least", 2.0, True),
        ("at_least", 2.1, False),
        ("at_most", 2.0, True),
        ("at_most", 1.9, False),
        (None, None, None),
    ],
)
def test_the_median_of_the_rounds_is_judged(bound: str, target: float, met: bool) -> None:
    assert comparison(bound=bound, target=target).met is met


def test_ratios_are_taken_within_a_round() -> None:
    found = outcome.faster("it", [1.0, 10.0, 2.0], "peer", [3.0, 20.0, 8.0], unit="s")

    assert list(found.rounds) == [3.0, 2.0, 4.0]
    assert (found.figure, found.peer_figure, found.value) == (2.0, 8.0, 3.0)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = Result(
        benchmark="it",
        quick=False,
        environment={"cpu": "a fast one"},
        outcome=Outcome(
            comparisons=[comparison(bound="at_most", target=3.0)],
            samples={"medians": []},
            peers={"peer": "1.0"},
            limits="none",
        ),
    )
    outcome.write(tmp_path / "new" / "it.json", found)

    assert outcome.read(tmp_path / "new" / "it.json") == found


# Running


@pytest.mark.parametrize("name", run.SCRIPTS)
def test_scripts_can_be_imported_and_take_the_common_options(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script = importlib.import_module(f"benches.{name}")

    assert callable(script.measure)
    with pytest.raises(SystemExit) as ended:
        harness.main(
            script.measure, name=name, description=script.__doc__, arguments=["--quick", "--help"]
        )
    assert ended.value.code == 0
    assert f"python -m benches.{name} [--quick]" in capsys.readouterr().out


def test_a_quick_run_shows_that_it_works(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--only", "matching", "--quick", "--results", str(tmp_path)]) == 0
    assert "1 of 1" in capfd.readouterr().out

    found = report.results(tmp_path)
    assert found["matching"].quick
    assert "quick: means nothing" in tables.page(found)


def test_a_script_that_fails_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "matching.json").mkdir()

    assert run.main(["--only", "matching", "--quick", "--results", str(tmp_path)]) == 1
    assert "failed: matching" in capfd.readouterr().err

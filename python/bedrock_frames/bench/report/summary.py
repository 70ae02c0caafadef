"""A run's report: ``summary.json``, typed. It is all that merging and comparing need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, ValidationError

from bedrock_frames._core import __version__
from bedrock_frames.bench.errors import InputError
from bedrock_frames.bench.report import audit
from bedrock_frames.bench.report.formulas import FORMULAS
from bedrock_frames.bench.report.merge import merge_results
from bedrock_frames.bench.report.results import Figures, Part, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bedrock_frames.bench.report.thresholds import Threshold

SCHEMA: Final = "bedrock-frames/bench/1"

NOT_TOGETHER: Final = "the parts did not run at the same time: rates are as if they had"

EXIT_FINE: Final = 0
EXIT_NOT_TRUSTWORTHY: Final = 98
EXIT_THRESHOLD: Final = 99
EXIT_INTERRUPTED: Final = 130


class ThresholdVerdict(Part):
    """Whether a threshold was kept, and the value that decided it."""

    threshold: str
    value: float | None
    passed: bool


class SweepStep(Part):
    """One rate of a sweep, in requests a second, and what came of it."""

    rate: float
    requests_per_s: float
    frames_per_s: float
    error_rate: float
    ttft_ms: Figures
    e2e_ms: Figures
    saturated: str | None
    """Why the rate was too much."""


class Report(Result):
    """What a run found, and whether that can be trusted."""

    schema_: Literal["bedrock-frames/bench/1"] = Field(SCHEMA, alias="schema")
    version: str = __version__
    title: str | None = None
    """What the run is called, where it was given a name."""
    trustworthy: bool
    reasons: list[str]
    """Why it is not trustworthy."""
    notes: list[str] = Field(default_factory=list)
    interrupted: bool = False
    parts: int = 1
    """How many results it is merged from."""
    thresholds: list[ThresholdVerdict] = Field(default_factory=list)
    sweep: list[SweepStep] = Field(default_factory=list)
    """The steps, where this is the last rate of a sweep that was kept."""
    formulas: dict[str, str] = Field(default_factory=lambda: dict(FORMULAS))
    environment: dict[str, object] = Field(default_factory=dict)
    options: dict[str, object] = Field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """The exit code of a command.

        An interrupted run is that first. What cannot be trusted cannot keep or miss a threshold.
        """
        if self.interrupted:
            return EXIT_INTERRUPTED
        if not self.trustworthy:
            return EXIT_NOT_TRUSTWORTHY
        kept = all(verdict.passed for verdict in self.thresholds)
        return EXIT_FINE if kept else EXIT_THRESHOLD

    def to_json(self) -> str:
        """Return the text of ``summary.json``."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


def make_report(
    result: Result,
    *,
    options: Mapping[str, object],
    environment: Mapping[str, object],
    thresholds: Sequence[Threshold] = (),
    interrupted: bool = False,
    parts: int = 1,
) -> Report:
    """Judge a result and put all that belongs to it into one report."""
    reasons = audit.reasons(result)
    verdicts = [threshold.judge(result) for threshold in thresholds]
    return Report.model_validate(
        {
            **{name: getattr(result, name) for name in Result.model_fields},
            "trustworthy": not reasons,
            "reasons": reasons,
            "notes": [
                *audit.notes(result, same_host=bool(environment.get("same_host"))),
                *_late(result, options.get("start_at")),
            ],
            "interrupted": interrupted,
            "parts": parts,
            "thresholds": [
                {"threshold": v.threshold, "value": v.value, "passed": v.passed} for v in verdicts
            ],
            "environment": dict(environment),
            "options": dict(options),
        }
    )


def read_report(path: Path) -> Report:
    """Read a ``summary.json``.

    Raises:
        InputError: it cannot be read, or is none of this version.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        told = f"{where}: {first['msg']}" if where else first["msg"]
        raise InputError(f"{path}: no report of this version: {told}") from error


def _late(result: Result, start_at: object) -> list[str]:
    late = result.started_at - start_at if isinstance(start_at, float | int) else 0.0
    return [f"it began {late:.1f} s after the moment of start-at"] if late > audit.APART_S else []


def merge_reports(reports: Sequence[Report], *, thresholds: Sequence[Threshold] = ()) -> Report:
    """Return reports that were measured together as one, judged again.

    A part that could not be trusted spoils the whole.

    Raises:
        InputError: they are not of the same endpoint and operation.
        ValueError: there are none.
    """
    for name in ("operation", "model"):
        if len({str(report.options.get(name)) for report in reports}) > 1:
            raise InputError(f"reports of different runs cannot be merged: their {name} differs")
    merged = make_report(
        merge_results(reports),
        options=reports[0].options,
        environment=reports[0].environment,
        thresholds=thresholds,
        interrupted=any(report.interrupted for report in reports),
        parts=sum(report.parts for report in reports),
    )
    spoilt = [reason for report in reports for reason in report.reasons]
    reasons = list(dict.fromkeys([*merged.reasons, *spoilt]))
    notes = merged.notes if _together(reports) else [*merged.notes, NOT_TOGETHER]
    update = {"reasons": reasons, "trustworthy": not reasons, "notes": notes}
    return merged.model_copy(update=update)


def _together(reports: Sequence[Report]) -> bool:
    """Say whether there was a moment at which all of them ran."""
    first_end = min(report.started_at + report.window.ended_s for report in reports)
    return max(report.started_at for report in reports) < first_end

"""A run from options to report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.environment import environment
from bedrock_frames.bench.fleet import Fleet
from bedrock_frames.bench.load import NativeLoad
from bedrock_frames.bench.report import make_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bedrock_frames.bench.figures import Progress
    from bedrock_frames.bench.load import Load
    from bedrock_frames.bench.options import BenchOptions
    from bedrock_frames.bench.report import Report
    from bedrock_frames.bench.thresholds import Threshold

GLANCE_S: Final = 0.25


def make_load(options: BenchOptions) -> Load:
    """Return the generator that a run's options ask for.

    Raises:
        OptionError: an option makes no sense.
    """
    # One is made even where others do the work: it checks the options without starting anything.
    checked = {name: v for name, v in options.native().items() if name != "requests_out"}
    if options.processes > 1:
        NativeLoad(checked)
        return Fleet(options.native(), options.processes)
    return NativeLoad(options.native())


def run_bench(
    options: BenchOptions,
    *,
    thresholds: Sequence[Threshold] = (),
    on_progress: Callable[[Progress], None] | None = None,
    load: Callable[[BenchOptions], Load] = make_load,
) -> Report:
    """Run a benchmark and return its report.

    KeyboardInterrupt ends the run early, with a report of what was measured until then; a second
    one is raised.

    Raises:
        OptionError: an option makes no sense.
        RuntimeError: the generator failed.
    """
    # Before the run: the load average would be the run's own.
    place = environment(options.url)
    running = load(options)
    running.start()
    interrupted = False
    try:
        _watch(running, on_progress)
    except KeyboardInterrupt:
        interrupted = True
        running.stop()
        _watch(running, on_progress)
    return make_report(
        running.result(),
        options=options.stated(),
        environment=place,
        thresholds=thresholds,
        interrupted=interrupted,
        parts=options.processes,
    )


def _watch(running: Load, on_progress: Callable[[Progress], None] | None) -> None:
    while not running.wait(GLANCE_S):
        if on_progress is not None:
            on_progress(running.progress())

"""A run from options to report."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.report.files import replaced_whole
from bedrock_frames.bench.report.formatting import count, seconds
from bedrock_frames.bench.report.summary import make_report
from bedrock_frames.bench.running.environment import environment
from bedrock_frames.bench.running.load import NativeLoad
from bedrock_frames.bench.running.processes import ProcessGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bedrock_frames.bench.options.bench_options import BenchOptions
    from bedrock_frames.bench.report.results import Progress
    from bedrock_frames.bench.report.summary import Report
    from bedrock_frames.bench.report.thresholds import Threshold
    from bedrock_frames.bench.running.load import Load

GLANCE_S: Final = 0.25
MOST_INTERRUPTS: Final = 8
"""Interrupts after which a run that does not end is abandoned, without a report."""


def make_load(options: BenchOptions) -> Load:
    """Return the generator that a run's options ask for.

    Raises:
        OptionError: an option makes no sense.
    """
    # Made even if other processes do the work: it checks the options without starting anything.
    checked = {name: v for name, v in options.native().items() if name != "requests_out"}
    if options.processes > 1:
        NativeLoad(checked)
        return ProcessGroup(options.native(), options.processes)
    return NativeLoad(options.native())


def run_bench(
    options: BenchOptions,
    *,
    thresholds: Sequence[Threshold] = (),
    on_progress: Callable[[Progress], None] | None = None,
    on_stop: Callable[[str], None] | None = None,
    load: Callable[[BenchOptions], Load] = make_load,
) -> Report:
    """Run a benchmark and return its report.

    KeyboardInterrupt ends the run early, with a report of what was measured until then: no more
    requests are sent, those that run have the grace time to end, and ``on_stop`` is told what is
    waited for. A second one ends the grace, and not the report.

    Raises:
        OptionError: an option makes no sense.
        RuntimeError: the generator failed.
    """
    # Before the run: the load average would be the run's own.
    place = environment(options.url)
    interrupts = 0
    with _requests_out(options) as written:
        running = load(written)
        while True:
            try:
                _stop(running, interrupts, options.grace, on_stop)
                _watch(running, on_progress)
                break
            except KeyboardInterrupt:
                interrupts += 1
                if interrupts > MOST_INTERRUPTS:
                    raise
        result = running.result()
    return make_report(
        result,
        options=options.stated(),
        environment=place,
        thresholds=thresholds,
        interrupted=interrupts > 0,
        parts=options.processes,
    )


@contextmanager
def _requests_out(options: BenchOptions) -> Iterator[BenchOptions]:
    """Have the requests written beside their file, which is replaced when the run has a result.

    Raises:
        OptionError: the file cannot be written.
    """
    if options.requests_out is None:
        yield options
        return
    try:
        with replaced_whole(options.requests_out) as path:
            yield options.but(requests_out=path)
    except OSError as error:
        raise OptionError("requests_out", f"{options.requests_out}: {error.strerror}") from error


def _stop(
    running: Load, interrupts: int, grace: float, on_stop: Callable[[str], None] | None
) -> None:
    """Start a run, or end it as an interrupt demands."""
    if interrupts == 0:
        running.start()
    elif interrupts == 1:
        running.stop()
        if on_stop is not None and (left := running.progress().in_flight):
            on_stop(
                f"interrupted: waiting at most {seconds(grace)} for {count(left)} requests to end; "
                "interrupt again to cut them off"
            )
    else:
        running.cut()


def _watch(running: Load, on_progress: Callable[[Progress], None] | None) -> None:
    while not running.wait(GLANCE_S):
        if on_progress is not None:
            on_progress(running.progress())

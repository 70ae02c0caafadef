"""``bench``, ``merge``, ``compare`` and ``doctor``.

Exit codes of ``bench`` and ``merge``: 0 fine, 99 a threshold was missed, 98 the figures cannot be
trusted, 2 bad usage, or a file could not be written, 130 interrupted (with a report).
``compare``: 1 something became worse. ``doctor``: 1 something is wrong with the endpoint.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bedrock_frames.cli import bench_arguments, missing
from bedrock_frames.cli.output import fail, let_go_of_stdout, warn
from bedrock_frames.cli.spool import restated, spool

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from types import FrameType

    from bedrock_frames.bench import BenchOptions, Progress, Report


def add_to(commands: argparse._SubParsersAction[bench_arguments.LazyParser]) -> None:
    """Add the commands to a parser."""
    bench = commands.add_parser(
        "bench", help="measure an endpoint under load", description=_bench.__doc__
    )
    bench.fill = bench_arguments.add_bench
    bench.set_defaults(run=_bench, extra="bench")

    merge = commands.add_parser(
        "merge", help="merge the results of several machines", description=_merge.__doc__
    )
    merge.add_argument("files", metavar="FILE", nargs="+", type=Path, help="a summary.json")
    bench_arguments.add_outputs(merge)
    merge.set_defaults(run=_merge, extra="bench")

    compare = commands.add_parser(
        "compare", help="compare two results", description=_compare.__doc__
    )
    compare.add_argument("before", metavar="A.json", type=Path)
    compare.add_argument("after", metavar="B.json", type=Path)
    compare.add_argument(
        "--regress",
        default="10%",
        metavar="SHARE",
        help="change that counts as worse (%(default)s)",
    )
    compare.add_argument("--json", action="store_true", help="print JSON, not a table")
    compare.set_defaults(run=_compare, extra="bench")

    doctor = commands.add_parser("doctor", help="examine an endpoint", description=_doctor.__doc__)
    doctor.fill = bench_arguments.add_doctor
    doctor.add_argument("--json", action="store_true", help="print JSON, not lines")
    doctor.set_defaults(run=_doctor, extra="bench")


def _bench(options: argparse.Namespace) -> int:
    """Measure an endpoint and report. Ctrl-C ends the run early, and it is still reported.

    stdout has the report, stderr the progress. Exit codes: 0 fine, 99 a threshold was missed, 98
    the figures cannot be trusted, 2 bad usage, 130 interrupted.
    """
    with ExitStack() as kept:
        try:
            report = _measured(options, kept)
        except (ValueError, RuntimeError) as error:
            return fail(str(error))
    with _uninterrupted() if report.interrupted else nullcontext():
        return _publish(report, options)


def _measured(options: argparse.Namespace, kept: ExitStack) -> Report:
    """Run the benchmark that the flags state; ``kept`` holds the files that it needs."""
    from bedrock_frames import bench

    copies = spool(options, kept)
    asked = bench_arguments.read_bench(options, os.environ)
    thresholds = [bench.parse_threshold(text) for text in options.threshold]
    _check_outputs(options)
    on_stop = None if options.quiet else warn
    with _terminated_as_interrupted(), _display(asked, options) as show:
        if options.sweep is None:
            report = bench.run_bench(
                asked, thresholds=thresholds, on_progress=show, on_stop=on_stop
            )
        else:
            first, most = bench.units.rates(options.sweep)
            report = bench.run_sweep(
                asked,
                first=first,
                most=most,
                thresholds=thresholds,
                on_progress=show,
                on_stop=on_stop,
            )
    return report.model_copy(update={"options": restated(report.options, copies)})


def _merge(options: argparse.Namespace) -> int:
    """Merge results that were measured together. Histograms add exactly; exit codes as of bench."""
    from bedrock_frames import bench

    try:
        thresholds = [bench.parse_threshold(text) for text in options.threshold]
        _check_outputs(options)
        reports = [bench.read_report(path) for path in options.files]
        merged = bench.merge_reports(reports, thresholds=thresholds)
    except ValueError as error:
        return fail(str(error))
    return _publish(merged, options)


def _compare(options: argparse.Namespace) -> int:
    """Print two results side by side, with 95 % confidence intervals.

    Exit codes: 0 fine, 1 a figure is worse by more than --regress, beyond chance; 98 one of the
    results cannot be trusted; 2 bad usage.
    """
    from bedrock_frames import bench

    try:
        before, after = bench.read_report(options.before), bench.read_report(options.after)
        comparison = bench.compare(before, after, regress=bench.units.ratio(options.regress))
    except ValueError as error:
        return fail(str(error))
    if options.json:
        print(comparison.to_json())
    else:
        bench.show_comparison(comparison, sys.stdout)
    return comparison.exit_code


def _doctor(options: argparse.Namespace) -> int:
    """Send an endpoint one request of each kind, and report what is right and wrong.

    Exit codes: 0 nothing is wrong, 1 something is, or nothing was answered with 200; 2 bad usage.
    """
    from bedrock_frames import bench

    try:
        findings = bench.examine(bench_arguments.read_doctor(options, os.environ))
    except ValueError as error:
        return fail(str(error))
    if options.json:
        print(bench.findings_json(findings))
    else:
        bench.show_findings(findings, sys.stdout)
    return 1 if any(finding.level == "wrong" for finding in findings) else 0


def _publish(report: Report, options: argparse.Namespace) -> int:
    from bedrock_frames import bench

    named = {"title": options.title or report.title, "notes": [*options.note, *report.notes]}
    report = report.model_copy(update=named)
    failures = []
    try:
        if not options.quiet:
            bench.show(report, sys.stdout)
            sys.stdout.flush()
    except OSError as error:
        let_go_of_stdout()
        # A reader may leave early, as `head` does; that costs neither files nor the exit code.
        if not isinstance(error, BrokenPipeError):
            failures.append(f"standard output: {error.strerror}")
    for reason in report.reasons:
        warn(f"not trustworthy: {reason}")
    failures += _write(report, options)
    for failure in failures:
        fail(failure)
    return 2 if failures else report.exit_code


def _write(report: Report, options: argparse.Namespace) -> Iterator[str]:
    """Write the outputs; yield the reason of each that could not be written."""
    from bedrock_frames import bench

    writers: dict[str, Callable[[TextIO], object]] = {
        "output": lambda out: out.write(report.to_json()),
        "csv": lambda out: bench.write_csv(report, out),
        "hlog": lambda out: bench.write_hlog(report, out),
        "metrics_out": lambda out: out.write(bench.to_openmetrics(report)),
        # The last, as it takes seconds.
        "html": lambda out: out.write(bench.to_html(report)),
    }
    for name, write in writers.items():
        path: Path | None = getattr(options, name)
        if path is None:
            continue
        try:
            bench.write_whole(path, write)
        except OSError as error:
            yield f"{path}: {error.strerror}"
    if options.push_gateway:
        try:
            bench.push(report, options.push_gateway)
        except OSError as error:
            yield f"--push-gateway: {options.push_gateway}: {error}"


def _check_outputs(options: argparse.Namespace) -> None:
    """Refuse, before the run, files that could not be written, or would overwrite each other."""
    if options.html is not None and find_spec("vl_convert") is None:
        raise ValueError(f"--html: {missing.explain('vl_convert', 'html')}")
    flags: dict[Path, str] = {}
    for name in ("output", "html", "csv", "hlog", "metrics_out", "requests_out"):
        path: Path | None = getattr(options, name, None)
        if path is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        if not path.absolute().parent.is_dir():
            raise ValueError(f"{flag}: there is no folder {path.parent}")
        # Devices and pipes take what several write.
        if path.exists() and not path.is_file():
            continue
        other = flags.setdefault(path.resolve(), flag)
        if other != flag:
            raise ValueError(f"{flag}: {path} is also the file of {other}; each needs another one")


@contextmanager
def _display(
    asked: BenchOptions, options: argparse.Namespace
) -> Iterator[Callable[[Progress], None] | None]:
    from bedrock_frames import bench

    title = f"{asked.operation} {asked.url}"
    with bench.display(
        sys.stderr, title=title, length=bench.expected_length(asked), quiet=options.quiet
    ) as show:
        yield show


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore further Ctrl-C: one interrupt too many must not cost the report."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, by which containers are stopped, as Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    # A shell that starts it in the background has it ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

"""The flags of the benchmark commands: made from the options' models, and read back into them."""

from __future__ import annotations

import argparse
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, cast, get_args, get_origin

from bedrock_frames.cli import missing
from bedrock_frames.cli.output import fail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bedrock_frames.bench import Arrivals, BenchOptions, Examination, Sessions
    from bedrock_frames.bench.options.base import Flag, Options

    OptionsT = TypeVar("OptionsT", bound=Options)

_EXCLUSIVE: Final = ("concurrency", "rate", "stages", "trace")
"""Options that each choose a kind of arrivals; ``sweep`` is another."""


class LazyParser(argparse.ArgumentParser):
    """A parser that gets its arguments when it parses: making them imports what a command needs."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fill: Callable[[argparse.ArgumentParser], object] | None = None

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Add the arguments, then parse."""
        if self.fill is not None:
            fill, self.fill = self.fill, None
            try:
                fill(self)
            except ModuleNotFoundError as error:
                self.exit(fail(missing.explain(error.name, self.get_default("extra"))))
        return super().parse_known_args(args, namespace)


def add_bench(command: argparse.ArgumentParser) -> None:
    """Add the flags of ``bench``."""
    from bedrock_frames.bench import BenchOptions, Closed, Rate, Sessions, Stages, Trace

    groups = _Groups(command)
    _add_endpoint(command, groups)
    groups.add(BenchOptions)
    groups["sessions"].add_argument(
        "--sessions",
        action="store_true",
        help="answer tool calls until the model ends its turn; rates and --requests count sessions",
    )
    groups.add(Sessions)
    kinds = groups["arrivals"].add_mutually_exclusive_group()
    kinds.add_argument(
        "--sweep", metavar="FROM[:TO]", help="open loop: double the rate until it saturates"
    )
    for model in (Closed, Rate, Stages, Trace):
        groups.add(model, kinds)
    add_outputs(command)


def add_doctor(command: argparse.ArgumentParser) -> None:
    """Add the flags of ``doctor``."""
    from bedrock_frames.bench import Examination

    groups = _Groups(command)
    _add_endpoint(command, groups)
    groups.add(Examination)


def _add_endpoint(command: argparse.ArgumentParser, groups: _Groups) -> None:
    """Add the URL, and the flags from which credentials are made."""
    command.add_argument("url", metavar="URL", help="such as http://127.0.0.1:4010")
    groups["endpoint"].add_argument(
        "--auth",
        choices=("none", "bearer", "sigv4"),
        default="none",
        help="credentials, found where the AWS SDKs find them (%(default)s)",
    )
    groups["endpoint"].add_argument("--region", help="region of sigv4 (AWS_REGION)")


class _Groups(dict[str, argparse._ArgumentGroup]):
    """The groups of a command's flags, each made when it is first named."""

    def __init__(self, command: argparse.ArgumentParser) -> None:
        super().__init__()
        self._command = command
        self._added: set[str] = set()

    def __missing__(self, name: str) -> argparse._ArgumentGroup:
        group = self[name] = self._command.add_argument_group(name)
        return group

    def add(
        self, model: type[Options], exclusive: argparse._MutuallyExclusiveGroup | None = None
    ) -> None:
        """Add the flags of a model that are not there yet."""
        from bedrock_frames.bench.options.base import option_name

        for field, flag in model.flags().items():
            name = option_name(field, flag)
            if name in self._added:
                continue
            self._added.add(name)
            into = exclusive if exclusive is not None and name in _EXCLUSIVE else self[flag.group]
            known = model.model_fields[field]
            default = None if known.is_required() else known.get_default(call_default_factory=True)
            into.add_argument(
                f"--{name.replace('_', '-')}",
                dest=name,
                help=_help(flag, default),
                **_kind(known.annotation, flag),
            )


def _kind(annotation: Any, flag: Flag) -> dict[str, Any]:
    """Return how the parser takes a flag. None stands for one that is not given."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    if get_origin(annotation) is UnionType or NoneType in get_args(annotation):
        annotation = kinds[0]
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    if annotation is bool:
        return {"action": "store_true", "default": None}
    named: dict[str, Any] = {"metavar": flag.metavar}
    if get_origin(annotation) is tuple and get_args(annotation)[-1] is Ellipsis and flag.name:
        return {**named, "action": "append"}
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if flag.read is None and annotation in (int, float, Path):
        return {**named, "type": annotation}
    return named


def _help(flag: Flag, default: object) -> str:
    from bedrock_frames.bench import units
    from bedrock_frames.bench.options.base import seconds_text

    shown = flag.default
    if shown is None and isinstance(default, str | int | float) and not isinstance(default, bool):
        timed = flag.read is units.duration and isinstance(default, float)
        shown = seconds_text(cast("float", default)) if timed else str(default)
    return (f"{flag.help} ({shown})" if shown else flag.help).replace("%", "%%")


def add_outputs(command: argparse.ArgumentParser) -> None:
    """Add the flags that say what to write."""
    group = command.add_argument_group("output")
    group.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="'ttft.p99<800ms'",
        help="a limit that must hold, or the exit code is 99; may be repeated",
    )
    group.add_argument("--output", type=Path, metavar="FILE", help="the report as JSON")
    group.add_argument(
        "--html", type=Path, metavar="FILE", help="the report as one page, with the extra html"
    )
    group.add_argument("--csv", type=Path, metavar="FILE", help="each second of the run as CSV")
    group.add_argument("--hlog", type=Path, metavar="FILE", help="the histograms as an HDR log")
    group.add_argument(
        "--metrics-out", type=Path, metavar="FILE", help="the metrics as OpenMetrics text"
    )
    group.add_argument(
        "--push-gateway", metavar="URL", help="push the metrics to a gateway of Prometheus"
    )
    if command.prog.endswith("bench"):
        group.add_argument(
            "--requests-out", type=Path, metavar="FILE", help="a line of JSON for each request"
        )
    group.add_argument("--title", metavar="TEXT", help="title of the report")
    group.add_argument(
        "--note",
        action="append",
        default=[],
        metavar="TEXT",
        help="a note in the report; may be repeated",
    )
    group.add_argument("--quiet", action="store_true", help="print errors and warnings only")


def read_bench(options: argparse.Namespace, environment: Mapping[str, str]) -> BenchOptions:
    """Return the options that the flags of ``bench`` state.

    Raises:
        ValueError: a value is not allowed, or a flag needs another one that is not given.
    """
    from bedrock_frames import bench

    _check_dependent(options)
    stated: dict[str, Any] = {"requests_out": options.requests_out}
    if (sessions := _sessions(options)) is not None:
        stated["sessions"] = sessions
    return _read(
        bench.BenchOptions,
        options,
        url=options.url,
        auth=bench.read_auth(options.auth, environment, region=options.region),
        arrivals=_arrivals(options),
        **stated,
    )


def read_doctor(options: argparse.Namespace, environment: Mapping[str, str]) -> Examination:
    """Return what the flags of ``doctor`` state.

    Raises:
        ValueError: a value is not allowed.
    """
    from bedrock_frames import bench

    auth = bench.read_auth(options.auth, environment, region=options.region)
    return _read(bench.Examination, options, url=options.url, auth=auth)


def _read(model: type[OptionsT], options: argparse.Namespace, **stated: Any) -> OptionsT:
    """Return a model from the flags that were given; the others have the model's defaults."""
    from bedrock_frames.bench.options.base import option_name

    for field, flag in model.flags().items():
        given = getattr(options, option_name(field, flag), None)
        if given is None or field in stated:
            continue
        if flag.read is not None:
            given = list(map(flag.read, given)) if isinstance(given, list) else flag.read(given)
        stated[field] = given
    return model(**stated)


def _check_dependent(options: argparse.Namespace) -> None:
    """Refuse flags that have a meaning only with another flag, which is not given."""
    open_loop = any(
        getattr(options, name) is not None for name in ("rate", "stages", "sweep", "trace")
    )
    spread = open_loop and options.trace is None
    conditions = {
        "--sessions": (
            options.sessions,
            ("think_time", "max_turns", "tool_result", "session_header"),
        ),
        "--rate, --stages or --sweep": (spread, ("arrival", "burstiness")),
        "--arrival gamma": (options.arrival == "gamma", ("burstiness",)),
        "--trace": (options.trace is not None, ("trace_format", "trace_speed")),
        "--auth sigv4": (options.auth == "sigv4", ("region",)),
    }
    for needed, (holds, names) in conditions.items():
        for name in names:
            if not holds and getattr(options, name) is not None:
                flag = f"--{name.replace('_', '-')}"
                raise ValueError(f"{flag}: has a meaning only with {needed}")


def _sessions(options: argparse.Namespace) -> Sessions | None:
    from bedrock_frames import bench

    return _read(bench.Sessions, options) if options.sessions else None


def _arrivals(options: argparse.Namespace) -> Arrivals:
    from bedrock_frames import bench

    if options.sweep is not None:
        return _read(bench.Rate, options, rate=bench.units.rates(options.sweep)[0])
    for name, kind in (("rate", bench.Rate), ("stages", bench.Stages), ("trace", bench.Trace)):
        if getattr(options, name) is not None:
            return cast("Arrivals", _read(cast("type[Options]", kind), options))
    return _read(bench.Closed, options)

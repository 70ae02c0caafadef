"""The command line. Each subcommand is a few lines that call a library function.

stdout is the result, stderr the log. Exit codes: 0 fine, 1 the input is faulty, 2 bad usage,
3 served, but not in time, 130 interrupted; those of benchmarks are in :mod:`.bench`.
"""

from __future__ import annotations

import argparse
import errno
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bedrock_frames._core import EventStreamError, __version__
from bedrock_frames.cli import bench, captures, missing, serve
from bedrock_frames.cli.bench_arguments import LazyParser
from bedrock_frames.cli.output import fail, let_go_of_stdout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of writing stdout to a full disk; no other part of a command raises them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except ModuleNotFoundError as error:
        extra: str = getattr(options, "extra", "server")
        return fail(missing.explain(error.name, extra))
    except BrokenPipeError:
        # The reader has left, as `head` does.
        let_go_of_stdout()
        return 0
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        let_go_of_stdout()
        return fail(f"standard output: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bedrock-frames", description="Amazon Bedrock event streams at native speed."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=LazyParser
    )

    dump = commands.add_parser(
        "dump", help="show what is in an event stream", description=_dump.__doc__
    )
    dump.add_argument(
        "file", metavar="FILE", help="a response body or a capture, or - for the body on stdin"
    )
    dump.set_defaults(run=_dump)

    serve.add_to(commands)

    check = commands.add_parser("check", help="find faults in fixtures", description=_check.__doc__)
    serve.add_paths(check)
    check.add_argument("--strict", action="store_true", help="warnings are errors")
    check.set_defaults(run=_check)

    schema = commands.add_parser(
        "schema", help="print the JSON Schema of fixtures", description=_schema.__doc__
    )
    schema.set_defaults(run=_schema)
    captures.add_to(commands)
    bench.add_to(commands)
    return parser


def _dump(options: argparse.Namespace) -> int:
    """Print one JSON object a frame. A bad frame ends it: one line on stderr, exit code 1.

    Of a capture, print its requests, responses, frames and ends; what is damaged is passed over,
    with a line on stderr for each place, and exit code 1.
    """
    from bedrock_frames.dump import Recorded, dump, recognize

    head = b""
    try:
        if captures.is_capture(options.file):
            return captures.dump(options.file)
        with _open_binary(options.file) as source:
            recorded = Recorded(source)
            try:
                dump(recorded, sys.stdout)
            finally:
                head = recorded.head
    except EventStreamError as error:
        place = f"at byte {error.offset} (frame {error.frame_index})"
        kind = recognize(head) if error.frame_index == 0 else None
        hint = f"; {kind}" if kind else ""
        return fail(f"{options.file}: {error.kind} {place}: {error}{hint}", code=1)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        return fail(f"{options.file}: {error.strerror}")
    return 0


def _check(options: argparse.Namespace) -> int:
    """Print the faults of fixtures, one a line. Errors make the exit code 1; warnings do not."""
    from bedrock_frames import fixtures

    faults = fixtures.check(options.paths, strict=options.strict)
    for fault in faults:
        print(fault)
    sys.stdout.flush()  # so that the summary comes last where both go into one pipe
    print(fixtures.summary(faults), file=sys.stderr)
    return 1 if any(fault.severity == "error" for fault in faults) else 0


def _schema(options: argparse.Namespace) -> int:  # noqa: ARG001
    """Print the JSON Schema of fixture files, for editors and checkers."""
    import json

    from bedrock_frames import fixtures

    print(json.dumps(fixtures.json_schema(), indent=2))
    return 0


@contextmanager
def _open_binary(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as source:
            yield source

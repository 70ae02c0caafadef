"""The command line. Each subcommand is a few lines that call a library function.

stdout is the result, stderr the log. Exit codes: 0 fine, 1 the input is faulty, 2 bad usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bedrock_frames._core import EventStreamError, __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except BrokenPipeError:
        # The reader has left, as `head` does. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bedrock-frames", description="Amazon Bedrock event streams at native speed."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    dump = commands.add_parser(
        "dump", help="show what is in an event stream", description=_dump.__doc__
    )
    dump.add_argument("file", metavar="FILE", help="a captured response body, or - for stdin")
    dump.set_defaults(run=_dump)
    return parser


def _dump(options: argparse.Namespace) -> int:
    """Print one JSON object a frame. A bad frame ends it: one line on stderr, exit code 1."""
    from bedrock_frames.dump import dump

    try:
        with _open_binary(options.file) as source:
            dump(source, sys.stdout)
    except EventStreamError as error:
        place = f"at byte {error.offset} (frame {error.frame_index})"
        return _fail(f"{options.file}: {error.kind} {place}: {error}", code=1)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        return _fail(f"{options.file}: {error.strerror}", code=2)
    return 0


@contextmanager
def _open_binary(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as source:
            yield source


def _fail(message: str, *, code: int) -> int:
    print(f"bedrock-frames: {message}", file=sys.stderr)
    return code

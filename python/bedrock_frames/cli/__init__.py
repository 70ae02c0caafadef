"""The command line. Each subcommand is a few lines that call a library function.

stdout is the result, stderr the log. Exit codes: 0 fine, 1 the input is faulty, 2 bad usage,
3 served, but not in time, 130 interrupted; those of benchmarks are in :mod:`.bench`.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bedrock_frames._core import EventStreamError, __version__
from bedrock_frames.cli import bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.applications import Starlette


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except ModuleNotFoundError as error:
        extra = getattr(options, "extra", "server")
        return _fail(f"{error.name} is missing: pip install 'bedrock-frames[{extra}]'", code=2)
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

    serve = commands.add_parser(
        "serve", help="answer Bedrock requests from fixtures", description=_serve.__doc__
    )
    _add_paths(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument(
        "--port", type=_port, default=4010, help="port; 0 picks a free one (%(default)s)"
    )
    serve.add_argument("--seed", type=int, default=0, help="decides all chance (%(default)s)")
    serve.add_argument("--strict", action="store_true", help="answer a miss with 503, not 404")
    serve.add_argument("--watch", action="store_true", help="load files again when they change")
    serve.add_argument(
        "--timing", metavar="ttft=600ms,gap=48ms", help="of answers without a timing of their own"
    )
    serve.add_argument(
        "--no-padding", dest="padding", action="store_false", help="leave the p of events out"
    )
    serve.add_argument(
        "--journal", type=int, default=1000, metavar="N", help="requests to remember (%(default)s)"
    )
    serve.add_argument(
        "--drain-timeout",
        default="30s",
        metavar="TIME",
        help="how long to finish answers at a stop (%(default)s)",
    )
    _add_plane(serve)
    serve.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    serve.set_defaults(run=_serve)

    check = commands.add_parser("check", help="find faults in fixtures", description=_check.__doc__)
    _add_paths(check)
    check.set_defaults(run=_check)

    schema = commands.add_parser(
        "schema", help="print the JSON Schema of fixtures", description=_schema.__doc__
    )
    schema.set_defaults(run=_schema)
    bench.add_to(commands)
    return parser


def _add_plane(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--asgi", action="store_true", help="serve by the portable app alone, on one core"
    )
    command.add_argument(
        "--threads", type=int, metavar="N", help="threads that serve (one for each processor)"
    )
    command.add_argument("--uds", type=Path, metavar="PATH", help="listen on this Unix socket, too")
    command.add_argument(
        "--tls", action="store_true", help="speak TLS, with a certificate made at the start"
    )
    command.add_argument(
        "--certificate",
        nargs=2,
        type=Path,
        metavar=("CERT", "KEY"),
        help="speak TLS with this certificate and key (PEM)",
    )
    command.add_argument(
        "--max-lateness",
        metavar="TIME",
        help="exit with 3 where 1 %% of all paced writes were later than that",
    )


def _add_paths(command: argparse.ArgumentParser) -> None:
    command.add_argument("paths", metavar="PATH", nargs="+", help="a fixture file, or a folder")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number up to 65535, not {text!r}")
    return int(text)


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


def _serve(options: argparse.Namespace) -> int:
    """Answer Bedrock requests from fixtures until SIGTERM or Ctrl-C.

    stdout has one line, "listening on http://HOST:PORT", once it answers; stderr has the log, and
    at the end whether frames were sent in time. Fixtures with faults are not served: exit code 1.
    """
    from bedrock_frames import server
    from bedrock_frames.fixtures import FixtureError
    from bedrock_frames.server.memory import return_large_blocks

    server.log_to_stderr(options.log_level)
    return_large_blocks()
    try:
        app = server.create_app(
            options.paths,
            seed=options.seed,
            strict=options.strict,
            padding=options.padding,
            timing=server.parse_timing(options.timing) if options.timing else None,
            journal_entries=options.journal,
            watch=options.paths if options.watch else (),
        )
        in_time = _run(app, options)
    except FixtureError as error:
        return _fail(f"the fixtures have faults\n{error}", code=1)
    except (ValueError, OverflowError) as error:
        return _fail(str(error), code=2)
    except OSError as error:
        what = error.filename or f"cannot listen on {options.host}:{options.port}"
        return _fail(f"{what}: {error.strerror or error}", code=2)
    return 0 if in_time else 3


def _run(app: Starlette, options: argparse.Namespace) -> bool:
    """Serve an app to its end; return whether it kept its times."""
    from bedrock_frames import server

    drain_timeout = server.parse_duration(options.drain_timeout)
    if options.asgi:
        server.serve(
            app,
            host=options.host,
            port=options.port,
            drain_timeout=drain_timeout,
            on_ready=_say_where,
        )
        return True
    place = server.Place(
        host=options.host,
        port=options.port,
        uds=options.uds,
        tls=options.tls or options.certificate is not None,
        certificate=options.certificate and tuple(options.certificate),
        threads=options.threads,
    )
    most = options.max_lateness
    return server.serve_native(
        app,
        place,
        drain_timeout=drain_timeout,
        max_lateness=most and server.parse_duration(most),
        on_ready=_say_where,
    )


def _say_where(url: str) -> None:
    print(f"listening on {url}", flush=True)


def _check(options: argparse.Namespace) -> int:
    """Print the faults of fixtures, one a line. Errors make the exit code 1; warnings do not."""
    from bedrock_frames import fixtures

    faults = fixtures.check(options.paths)
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


def _fail(message: str, *, code: int) -> int:
    print(f"bedrock-frames: {message}", file=sys.stderr)
    return code

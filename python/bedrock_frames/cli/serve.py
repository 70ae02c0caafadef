"""``serve``: its flags, and the server that they ask for."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bedrock_frames import bounds
from bedrock_frames._core import MAX_CONNECTIONS
from bedrock_frames.cli.output import fail, let_go_of_stdout

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette

    from bedrock_frames.server import Place

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104
"""Hosts that are all addresses of this machine."""

NATIVE_ONLY: Final = ("threads", "uds", "tls", "certificate", "max_lateness")
"""Options that only the native tier supports."""


AUTOMATIC: Final[tuple[dict[str, object], ...]] = (
    {"match": {}, "response": {"embedding": {}}},
    {"match": {}, "response": {"agent": {}}},
)
"""What is served where no fixtures are given."""


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to a parser."""
    serve = commands.add_parser(
        "serve", help="answer Bedrock requests from fixtures", description=_serve.__doc__
    )
    add_paths(serve, optional=True)
    serve.add_argument(
        "--host",
        type=lambda text: text.removeprefix("[").removesuffix("]"),
        default="127.0.0.1",
        help="address to listen on (%(default)s)",
    )
    _add_whole(serve, "--port", "port", "port, 0 for a free one", default=4010)
    _add_whole(serve, "--seed", "seed", "seed of everything random", default=0)
    serve.add_argument(
        "--strict", action="store_true", help="answer unmatched requests with 503, not 404"
    )
    serve.add_argument(
        "--requests",
        choices=("off", "warn", "refuse"),
        default="off",
        help="requests that the service refuses: not judged, noted, or refused (%(default)s)",
    )
    serve.add_argument(
        "--rule-off", metavar="RULE", action="append", default=[], help="leave out a request rule"
    )
    serve.add_argument("--watch", action="store_true", help="reload files when they change")
    serve.add_argument(
        "--timing",
        metavar="ttft=600ms,gap=48ms|profile:NAME|FILE",
        help="timing of fixtures that state none",
    )
    serve.add_argument(
        "--no-padding", dest="padding", action="store_false", help="omit the padding (p) of events"
    )
    _add_whole(
        serve, "--journal", "journal_entries", "requests that the journal keeps", default=1000
    )
    _add_whole(
        serve,
        "--journal-body-bytes",
        "journal_body_bytes",
        "bytes of each body that the journal keeps",
        default=1_048_576,
    )
    _add_whole(
        serve,
        "--max-connections",
        "max_connections",
        "connections at a time; further ones get a 503",
        default=MAX_CONNECTIONS,
    )
    serve.add_argument(
        "--drain-timeout",
        type=_said(bounds.parse_duration),
        default="30s",
        metavar="TIME",
        help=f"time to finish answers at a stop, up to {bounds.MAX_SECONDS}s (%(default)s)",
    )
    _add_control(serve)
    _add_plane(serve)
    serve.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    serve.set_defaults(run=_serve)


def add_paths(command: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the fixtures to a command."""
    what = "a fixture file, or a folder"
    command.add_argument(
        "paths",
        metavar="PATH",
        nargs="*" if optional else "+",
        help=f"{what}; without any, an automatic agent answers" if optional else what,
    )


def _add_control(command: argparse.ArgumentParser) -> None:
    control = command.add_mutually_exclusive_group()
    control.add_argument(
        "--control-token",
        metavar="TOKEN",
        help="token of requests to /__control; with a --host that is not loopback, this or "
        "--no-control is needed",
    )
    control.add_argument(
        "--no-control", dest="control", action="store_false", help="serve no /__control"
    )
    command.add_argument(
        "--cors", metavar="ORIGIN", help="the origin whose web pages may use Bedrock's paths, or *"
    )


def _add_plane(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--asgi", action="store_true", help="serve by the portable app alone, on one core"
    )
    native = command.add_argument_group("options of the native tier", "Not with --asgi.")
    _add_whole(
        native, "--threads", "threads", "threads that serve", by_default="one for each processor"
    )
    native.add_argument("--uds", type=Path, metavar="PATH", help="listen on this Unix socket, too")
    native.add_argument(
        "--tls", action="store_true", help="speak TLS, with a certificate made at the start"
    )
    native.add_argument(
        "--certificate",
        nargs=2,
        type=Path,
        metavar=("CERT", "KEY"),
        help="speak TLS with this certificate and key (PEM)",
    )
    native.add_argument(
        "--max-lateness",
        type=_said(bounds.parse_duration),
        metavar="TIME",
        help="exit with 3 if 1 %% of all paced writes were later",
    )


def _add_whole(
    command: argparse._ActionsContainer,
    flag: str,
    name: str,
    what: str,
    *,
    default: int | None = None,
    by_default: str | None = None,
) -> None:
    least, most = bounds.WHOLE[name]
    shown = by_default or default
    command.add_argument(
        flag,
        type=_whole(name),
        default=default,
        metavar="N",
        help=f"{what}, {least} to {most} ({shown})",
    )


def _whole(name: str) -> Callable[[str], int]:
    return _said(lambda text: bounds.parse_whole(name, text))


def _said(read: Callable[[str], T]) -> Callable[[str], T]:
    """Make the parser print the text of a ValueError, which it would otherwise hide."""

    def reading(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reading


def _serve(options: argparse.Namespace) -> int:
    """Answer Bedrock requests from fixtures until SIGTERM or Ctrl-C.

    stdout has one line, "listening on http://HOST:PORT", once it answers; stderr has the log, and
    at the end whether frames were sent in time. Fixtures with faults are not served: exit code 1.
    """
    if options.watch and not options.paths:
        return fail("--watch needs a fixture file, or a folder")
    if options.asgi:
        for name in NATIVE_ONLY:
            value = getattr(options, name)
            if value is not None and value is not False:
                flag = f"--{name.replace('_', '-')}"
                return fail(f"{flag} needs the native tier: leave out --asgi")
    from bedrock_frames import server
    from bedrock_frames.fixtures import FixtureError
    from bedrock_frames.server.memory import return_large_blocks

    server.log_to_stderr(options.log_level)
    return_large_blocks()
    try:
        app = server.create_app(
            options.paths or AUTOMATIC,
            seed=options.seed,
            strict=options.strict,
            padding=options.padding,
            timing=None if options.timing is None else server.read_timing(options.timing),
            journal_entries=options.journal,
            journal_body_bytes=options.journal_body_bytes,
            watch=options.paths if options.watch else (),
            control=options.control,
            control_token=options.control_token,
            control_hosts=[options.host],
            cors=options.cors,
            requests=options.requests,
            rules_off=options.rule_off,
        )
        if not options.paths:
            _LOG.info(
                "No fixtures were given: an automatic agent answers every request with calls of "
                "its own tools and text, and embeddings with made vectors"
            )
        _LOG.info("%s", server.parts_of(app).control.describe())
        in_time = _run(app, options)
    except FixtureError as error:
        return fail(f"the fixtures have faults\n{error}", code=1)
    except ValueError as error:
        return fail(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return fail(f"{error.filename}: {reason}" if error.filename else reason)
    return 0 if in_time else 3


def _run(app: Starlette, options: argparse.Namespace) -> bool:
    """Serve an app to its end; return whether it kept its times."""
    from bedrock_frames import server

    return server.serve(
        app,
        _place(options),
        asgi=options.asgi,
        drain_timeout=options.drain_timeout,
        max_lateness=options.max_lateness,
        on_ready=_say_where(options.host),
    )


def _place(options: argparse.Namespace) -> Place:
    from bedrock_frames import server

    return server.Place(
        host=options.host,
        port=options.port,
        uds=options.uds,
        tls=options.tls or options.certificate is not None,
        certificate=options.certificate and tuple(options.certificate),
        threads=options.threads,
        max_connections=options.max_connections,
    )


def _say_where(host: str) -> Callable[[str], None]:
    """Return a function that announces the address; it gets a URL that reaches it from here."""

    def say(url: str) -> None:
        if host not in EVERYWHERE:
            _LOG.info("Listening on %s", url)
            _print_where(url)
            return
        scheme, _, rest = url.partition("://")
        port = rest.rpartition(":")[2]
        listened_on = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
        _LOG.info("Listening on %s, all addresses: here, it is %s", listened_on, url)
        _print_where(listened_on)

    return say


def _print_where(url: str) -> None:
    try:
        print(f"listening on {url}", flush=True)
    except OSError as error:
        # The reader may have left; clients are served all the same.
        _LOG.warning("stdout cannot be written to: %s", error.strerror)
        let_go_of_stdout()

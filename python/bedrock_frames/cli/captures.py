"""``verify``, ``import`` and ``fixtures``, and how ``dump`` shows a capture."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bedrock_frames.cli.output import fail

if TYPE_CHECKING:
    import argparse

    from bedrock_frames.capture.exchanges import Capture

SUFFIX: Final = ".bfcap"


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the commands to the command line."""
    verify = commands.add_parser(
        "verify", help="check that a capture is whole", description=_verify.__doc__
    )
    verify.add_argument("file", metavar="FILE", help=f"a capture ({SUFFIX})")
    verify.set_defaults(run=_verify)

    imports = commands.add_parser(
        "import",
        help="make a capture of VCR.py cassettes and HAR files",
        description=_import.__doc__,
    )
    imports.add_argument("files", metavar="FILE", nargs="+", help="a cassette or a HAR file")
    imports.add_argument("--out", metavar="CAPTURE", required=True, help=f"a new file ({SUFFIX})")
    imports.set_defaults(run=_import)

    fixtures = commands.add_parser(
        "fixtures", help="make fixtures of a capture", description=_fixtures.__doc__
    )
    fixtures.add_argument("file", metavar="FILE", help=f"a capture ({SUFFIX})")
    fixtures.add_argument("--out", metavar="FIXTURES", required=True, help="a new file (.json)")
    fixtures.set_defaults(run=_fixtures)


def is_capture(file: str) -> bool:
    """Say whether a file is a capture, by its name or by its first bytes."""
    from bedrock_frames.capture.exchanges import is_capture

    # A pipe can be read once only: what is in it is taken for a body.
    return Path(file).is_file() and (file.endswith(SUFFIX) or is_capture(file))


def dump(file: str) -> int:
    """Print a capture as JSON lines; return the exit code."""
    from bedrock_frames import capture

    try:
        dumped = capture.dump(file, sys.stdout)
    except capture.CaptureError as error:
        return fail(str(error), code=1)
    return _tell_damage(file, dumped)


def _tell_damage(file: str, read: Capture) -> int:
    for damage in read.damages:
        what = "torn tail" if damage.torn_tail else "damage"
        print(f"{file}: {what} at byte {damage.offset}: {damage.reason}", file=sys.stderr)
    return 1 if any(not damage.torn_tail for damage in read.damages) else 0


def _verify(options: argparse.Namespace) -> int:
    """Check every record of a capture, and say where it is damaged.

    Exit code 1 if records are damaged or the file is not a capture. A torn tail, which a crash
    leaves after the last record, is reported and allowed.
    """
    from bedrock_frames import capture

    try:
        report = capture.verify(options.file)
    except capture.CaptureError as error:
        return fail(str(error), code=1)
    except OSError as error:
        return fail(f"{options.file}: {error.strerror}")
    for line in report.lines():
        print(f"{options.file}: {line}")
    return 1 if report.damaged else 0


def _import(options: argparse.Namespace) -> int:
    """Write the exchanges of VCR.py cassettes and HAR files to a new capture.

    Exit code 1 if an exchange is left out, such as an event stream that was decoded as text.
    """
    from bedrock_frames.capture import importing

    try:
        summary = importing.import_files(options.files, options.out)
    except importing.RecordingError as error:
        return fail(str(error), code=1)
    except OSError as error:
        return fail(f"{error.filename or options.out}: {error.strerror}")
    return _tell_left_out(summary.left_out, f"{options.out}: {summary.exchanges:,} exchanges")


def _fixtures(options: argparse.Namespace) -> int:
    """Write fixtures that answer as the endpoint of a capture did.

    Exit code 1 if an exchange is left out, or the capture is damaged.
    """
    from bedrock_frames import capture
    from bedrock_frames.capture import to_fixtures

    read = capture.Capture(options.file)
    try:
        made = to_fixtures.make(read)
    except capture.CaptureError as error:
        return fail(str(error), code=1)
    except OSError as error:
        return fail(f"{options.file}: {error.strerror}")
    text = json.dumps(made.document(), indent=2, ensure_ascii=False) + "\n"
    try:
        # Fixtures are edited by hand: an existing file is never replaced.
        with Path(options.out).open("x", encoding="utf-8", errors="surrogatepass") as out:
            out.write(text)
    except OSError as error:
        return fail(f"{options.out}: {error.strerror}")
    damaged = _tell_damage(options.file, read)
    told = f"{options.out}: {len(made.fixtures):,} fixtures"
    return _tell_left_out(made.left_out, told) or damaged


def _tell_left_out(left_out: list[str], told: str) -> int:
    print(f"{told}, {len(left_out):,} left out" if left_out else told)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    return 1 if left_out else 0

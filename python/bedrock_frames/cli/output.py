"""What a command says, and to whom."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def fail(message: str, *, code: int = 2) -> int:
    """Say on stderr why a command ends; return its exit code."""
    warn(message)
    return code


def warn(message: str) -> None:
    """Print an error on stderr; do nothing if stderr cannot be written."""
    with suppress(OSError):
        print(f"bedrock-frames: {message}", file=sys.stderr)


def let_go_of_stdout() -> None:
    """Discard further output: Python would report the error again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

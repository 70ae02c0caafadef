"""Files that can be read once, such as ``<(…)`` of a shell, as files that can be read again.

A benchmark reads its bodies more than once: they are checked first, and each process reads them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from contextlib import ExitStack

READ: Final = ("body_file", "trace", "ca_file")
MOST_BYTES: Final = 2**30
_CHUNK: Final = 2**20


def spool(options: argparse.Namespace, kept: ExitStack) -> dict[str, str]:
    """Replace what can be read once by copies, kept as long as ``kept``; return names by copy.

    Raises:
        ValueError: one cannot be read, or is too long.
    """
    names: dict[str, str] = {}
    for option in READ:
        path: Path | None = getattr(options, option)
        if path is None or path.is_file() or path.is_dir() or not path.exists():
            continue
        folder = Path(kept.enter_context(tempfile.TemporaryDirectory(prefix="bedrock-frames-")))
        # With its name: the suffix tells the format of a trace.
        copy = folder / path.name
        flag = f"--{option.replace('_', '-')}"
        try:
            _copy(path, copy)
        except OSError as error:
            raise ValueError(f"{flag}: {path}: {error.strerror}") from error
        except OverflowError:
            most = f"{MOST_BYTES // 2**20} MiB"
            raise ValueError(f"{flag}: {path} is longer than {most}, the most allowed") from None
        setattr(options, option, copy)
        names[str(copy)] = str(path)
    return names


def _copy(source: Path, copy: Path) -> None:
    left = MOST_BYTES
    with source.open("rb") as read, copy.open("wb") as written:
        while chunk := read.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise OverflowError
            written.write(chunk)


def restated(stated: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """Return a report's options with the names that were given in place of copies."""
    return {
        name: restated(value, names) if isinstance(value, dict) else names.get(str(value), value)
        for name, value in stated.items()
    }

"""Files that are written completely or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def write_whole(path: Path, write: Callable[[TextIO], object]) -> None:
    """Write a text file beside its place and rename it: what was there stays until all is written.

    What is not a regular file (a device, a pipe) is written as it is, and so is a file in a folder
    that allows no other.

    Raises:
        OSError: it cannot be written. A file that was there is then what it was.
    """
    whole = path.resolve()
    if whole.exists() and not whole.is_file():
        _write(whole, "w", write)
        return
    beside = _beside(whole)
    try:
        _write(beside, "x", write, sync=True)
        if whole.exists():
            beside.chmod(whole.stat().st_mode & 0o7777)
        beside.replace(whole)
    except PermissionError:
        _discard(beside)
        if not os.access(whole, os.W_OK):
            raise
        _write(whole, "w", write)
    except BaseException:
        _discard(beside)
        raise


@contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write beside ``path``, which it replaces unless this raises.

    Devices, pipes and files in folders that allow no other are written as they are.

    Raises:
        OSError: the file cannot be made, or not put in its place.
    """
    whole = path.resolve()
    if whole.exists() and not whole.is_file():
        yield whole
        return
    beside = _beside(whole)
    try:
        beside.open("x").close()
    except PermissionError:
        if not os.access(whole, os.W_OK):
            raise
        yield whole
        return
    try:
        yield beside
        if whole.exists():
            beside.chmod(whole.stat().st_mode & 0o7777)
        beside.replace(whole)
    except BaseException:
        _discard(beside)
        raise


def _beside(whole: Path) -> Path:
    return whole.with_name(f".{whole.name[:200]}.{os.getpid()}.new")


def _write(
    path: Path, mode: Literal["w", "x"], write: Callable[[TextIO], object], *, sync: bool = False
) -> None:
    with path.open(mode, encoding="utf-8", newline="") as out:
        write(out)
        out.flush()
        if sync:
            # Some disks say only now that they are full.
            os.fsync(out.fileno())


def _discard(path: Path) -> None:
    with suppress(OSError):
        path.unlink()

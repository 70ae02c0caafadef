"""Loading fixture files again when they change."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import watchfiles

from bedrock_frames import fixtures
from bedrock_frames.server.threads import DaemonThread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bedrock_frames.server.catalog import Catalog, StrPath

log = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at whether what is watched is still the same folder or file."""

_TO_END: Final = 2.0
"""Seconds that a stop waits for fixtures that are being loaded."""

_Identity = tuple[int, int] | None
"""Device and inode of a file; None if there is no file."""


class Watcher:
    """Puts changed files' fixtures in force, all at once, from when it is made until it is stopped.

    Where they cannot be loaded, the log says why, and what was in force stays in force. What is
    removed, as a folder is while a build makes it again, is watched again once it is back.
    """

    def __init__(self, catalog: Catalog, paths: Sequence[StrPath]) -> None:
        self._catalog = catalog
        self._paths = paths
        self._stop = threading.Event()
        self._loading = threading.Lock()
        folders, files = _split(paths)
        log.info("Watching %s", ", ".join(map(str, [*folders, *files])))
        # Threads: checking thousands of fixtures would make every stream of an event loop late.
        self._threads: list[DaemonThread] = []
        if folders:
            self._begin(folders, None)
        # Editors put a new file in the old one's place, so that it is the folder that changes.
        if files:
            self._begin({path.parent for path in files}, files)

    async def stop(self) -> None:
        """End, after what is being loaded."""
        self._stop.set()
        deadline = time.monotonic() + _TO_END
        while not all(thread.wait(0) for thread in self._threads):
            if time.monotonic() > deadline:
                log.warning("Fixtures were still being loaded")
                return
            await asyncio.sleep(0.01)

    def _begin(self, where: set[Path], files: set[Path] | None) -> None:
        follow = DaemonThread(lambda: self._follow(where, files), name="bedrock-watch")
        self._threads.append(follow)

    def _follow(self, where: set[Path], files: set[Path] | None) -> None:
        """Watch folders, again and again: what is watched may go, and the system may refuse."""
        seen = {path: _identity(path) for path in where}
        changed, reason = False, ""
        while not self._stop.is_set():
            try:
                changed = self._follow_while_same(seen, files, changed=changed)
                reason = ""
            except Exception as error:
                if reason != (reason := f"{type(error).__name__}: {error}"):
                    log.warning("Cannot watch for changes, trying again: %s", reason)
            if seen != (now := {path: _identity(path) for path in where}):
                seen, changed = now, True
            elif not changed or reason:
                self._stop.wait(_LOOK_AGAIN)

    def _follow_while_same(
        self, seen: dict[Path, _Identity], files: set[Path] | None, *, changed: bool
    ) -> bool:
        """Load what changes until a folder is another one; return whether that is to be loaded.

        What has ``changed`` before is loaded once it is watched, so that no change goes unseen.
        """
        present = [path for path, identity in seen.items() if identity is not None]
        if not present:
            if changed:
                self._load()
            return False
        wanted = _Files(files, present)
        for changes in watchfiles.watch(
            *present,
            watch_filter=wanted,
            recursive=files is None,
            stop_event=self._stop,
            debounce=200,
            step=20,
            rust_timeout=round(_LOOK_AGAIN * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            # One that was made again may have the number of the old one.
            if wanted.removed or seen != {path: _identity(path) for path in seen}:
                return True
            if changes or changed:
                changed = False
                self._load()
        return False

    def _load(self) -> None:
        with self._loading:
            reload(self._catalog, self._paths)


def _split(paths: Iterable[StrPath]) -> tuple[set[Path], set[Path]]:
    """Return the folders, and the others."""
    given = {Path(path).absolute() for path in paths}
    folders = {path for path in given if path.is_dir()}
    return folders, given - folders


def _identity(path: Path) -> _Identity:
    try:
        found = os.stat(path)  # noqa: PTH116 - Path's would be the same
    except OSError:
        return None
    return found.st_dev, found.st_ino


def reload(catalog: Catalog, paths: Sequence[StrPath]) -> bool:
    """Load the files again; return whether they are in force now."""
    try:
        found = fixtures.load(paths)
        catalog.replace_files(found)
    except fixtures.FixtureError as error:
        log.error("The fixtures have faults; those of before stay in force\n%s", error)
        return False
    except Exception as error:
        # Whatever it is, the next save may be better.
        log.error(
            "The fixtures cannot be loaded; those of before stay in force\n%s: %s",
            type(error).__name__,
            error,
            exc_info=not isinstance(error, OSError | ValueError),
        )
        return False
    log.info("Loaded %d fixtures again", len(found))
    return True


class _Files(watchfiles.DefaultFilter):
    """Leaves out what editors and version control write besides, and all but certain files.

    It sees when what is watched itself is ``removed``.
    """

    def __init__(self, files: set[Path] | None, watched: Iterable[Path]) -> None:
        super().__init__()
        self._files = files
        self._watched = {str(path) for path in watched}
        self.removed = False

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        if change is watchfiles.Change.deleted and path in self._watched:
            self.removed = True
        wanted = self._files is None or Path(path) in self._files
        return wanted and super().__call__(change, path)

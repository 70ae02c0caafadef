"""Loading fixture files again when they change."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import watchfiles

from bedrock_frames import fixtures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bedrock_frames.server.catalog import Catalog, StrPath

log = logging.getLogger(__name__)


async def watch(catalog: Catalog, paths: Sequence[StrPath], stop: asyncio.Event) -> None:
    """Put changed files' fixtures in force, all at once, until ``stop`` is set.

    Where they have faults, the log says which, and what was in force stays in force.
    """
    folders, files = _split(paths)

    async def follow(where: Iterable[Path], files: set[Path] | None) -> None:
        async for _ in watchfiles.awatch(
            *where,
            watch_filter=_Files(files),
            recursive=files is None,
            stop_event=stop,
            debounce=200,
            step=20,
        ):
            # In a thread: checking thousands of fixtures would make every stream late.
            await asyncio.to_thread(reload, catalog, paths)

    log.info("Watching %s", ", ".join(map(str, [*folders, *files])))
    async with asyncio.TaskGroup() as group:
        if folders:
            group.create_task(follow(folders, None))
        # Editors put a new file in the old one's place, so that it is the folder that changes.
        if files:
            group.create_task(follow({path.parent for path in files}, files))


def _split(paths: Iterable[StrPath]) -> tuple[set[Path], set[Path]]:
    """Return the folders, and the others."""
    given = {Path(path).absolute() for path in paths}
    folders = {path for path in given if path.is_dir()}
    return folders, given - folders


def reload(catalog: Catalog, paths: Sequence[StrPath]) -> bool:
    """Load the files again; return whether they are in force now."""
    try:
        found = fixtures.load(paths)
    except fixtures.FixtureError as error:
        log.error("The fixtures have faults; those of before stay in force\n%s", error)
        return False
    catalog.replace_files(found)
    log.info("Loaded %d fixtures again", len(found))
    return True


class _Files(watchfiles.DefaultFilter):
    """Leaves out what editors and version control write besides, and all but certain files."""

    def __init__(self, files: set[Path] | None) -> None:
        super().__init__()
        self._files = files

    def __call__(self, change: watchfiles.Change, path: str) -> bool:
        wanted = self._files is None or Path(path) in self._files
        return wanted and super().__call__(change, path)

"""The active fixtures: those of files, and those that were added while the server ran."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias, cast

from bedrock_frames import fixtures
from bedrock_frames.fixtures import FixtureSet
from bedrock_frames.fixtures.check.unreachable import Shadows

if TYPE_CHECKING:
    from bedrock_frames._core import Engine

StrPath: TypeAlias = "str | os.PathLike[str]"
FixtureSource: TypeAlias = (
    "FixtureSet | StrPath | Iterable[StrPath] | Sequence[Mapping[str, object]]"
)
"""Fixtures as a set, a file or folder, several of them, or a list of their JSON objects."""


log = logging.getLogger(__name__)


def gather(source: FixtureSource) -> FixtureSet:
    """Return the fixtures of a source.

    Raises:
        FixtureError: with all faults of all of them.
    """
    if isinstance(source, FixtureSet):
        return source
    if isinstance(source, str | os.PathLike):
        return fixtures.load([source])
    items = list(source)
    if items and all(isinstance(item, Mapping) for item in items):
        return fixtures.parse(cast("Sequence[Mapping[str, object]]", items))
    return fixtures.load(cast("Sequence[StrPath]", items))


class Catalog:
    """Keeps an engine loaded with the fixtures in force. May be shared by threads.

    Earlier fixtures win. In order: those added to the front (the latest first), those of files,
    and those added to the end.
    """

    def __init__(
        self,
        engine: Engine,
        files: FixtureSet,
        *,
        seed: int = 0,
        padding: bool = True,
        timing: Mapping[str, object] | None = None,
    ) -> None:
        self._engine = engine
        self._seed = seed
        self._padding = padding
        self._first_timing = self._timing = timing
        self._lock = Lock()
        self._front = self._end = self._none = fixtures.parse([])
        self._files = files
        self._files_hold = True
        self._all = files
        self._shadows: Shadows | None = None
        _report(files)
        self._load()

    def __len__(self) -> int:
        return len(self._all)

    def to_json(self) -> list[object]:
        """Return all fixtures as their JSON objects, in order."""
        return list(self._all.to_json())

    def add(self, added: Sequence[Mapping[str, object]], *, first: bool = False) -> int:
        """Check and add fixtures; return how many.

        Raises:
            FixtureError: with all faults, also where the regexes of all fixtures are too much
                together; then none is added.
        """
        return self.merge(fixtures.parse(added), first=first)

    def merge(self, checked: FixtureSet, *, first: bool = False) -> int:
        """Add fixtures that were checked before; return how many.

        The log says which of them never answer, for those before them.

        Raises:
            FixtureError: the regexes of all fixtures are too much together; then none is added.
        """
        _report(checked)
        with self._lock:
            checked.check_regexes(_regex_bytes(self._front, self._files, self._end))
            shadowed = []
            if first:
                self._front = checked + self._front
                self._load()
            else:
                shadows = self._shadows_of_all()
                self._end = self._end + checked
                self._load()
                shadowed = checked.shadowed(shadows)
                self._shadows = shadows
        for fault in shadowed:
            log.warning("%s: %s: %s", fault.file, fault.path, fault.message)
        return len(checked)

    def replace_files(self, files: FixtureSet) -> None:
        """Put fixtures in the place of the files'; those added while running stay.

        Raises:
            FixtureError: the regexes of all fixtures are too much together; then nothing changes.
        """
        _report(files)
        with self._lock:
            files.check_regexes(_regex_bytes(self._front, self._end))
            self._files, self._files_hold = files, True
            self._load()

    @property
    def timing(self) -> Mapping[str, object] | None:
        """The timing of fixtures that have none, as the engine takes it."""
        return self._timing

    def set_timing(self, stated: object) -> None:
        """Change the timing of fixtures that have none; answers that have begun keep theirs.

        ``stated`` is a ``timing`` object, ``"profile:NAME"``, or None for no timing.

        Raises:
            FixtureError: with all faults; then nothing changes.
        """
        timing = None if stated is None else fixtures.read_server_timing(stated)
        with self._lock:
            self._engine.set_timing(timing)
            self._timing = timing

    def reset_timing(self) -> None:
        """Go back to the timing that the server began with."""
        with self._lock:
            self._engine.set_timing(self._first_timing)
            self._timing = self._first_timing

    def drop_added(self) -> None:
        """Return to the fixtures of files, also if they were removed."""
        with self._lock:
            self._front = self._end = self._none
            self._files_hold = True
            self._load()

    def clear(self) -> None:
        """Remove all fixtures, also those of files, which :meth:`drop_added` brings back."""
        with self._lock:
            self._front = self._end = self._none
            self._files_hold = False
            self._load()

    def _shadows_of_all(self) -> Shadows:
        """Return what fixtures at the end are looked for in. It is kept until others come first."""
        if self._shadows is None:
            self._shadows = Shadows()
            self._all.shadowed(self._shadows)
        return self._shadows

    def _load(self) -> None:
        self._shadows = None
        self._all = self._front + (self._files if self._files_hold else self._none) + self._end
        compile_plan = self._all.compiler(seed=self._seed, padding=self._padding)
        # All compilers of one catalog make the same plan of the same fixture.
        self._engine.load(self._all.rules(), compile_plan, keep_plans=True)


def _regex_bytes(*sets: FixtureSet) -> int:
    return sum(each.regex_bytes for each in sets)


def _report(checked: FixtureSet) -> None:
    for warning in checked.warnings:
        log.warning("%s", warning)

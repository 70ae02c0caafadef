"""The interface of a generator: start, progress, stop, result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Protocol

from bedrock_frames._core import LoadRun
from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.report.results import Progress, Result

if TYPE_CHECKING:
    from collections.abc import Mapping


class Load(Protocol):
    """A run of a generator, in this process or in others."""

    def start(self) -> None:
        """Start; return at once."""

    def progress(self) -> Progress:
        """Return its progress."""

    def stop(self) -> None:
        """Send no more requests. Those in flight have the grace time to end."""

    def cut(self) -> None:
        """Send no more requests, and cut off those in flight."""

    def wait(self, timeout: float) -> bool:
        """Wait for its end, at most ``timeout`` seconds; return whether it has ended."""

    def result(self) -> Result:
        """Return its result, after its end.

        Raises:
            RuntimeError: it has not ended, or it failed.
        """


class NativeLoad:
    """The native generator in this process.

    Raises:
        OptionError: an option makes no sense.
    """

    def __init__(self, options: Mapping[str, object]) -> None:
        try:
            self._run = LoadRun(json.dumps(options))
        except ValueError as error:
            name, colon, problem = str(error).partition(": ")
            raise OptionError(*((name, problem) if colon else ("options", name))) from error

    def start(self) -> None:
        """Start; return at once."""
        self._run.start()

    def progress(self) -> Progress:
        """Return its progress."""
        return Progress.model_validate_json(self._run.progress())

    def stop(self) -> None:
        """Send no more requests. Those in flight have the grace time to end."""
        self._run.stop()

    def cut(self) -> None:
        """Send no more requests, and cut off those in flight."""
        self._run.cut()

    def wait(self, timeout: float) -> bool:
        """Wait for its end, at most ``timeout`` seconds; return whether it has ended."""
        return self._run.wait(timeout)

    def result(self) -> Result:
        """Return its result."""
        return Result.model_validate_json(self._run.result())

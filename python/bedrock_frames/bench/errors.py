"""What can be wrong with what a benchmark is asked for."""

from __future__ import annotations


class OptionError(ValueError):
    """An option makes no sense; the text says which, and what is allowed."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option


class InputError(ValueError):
    """A file is no report of this version; the text says which and why."""

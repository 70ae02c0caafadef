"""Errors in the options and the input files of a benchmark."""

from __future__ import annotations


class OptionError(ValueError):
    """An option has a value that is not allowed; the text names it and the allowed values."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option


class InputError(ValueError):
    """A file is not a report of this version; the text names it and the reason."""

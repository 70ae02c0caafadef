"""Consoles that reports are printed on."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final, NoReturn, TextIO

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import ConsoleOptions

UNWRAPPED: Final = 10_000
"""Columns of output that is not a terminal: programs must find each line unwrapped."""

GAP: Final = "   "


class _Console(Console):
    """A console that raises when its reader has left, so that the caller decides."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise, where the base class ends the process."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console(stream: TextIO) -> Console:
    """Return a console for a stream: as wide as the terminal, and unwrapped elsewhere."""
    width = None if stream.isatty() else UNWRAPPED
    return _Console(file=stream, width=width, highlight=False)


class Flow:
    """Figures beside each other, on as many lines as they need; none is split over two."""

    def __init__(self, cells: Iterable[str | Text]) -> None:
        texts = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        self.cells = [text for text in texts if text.plain]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines, as rich asks for them."""
        line = Text(no_wrap=True)
        for cell in self.cells:
            if line.plain and len(line) + len(GAP) + len(cell) > options.max_width:
                yield line
                line = Text(no_wrap=True)
            line.append(GAP if line.plain else "").append_text(cell)
        yield line

"""The lifetime of a server: from its start to its stop, or to the end of the process."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)


class Lifetime:
    """What is to be undone at a stop, and is undone once.

    What runs is referred to until it is stopped: the garbage collector stops no server. When the
    process ends, what still runs is stopped without a drain timeout.

    A forked child has none of the threads. There, what was started is the parent's: nothing is
    undone, and only the sockets that listen are closed, so that they do not outlive the parent.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = False
        self._stack: ExitStack | None = None
        self._close_in_child: set[int] = set()
        self.at_once = False
        """Whether what is undone has no time to wait for others."""

    def begin(self, start: Callable[[ExitStack], T]) -> T:
        """Start something, which puts on a stack what undoes it.

        The stack must have functions alone: context managers would be left where it is dropped.

        Raises:
            RuntimeError: it runs already.
        """
        with self._lock:
            if self._begun:
                raise RuntimeError("The server runs already: stop it before it is started again")
            self._begun = True
        self.at_once = False
        try:
            with ExitStack() as stack:
                started = start(stack)
                self._stack = stack.pop_all()
        except BaseException:
            self._close_in_child = set()
            self._begun = False
            raise
        _running[self] = None
        return started

    def in_child(self, listening: Iterable[int]) -> None:
        """Have sockets closed in a child that is forked meanwhile."""
        self._close_in_child.update(listening)

    def end(self, *, at_once: bool = False) -> None:
        """Undo it, where it runs; a second call does nothing."""
        # Before a file that it has open is closed: its number may soon be another's.
        _running.pop(self, None)
        self._close_in_child = set()
        with self._lock:
            stack, self._stack = self._stack, None
        if stack is None:
            return
        self.at_once = at_once
        try:
            stack.close()
        finally:
            self._begun = False

    def leave_to_parent(self) -> None:
        """Be in a child that was forked."""
        if self._stack is not None:
            # If dropped, the parts would ask threads to end that do not exist in this process.
            _of_parent.append(self._stack)
        self._lock = threading.Lock()
        self._stack, self._begun = None, False
        closing, self._close_in_child = self._close_in_child, set()
        for number in closing:
            with suppress(OSError):
                os.close(number)


_running: Final[dict[Lifetime, None]] = {}
"""All that run, in the order in which they were started."""

_of_parent: Final[list[ExitStack]] = []


def _end_all() -> None:
    for lifetime in reversed(list(_running)):
        try:
            lifetime.end(at_once=True)
        except Exception:
            _LOG.exception("A server was not stopped as it should")


def _leave_all() -> None:
    for lifetime in list(_running):
        lifetime.leave_to_parent()
    _running.clear()


# Not at finalization, when no thread can run any more: those of the server have to, to end. Threads
# that the interpreter waits for have ended before, and so has what they asked of the server.
atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)

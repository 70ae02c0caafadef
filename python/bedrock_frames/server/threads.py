"""Threads of the server that do not keep the process alive, and are real ones under gevent.

``threading.Thread`` is a greenlet once gevent has patched it, as importing Locust does: an event
loop that runs in one would never give the others their turn.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time
import types
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_AGAIN: Final = 0.002
"""Seconds between two looks at a thread that cannot be joined."""


class DaemonThread:
    """A function that runs in an operating-system thread.

    It is a daemon: the interpreter joins all others before it calls what ``atexit`` has, which is
    where servers are stopped.

    Raises:
        RuntimeError: threads have been replaced, by something other than gevent.
    """

    def __init__(self, run: Callable[[], object], *, name: str) -> None:
        self._done = False
        self._thread: threading.Thread | None = None
        original = _original_start()

        def running() -> None:
            try:
                run()
            finally:
                self._done = True

        if original is None:
            self._thread = threading.Thread(target=running, name=name, daemon=True)
            self._thread.start()
        else:
            original(running, ())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended; return whether it has. Greenlets run meanwhile."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._done and (deadline is None or time.monotonic() < deadline):
            time.sleep(_LOOK_AGAIN)
        return self._done


def _original_start() -> Callable[[Callable[[], object], tuple[()]], object] | None:
    """Return what starts a real thread where the standard library's does not; else None."""
    if isinstance(_thread.start_new_thread, types.BuiltinFunctionType):
        return None
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None:
        raise RuntimeError(
            "Threads are replaced (by eventlet?), and a server needs real ones:"
            " run it in a process of its own, by bedrock-frames serve"
        )
    start: Callable[[Callable[[], object], tuple[()]], object]
    start = monkey.get_original("_thread", "start_new_thread")
    return start

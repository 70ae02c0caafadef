"""Threads of the server that do not keep the process alive, and are real ones under gevent.

``threading.Thread`` is a greenlet once gevent has patched it, as importing Locust does: an event
loop that runs in one would never give the others their turn.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from bedrock_frames.fixtures.making import replaced_start

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

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
        original = replaced_start()

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


async def in_thread(run: Callable[[], T]) -> T:
    """Run something in a thread, and return what it returns."""
    if replaced_start() is None:
        # Not Starlette's threads, which keep a process from its end.
        return await asyncio.to_thread(run)
    loop = asyncio.get_running_loop()
    returned: asyncio.Future[T] = loop.create_future()

    def running() -> None:
        try:
            end = partial(returned.set_result, run())
        except BaseException as error:
            end = partial(returned.set_exception, error)
        # A loop that has been closed does not wait for it.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: returned.done() or end())

    DaemonThread(running, name="bedrock-call")
    return await returned

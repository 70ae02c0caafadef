"""Running a coroutine's first step outside its task, and giving the rest back to the task."""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator
    from contextvars import Context


class Suspended(NamedTuple):
    """A coroutine that has been run up to its first suspension, and what it yielded there."""

    coroutine: Coroutine[object, None, None]
    waits_for: object


def begin(
    coroutine: Coroutine[object, None, None], task: asyncio.Task[object], context: Context
) -> Suspended | None:
    """Run a coroutine until it suspends; return None where it is done at once.

    What runs in it finds ``task`` as the current one, as middlewares and hosts may ask for it.
    The calls for that are asyncio's interface for task implementations, which is what the caller
    is to ``task``.

    Raises:
        BaseException: what the coroutine raises.
    """
    loop = task.get_loop()
    asyncio._enter_task(loop, task)
    try:
        waits_for = context.run(coroutine.send, None)
    except StopIteration:
        return None
    finally:
        asyncio._leave_task(loop, task)
    return Suspended(coroutine, waits_for)


@types.coroutine
def finish(suspended: Suspended) -> Generator[object, None, None]:
    """Await the rest, in the task, as if the task had run it all along."""
    coroutine, waits_for = suspended
    try:
        while True:
            try:
                yield waits_for
            except BaseException as error:
                waits_for = coroutine.throw(error)
            else:
                waits_for = coroutine.send(None)
    except StopIteration:
        return

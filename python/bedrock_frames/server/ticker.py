"""One timer an event loop, for any number of things that have deadlines.

A heap of absolute deadlines and a single timer: a tick runs whatever is due and arms the timer for
the next deadline. Nothing is ever run early, and idle there is no timer at all.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable

monotonic: Final = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if sys.platform == "linux" else time.monotonic
)
"""The clock of :func:`time.monotonic`, also where freezegun stops that in a test."""

RESOLUTION: Final = 0.001
"""Seconds between two ticks that are on time: what falls due in between is run together."""


class Runner(Protocol):
    """What a ticker runs."""

    waiting: bool
    """Whether it is still to be run: set by whoever adds it, cleared by its own ``step``."""

    def step(self, now: float) -> float | None:
        """Do what is due; return the next deadline, or None and be no longer ``waiting``."""


class Ticker:
    """Runs things at their deadlines. Belongs to one event loop, and is used on it alone."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, clock: Callable[[], float] = monotonic
    ) -> None:
        # Not loop.time(): uvloop's stands still while callbacks run, and knows milliseconds only.
        self.clock = clock
        self._loop = loop
        self._heap: list[tuple[float, int, Runner]] = []
        self._ordinals = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf
        self._ticked = -math.inf
        self._live = 0

    def __len__(self) -> int:
        """Count the runners that wait for a deadline."""
        return self._live

    def add(self, due: float, runner: Runner) -> None:
        """Run something at a time of the clock."""
        runner.waiting = True
        self._live += 1
        heapq.heappush(self._heap, (due, next(self._ordinals), runner))
        if due < self._timer_due:
            self._arm()

    def discard(self, runner: Runner) -> None:
        """Forget a runner that waits."""
        runner.waiting = False
        self._live -= 1
        if len(self._heap) > 2 * self._live:
            self._purge()

    def _tick(self) -> None:
        self._timer, self._timer_due = None, math.inf
        heap, now = self._heap, self.clock()
        self._ticked = now
        while heap and heap[0][0] <= now:
            runner = heapq.heappop(heap)[2]
            if not runner.waiting:
                continue
            due = runner.step(now)
            if due is None:
                self._live -= 1
            else:
                heapq.heappush(heap, (due, next(self._ordinals), runner))
        if heap:
            self._arm()

    def _arm(self) -> None:
        self._disarm()
        self._timer_due = self._heap[0][0]
        # Whole milliseconds, as libuv counts them; rounded up, or it would wake too early. What
        # falls due during a tick waits for others, until a millisecond has gone: each turn of the
        # loop costs as much as two frames. After a tick that took longer it waits no more.
        now = self.clock()
        ticks = math.ceil((max(self._timer_due, self._ticked + RESOLUTION) - now) / RESOLUTION)
        self._timer = self._loop.call_later(max(ticks, 0) * RESOLUTION, self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due = None, math.inf

    def _purge(self) -> None:
        """Drop what was discarded: half of the heap or more, so that it costs little each."""
        self._heap[:] = [entry for entry in self._heap if entry[2].waiting]
        heapq.heapify(self._heap)
        if not self._heap:
            self._disarm()


_tickers: WeakKeyDictionary[asyncio.AbstractEventLoop, Ticker] = WeakKeyDictionary()


def current() -> Ticker:
    """Return the ticker of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _tickers.get(loop)
    if found is None:
        found = _tickers[loop] = Ticker(loop)
    return found

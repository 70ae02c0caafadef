"""Requests that no fixture answered, or that break rules of the service, in the log.

They happen on threads of the extension, which never enter Python: the engine keeps a few lines, and
a task of the app writes them.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bedrock_frames._core import Engine

_LOG: Final = logging.getLogger(__name__)

EVERY: Final = 1.0
"""Seconds between two looks; of what comes meanwhile, ten lines are written."""


async def log_misses(engine: Engine, stop: asyncio.Event) -> None:
    """Write what the engine notes until ``stop`` is set, and what is left then."""
    while True:
        stopping = stop.is_set()
        lines, more = engine.take_misses()
        for line in lines:
            _LOG.warning("%s", line)
        if more:
            _LOG.warning("%d more requests were not matched", more)
        lines, more = engine.take_warnings()
        for line in lines:
            _LOG.warning("%s", line)
        if more:
            _LOG.warning("%d more request rules were broken: see /metrics", more)
        if stopping:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY)

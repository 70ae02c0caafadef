"""Processes of one run, as their parent waits for them."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import pytest

from bedrock_frames.bench.fleet import Fleet

WORKER: Final = """
import sys
sys.stdin.readline()
print('{"progress": {"sent": 1}}', flush=True)
sys.stdin.readline()
print('{"error": "it was told to stop"}', flush=True)
"""


@contextmanager
def interrupted(after: float) -> Iterator[None]:
    """Raise KeyboardInterrupt here, in so many seconds."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, after)
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


def test_ctrl_c_while_it_waits_ends_no_process() -> None:
    fleet = Fleet({}, 2, command=[sys.executable, "-c", WORKER])
    fleet.start()
    with interrupted(after=0.1), pytest.raises(KeyboardInterrupt):
        fleet.wait(60)
    assert not fleet.wait(0)
    fleet.stop()
    assert fleet.wait(60)
    assert fleet.progress().sent == 2
    with pytest.raises(RuntimeError, match="it was told to stop"):
        fleet.result()

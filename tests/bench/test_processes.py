"""Processes of one run, as their parent waits for them."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import pytest

from bedrock_frames.bench.report.results import Result
from bedrock_frames.bench.running.processes import ProcessGroup

WORKER: Final = """
import sys
sys.stdin.readline()
print('{"progress": {"sent": 1}}', flush=True)
sys.stdin.readline()
print('{"error": "it was told to stop"}', flush=True)
"""


RESULT: Final = Result.model_validate({"started_at": 1, "requests": {"sent": 3, "completed": 3}})
WITH_A_RESULT: Final = f"""
import json, sys
index = json.loads(sys.stdin.readline())["share"][0]
print('{{"progress": {{"completed": 2}}}}', flush=True)
if index == 0:
    sys.stdin.readline()
    print('{{"result": {RESULT.model_dump_json()}}}', flush=True)
else:
    # Half a line, and then silence.
    print('{{"progr', end="", flush=True)
    sys.stdin.readline()
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
    fleet = ProcessGroup({}, 2, command=[sys.executable, "-c", WORKER])
    fleet.start()
    with interrupted(after=0.1), pytest.raises(KeyboardInterrupt):
        fleet.wait(60)
    assert not fleet.wait(0)
    fleet.stop()
    assert fleet.wait(60)
    assert fleet.progress().sent == 2
    with pytest.raises(RuntimeError, match="it was told to stop"):
        fleet.result()


def started(fleet: ProcessGroup) -> ProcessGroup:
    """Begin, and wait until every process has said something."""
    fleet.start()
    while fleet.progress().completed < 2 * len(fleet.processes):
        assert not fleet.wait(0.05)
    return fleet


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (signal.SIGKILL, "it ended by signal 9 (Killed)"),
        (signal.SIGSTOP, "it said nothing for 1 s, and was ended"),
    ],
)
def test_a_process_that_is_killed_or_hangs_costs_its_own_result_alone(
    number: signal.Signals, why: str
) -> None:
    silence = 1.0 if number == signal.SIGSTOP else 60.0
    fleet = ProcessGroup({}, 2, command=[sys.executable, "-c", WITH_A_RESULT], silence_s=60)
    started(fleet)
    fleet.processes[1].send_signal(number)
    fleet.silence_s = silence
    fleet.processes[0].stdin.write("stop\n")  # type: ignore[union-attr]
    fleet.processes[0].stdin.flush()  # type: ignore[union-attr]
    assert fleet.wait(60)
    found = fleet.result()
    assert found.requests.completed == 3
    assert found.audit.lost == [
        f"process 2 of 2 is lost with what it measured (2 completed, 0 failed): {why}"
    ]


def test_a_run_whose_processes_are_all_killed_has_no_result() -> None:
    fleet = started(ProcessGroup({}, 2, command=[sys.executable, "-c", WITH_A_RESULT]))
    for process in fleet.processes:
        process.kill()
    assert fleet.wait(60)
    with pytest.raises(RuntimeError, match=r"process 1 of 2 is lost.*; process 2 of 2 is lost"):
        fleet.result()

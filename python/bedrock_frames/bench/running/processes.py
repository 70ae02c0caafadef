"""Several processes as one generator. Each has a share of the arrivals; results are merged."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.report.merge import merge_results
from bedrock_frames.bench.report.results import Progress, Quantiles, Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND: Final = (sys.executable, "-m", "bedrock_frames.bench.running.worker")
START_UP_S: Final = 1.0
START_UP_OF_EACH_S: Final = 0.25
"""Seconds until the common start, which no process must miss."""
SILENCE_S: Final = 30.0
"""Seconds without a message after which a process hangs; it sends four a second."""
CHECK_S: Final = 1.0
"""How often that is looked at, at least; a parent that was stopped itself counts no more."""


class Worker:
    """A process and its last message."""

    def __init__(self, options: Mapping[str, object], command: Sequence[str]) -> None:
        # A separate process group: the parent passes Ctrl-C on.
        self.process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
        )
        self._input = cast("IO[str]", self.process.stdin)
        self._output = cast("IO[str]", self.process.stdout)
        self.progress = Progress()
        self.result: Result | None = None
        self.error: str | None = None
        self.refused = False
        """Whether the error is what it says itself, of its options."""
        # Not Thread.join: a KeyboardInterrupt in it has Python 3.11 and 3.12 believe that the
        # thread has ended.
        self.ended = threading.Event()
        self.silent_s = 0.0
        """Seconds since its last message, by the parent's clock."""
        self._tell(json.dumps(options))
        threading.Thread(target=self._read, daemon=True).start()

    def stop(self) -> None:
        """Ask it to send no more requests."""
        self._tell("stop")

    def cut(self) -> None:
        """Ask it to end now."""
        self._tell("cut")

    def kill(self, why: str) -> None:
        """Kill it; a process that is stopped cannot react to a message."""
        self.error = why
        self.process.kill()

    def _tell(self, line: str) -> None:
        # A process that has ended has said why; its pipe is broken or closed.
        with suppress(OSError, ValueError):
            self._input.write(line + "\n")
            self._input.flush()

    def _read(self) -> None:
        try:
            with self._output as lines:
                for line in lines:
                    self.silent_s = 0.0
                    # A process that is killed may leave half a line.
                    with suppress(json.JSONDecodeError):
                        self._hear(json.loads(line))
            code = self.process.wait()
            if self.result is None and self.error is None:
                self.error = f"it ended {_how(code)}"
        finally:
            with suppress(OSError):
                self._input.close()
            self.ended.set()

    def _hear(self, said: dict[str, Any]) -> None:
        if "progress" in said:
            self.progress = Progress.model_validate(said["progress"])
        elif "result" in said:
            self.result = Result.model_validate(said["result"])
        else:
            self.refused = True
            self.error = said["error"]


class ProcessGroup:
    """Several processes that run the same options, each with its share of the arrivals."""

    def __init__(
        self,
        options: Mapping[str, object],
        processes: int,
        *,
        command: Sequence[str] = COMMAND,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.silence_s = silence_s
        self._options = options
        self._processes = processes
        self._command = command
        self._workers: list[Worker] = []
        self._stopped = False

    def start(self) -> None:
        """Start all at the same time; return at once."""
        soon = time.time() + START_UP_S + START_UP_OF_EACH_S * self._processes
        start_at = self._options.get("start_at", soon)
        for index in range(self._processes):
            options = {**self._options, **self._own(index), "start_at": start_at}
            self._workers.append(Worker(options, self._command))

    @property
    def processes(self) -> Sequence[subprocess.Popen[str]]:
        """The processes that were begun."""
        return [worker.process for worker in self._workers]

    def _own(self, index: int) -> dict[str, object]:
        number, of = cast("list[int]", self._options.get("share", [0, 1]))
        own: dict[str, object] = {"share": [number * self._processes + index, of * self._processes]}
        if path := self._options.get("requests_out"):
            own["requests_out"] = f"{path}.{index}"
        return own

    def progress(self) -> Progress:
        """Return the progress of all; percentiles are the largest."""
        glances = [worker.progress for worker in self._workers]
        ttfts = [glance.ttft_ms for glance in glances]
        errors: dict[str, int] = {}
        for glance in glances:
            for kind, count in glance.errors.items():
                errors[kind] = errors.get(kind, 0) + count
        return Progress(
            elapsed_s=max(glance.elapsed_s for glance in glances),
            sent=sum(glance.sent for glance in glances),
            completed=sum(glance.completed for glance in glances),
            failed=sum(glance.failed for glance in glances),
            warmup=sum(glance.warmup for glance in glances),
            in_flight=sum(glance.in_flight for glance in glances),
            requests_per_s=sum(glance.requests_per_s for glance in glances),
            frames_per_s=sum(glance.frames_per_s for glance in glances),
            output_tokens_per_s=sum(glance.output_tokens_per_s for glance in glances),
            ttft_ms=Quantiles(
                p50=max((ttft.p50 for ttft in ttfts if ttft.p50 is not None), default=None),
                p90=max((ttft.p90 for ttft in ttfts if ttft.p90 is not None), default=None),
                p99=max((ttft.p99 for ttft in ttfts if ttft.p99 is not None), default=None),
            ),
            errors=errors,
        )

    def stop(self) -> None:
        """Send no more requests. Those in flight have the grace time to end."""
        for worker in self._workers:
            worker.stop()

    def cut(self) -> None:
        """Send no more requests, and cut off those in flight."""
        for worker in self._workers:
            worker.cut()

    def wait(self, timeout: float) -> bool:
        """Wait for the end of all, at most ``timeout`` seconds; return whether all have ended."""
        until = time.monotonic() + timeout
        while not self._all_ended(min(until - time.monotonic(), CHECK_S)):
            if time.monotonic() >= until:
                return False
        return True

    def _all_ended(self, timeout: float) -> bool:
        """Wait a little for the end of all; end what hangs, and all when too much has failed."""
        begun = time.monotonic()
        ended = all(
            worker.ended.wait(begun + timeout - time.monotonic()) for worker in self._workers
        )
        waited = min(time.monotonic() - begun, CHECK_S)
        for worker in self._workers:
            worker.silent_s += waited
            if worker.silent_s > self.silence_s and not worker.ended.is_set():
                worker.kill(f"it said nothing for {self.silence_s:.0f} s, and was ended")
        most = self._options.get("max_errors")
        if isinstance(most, int) and not self._stopped and self.progress().failed >= most:
            self._stopped = True
            self.stop()
        return ended

    def result(self) -> Result:
        """Return the merged results. A process that was killed, or hung, costs its own.

        Raises:
            OptionError: an option makes no sense.
            RuntimeError: no process has a result.
        """
        results, lost = [], []
        for index, worker in enumerate(self._workers):
            if not worker.ended.is_set():
                raise RuntimeError("the run has not ended")
            if worker.refused and worker.error is not None:
                name, colon, problem = worker.error.partition(": ")
                raise OptionError(name, problem) if colon else RuntimeError(worker.error)
            if worker.result is None:
                known = worker.progress
                lost.append(
                    f"process {index + 1} of {self._processes} is lost with what it measured "
                    f"({known.completed} completed, {known.failed} failed): {worker.error}"
                )
            else:
                results.append(worker.result)
        if path := self._options.get("requests_out"):
            _join(Path(str(path)), self._processes)
        if not results:
            raise RuntimeError("; ".join(lost))
        merged = merge_results(results)
        audit = {
            "lost": [*merged.audit.lost, *lost],
            "stopped_by_errors": merged.audit.stopped_by_errors or self._stopped,
        }
        return merged.model_copy(update={"audit": merged.audit.model_copy(update=audit)})


def _join(path: Path, parts: int) -> None:
    with path.open("wb") as whole:
        for index in range(parts):
            part = path.with_name(f"{path.name}.{index}")
            # One that was killed early has written none.
            with suppress(FileNotFoundError):
                with part.open("rb") as source:
                    shutil.copyfileobj(source, whole)
                part.unlink()


def _how(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"with code {code} and without a result"
    name = signal.strsignal(-code) or "an unknown signal"
    return f"by signal {-code} ({name})"

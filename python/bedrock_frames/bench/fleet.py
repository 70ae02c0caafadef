"""Several processes as one generator. Each has a share of the arrivals; results are merged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from bedrock_frames.bench.errors import OptionError
from bedrock_frames.bench.figures import Progress, Quantiles, Result
from bedrock_frames.bench.merging import merge_results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMAND: Final = (sys.executable, "-m", "bedrock_frames.bench.worker")
START_UP_S: Final = 1.0
START_UP_OF_EACH_S: Final = 0.25
"""All begin at one moment, which none must miss."""


class Worker:
    """A process, and what it last said."""

    def __init__(self, options: Mapping[str, object], command: Sequence[str]) -> None:
        # A group of its own: Ctrl-C is the parent's to pass on.
        self.process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
        )
        self._input = cast("IO[str]", self.process.stdin)
        self._output = cast("IO[str]", self.process.stdout)
        self.progress = Progress()
        self.result: Result | None = None
        self.error: str | None = None
        # Not Thread.join: a KeyboardInterrupt in it has Python 3.11 and 3.12 believe that the
        # thread has ended.
        self.ended = threading.Event()
        self._tell(json.dumps(options))
        threading.Thread(target=self._read, daemon=True).start()

    def stop(self) -> None:
        """Ask it to send nothing more."""
        self._tell("stop")

    def _tell(self, line: str) -> None:
        # One that has ended has said why; then the pipe is broken, or closed.
        with suppress(BrokenPipeError, ValueError):
            self._input.write(line + "\n")
            self._input.flush()

    def _read(self) -> None:
        try:
            with self._output as lines:
                for line in lines:
                    self._hear(json.loads(line))
            code = self.process.wait()
            if self.result is None and self.error is None:
                self.error = f"a process ended with code {code} and without a result"
        finally:
            with suppress(BrokenPipeError):
                self._input.close()
            self.ended.set()

    def _hear(self, said: dict[str, Any]) -> None:
        if "progress" in said:
            self.progress = Progress.model_validate(said["progress"])
        elif "result" in said:
            self.result = Result.model_validate(said["result"])
        else:
            self.error = said["error"]


class Fleet:
    """So many processes that run the same options, each with its share."""

    def __init__(
        self, options: Mapping[str, object], processes: int, *, command: Sequence[str] = COMMAND
    ) -> None:
        self._options = options
        self._processes = processes
        self._command = command
        self._workers: list[Worker] = []

    def start(self) -> None:
        """Begin together; return at once."""
        soon = time.time() + START_UP_S + START_UP_OF_EACH_S * self._processes
        start_at = self._options.get("start_at", soon)
        for index in range(self._processes):
            options = {**self._options, **self._own(index), "start_at": start_at}
            self._workers.append(Worker(options, self._command))

    def _own(self, index: int) -> dict[str, object]:
        number, of = cast("list[int]", self._options.get("share", [0, 1]))
        own: dict[str, object] = {"share": [number * self._processes + index, of * self._processes]}
        if path := self._options.get("requests_out"):
            own["requests_out"] = f"{path}.{index}"
        return own

    def progress(self) -> Progress:
        """Return a glance at all of them; percentiles are the largest."""
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
        """Send nothing more. What runs has the grace time to end."""
        for worker in self._workers:
            worker.stop()

    def wait(self, timeout: float) -> bool:
        """Wait for the end of all, for at most so many seconds; return whether it came."""
        until = time.monotonic() + timeout
        return all(worker.ended.wait(until - time.monotonic()) for worker in self._workers)

    def result(self) -> Result:
        """Return the merged results.

        Raises:
            OptionError: an option makes no sense.
            RuntimeError: a process has no result.
        """
        results = []
        for worker in self._workers:
            if worker.error is not None:
                name, colon, problem = worker.error.partition(": ")
                raise OptionError(name, problem) if colon else RuntimeError(worker.error)
            if worker.result is None:
                raise RuntimeError("the run has not ended")
            results.append(worker.result)
        if path := self._options.get("requests_out"):
            _join(Path(str(path)), self._processes)
        return merge_results(results)


def _join(path: Path, parts: int) -> None:
    with path.open("wb") as whole:
        for index in range(parts):
            part = path.with_name(f"{path.name}.{index}")
            with part.open("rb") as source:
                shutil.copyfileobj(source, whole)
            part.unlink()

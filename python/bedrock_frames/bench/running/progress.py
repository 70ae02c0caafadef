"""Shows the progress of a run: a live panel on a terminal, else a line each second."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from bedrock_frames.bench.report.formatting import count, milliseconds, seconds
from bedrock_frames.bench.report.terminal import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bedrock_frames.bench.report.results import Progress

REFRESH_PER_S: Final = 4


@contextmanager
def display(
    stream: TextIO, *, title: str, length: float | None, quiet: bool = False
) -> Iterator[Callable[[Progress], None] | None]:
    """Show progress on a stream; yield the function to call with it, None if it is not shown.

    ``length`` is how long the run will take, in seconds, if that is known.
    """
    if quiet:
        yield None
    elif stream.isatty():
        console = Console(file=stream)
        with Live(console=console, refresh_per_second=REFRESH_PER_S, transient=True) as live:
            yield lambda progress: live.update(panel(progress, title=title, length=length))
    else:
        yield Lines(stream)


class Lines:
    """A line for each second."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._second = -1

    def __call__(self, progress: Progress) -> None:
        """Take progress; write a line if it is of a new second."""
        # A lower second belongs to the next run of a sweep.
        if int(progress.elapsed_s) != self._second:
            self._second = int(progress.elapsed_s)
            # A log that cannot be written must not end the run.
            with suppress(OSError):
                print(line(progress), file=self._stream, flush=True)


def line(progress: Progress) -> str:
    """Return progress as one line."""
    ttft = progress.ttft_ms
    parts = [
        f"{progress.elapsed_s:6.1f}s",
        f"warming up {progress.warmup}" if _warms_up(progress) else f"sent {progress.sent}",
        f"done {progress.completed}",
        f"failed {progress.failed}",
        f"in flight {progress.in_flight}",
        f"{progress.requests_per_s:.1f} req/s",
        f"{progress.frames_per_s:.0f} frames/s",
        f"ttft p50 {milliseconds(ttft.p50)} p99 {milliseconds(ttft.p99)}",
    ]
    return "  ".join(parts)


def panel(progress: Progress, *, title: str, length: float | None) -> Group:
    """Return progress as a few lines that change in place."""
    ttft = progress.ttft_ms
    counted = (
        _pair("warming up", count(progress.warmup))
        if _warms_up(progress)
        else _pair("sent", count(progress.sent)),
        _pair("completed", count(progress.completed), "green"),
        _pair("failed", count(progress.failed), "bold red" if progress.failed else ""),
        _pair("in flight", count(progress.in_flight)),
    )
    rated = (
        _pair("requests/s", f"{progress.requests_per_s:,.1f}"),
        _pair("frames/s", f"{progress.frames_per_s:,.0f}"),
        _pair("tokens/s", f"{progress.output_tokens_per_s:,.0f}"),
        _pair("ttft p50 / p99", f"{milliseconds(ttft.p50)} / {milliseconds(ttft.p99)}", "cyan"),
    )
    rows: list[Text | Padding | Flow] = [_head(progress, title, length), Flow(counted), Flow(rated)]
    if length:
        bar = ProgressBar(total=length, completed=min(progress.elapsed_s, length))
        # By itself a bar does not end its line.
        rows.insert(1, Padding(bar, 0))
    worst = sorted(progress.errors.items(), key=lambda error: -error[1])[:3]
    rows.extend(Text(f"{times:,} {kind}", style="red") for kind, times in worst)
    return Group(*rows)


def _warms_up(progress: Progress) -> bool:
    return bool(progress.warmup) and not progress.sent


def _head(progress: Progress, title: str, length: float | None) -> Text:
    of = f" of {seconds(length)}" if length else ""
    return Text.assemble((title, "bold"), (f"  {seconds(progress.elapsed_s)}{of}", "dim"))


def _pair(name: str, value: str, style: str = "") -> Text:
    return Text.assemble((f"{name} ", "dim"), (value, style or "bold"))

"""What is shown while a run goes on: a line a second, or a panel on a terminal."""

import io

import pytest
from rich.console import Console

from bedrock_frames.bench import Progress, display, show
from bedrock_frames.bench.report.results import Quantiles
from bedrock_frames.bench.report.tables import fitting, rates
from bedrock_frames.bench.running.progress import Lines, panel
from tests.support.bench_results import report, result

BUSY = Progress(
    elapsed_s=3.2,
    sent=1200,
    completed=1100,
    failed=7,
    in_flight=93,
    requests_per_s=366.7,
    frames_per_s=11734,
    ttft_ms=Quantiles(p50=61.2, p99=88),
    errors={"crc": 5, "timeout": 2},
)


def at(second: float) -> Progress:
    return BUSY.model_copy(update={"elapsed_s": second})


def test_a_line_is_written_for_each_second_once() -> None:
    out = io.StringIO()
    show_line = Lines(out)
    for second in (0.2, 0.5, 1.0, 1.9, 2.1, 5.0):
        show_line(at(second))
    assert [line.split()[0] for line in out.getvalue().splitlines()] == [
        "0.2s",
        "1.0s",
        "2.1s",
        "5.0s",
    ]


def test_each_run_starts_with_new_progress_lines() -> None:
    out = io.StringIO()
    show_line = Lines(out)
    for second in (8.0, 9.0, 0.3, 1.1):
        show_line(at(second))
    assert len(out.getvalue().splitlines()) == 4


def test_a_warm_up_does_not_look_like_a_run_that_does_nothing() -> None:
    out = io.StringIO()
    warm = Progress(elapsed_s=1, warmup=40, in_flight=3)
    Lines(out)(warm)
    Console(file=out, width=100).print(panel(warm, title="t", length=10))
    assert out.getvalue().count("warming up 40") == 2
    assert "sent" not in out.getvalue()


def test_without_a_terminal_progress_is_lines_and_quiet_prints_nothing() -> None:
    out = io.StringIO()
    with display(out, title="t", length=None) as take:
        assert take is not None
        take(BUSY)
    assert "failed 7" in out.getvalue()
    with display(out, title="t", length=None, quiet=True) as take:
        assert take is None


def test_a_panel_tells_what_happens_and_what_fails() -> None:
    out = io.StringIO()
    Console(file=out, width=100).print(panel(BUSY, title="converse-stream", length=10))
    told = out.getvalue()
    for words in ("converse-stream  3.2 s of 10.0 s", "completed 1,100", "failed 7", "5 crc"):
        assert words in told
    assert "61.2 ms / 88.0 ms" in told


@pytest.mark.parametrize("width", [30, 60, 100])
def test_a_narrow_terminal_keeps_figures_with_their_labels(width: int) -> None:
    out = io.StringIO()
    Console(file=out, width=width).print(panel(BUSY, title="t", length=10))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for pair in ("sent 1,200", "completed 1,100", "failed 7", "in flight 93", "requests/s 366.7"):
        assert any(pair in line for line in lines), pair
    found = report(result({"e2e_ms": [1_234_567] * 2000}, errors={"http:503": 65}))
    tables = io.StringIO()
    console = Console(file=tables, width=width)
    console.print(fitting(found, console))
    console.print(rates(found))
    lines = tables.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for pair in ("2,065 sent", "2,000 completed", "65 failed (3.1%)", "200.0 requests/s"):
        assert any(pair in line for line in lines), pair
    assert any(line.startswith("whole answer") and "1.23 s" in line for line in lines)


def test_output_without_a_terminal_is_not_wrapped() -> None:
    said = "503: " + "the service's own words, and many of them, " * 5
    found = report(result({}, errors={"http:503": 3}, error_samples={"http:503": said}))
    out = io.StringIO()
    show(found, out)
    assert said.strip() in out.getvalue()

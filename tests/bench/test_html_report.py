"""The HTML report: complete without a network, and drawn by a real browser."""

import json
import re
import shutil
import struct
import subprocess
from html import escape
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames.bench import Report, parse_threshold, to_html
from bedrock_frames.bench.report.html.charts import charts
from bedrock_frames.bench.report.html.marks import CONFIG, DARK
from bedrock_frames.bench.report.results import Figures, Window
from bedrock_frames.bench.report.summary import SweepStep
from tests.support.bench_results import report, result

BROWSERS: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER: Final = next(filter(None, map(shutil.which, BROWSERS)), None)

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no browser: apt-get install chromium-headless-shell"
)


def measured(seconds: int = 30, **options: Any) -> Report:
    """Return a report with something for every chart."""
    chunks = {name: [base + 37 * n for n in range(1000)] for name, base in BASES.items()}
    series = [
        {
            "second": second,
            "sent": 100,
            "completed": 99 - second % 3,
            "failed": second % 2,
            "errors": {"crc": second % 2},
            "in_flight": 20 + second,
            "frames": 3000,
            "output_tokens": 2500,
            "ttft_ms": {"p50": 40, "p90": 50, "p99": 60 + second},
            "e2e_ms": {"p50": 240, "p90": 250, "p99": 260 + second},
        }
        for second in range(seconds)
    ]
    samples = {"http:ThrottlingException": "429: Too many tokens"}
    errors = {"crc": 3, "http:ThrottlingException": 5}
    found = result(chunks, errors=errors, error_samples=samples, series=series)
    thresholds = [parse_threshold("ttft.p99<1s"), parse_threshold("error_rate<0.1%")]
    return report(found, thresholds=thresholds, **options)


BASES: Final = {
    "ttfb_ms": 30_000,
    "ttft_ms": 40_000,
    "gap_ms": 5_000,
    "tpot_ms": 6_000,
    "e2e_ms": 240_000,
    "session_ms": 900_000,
    "schedule_delay_ms": 20,
}


def test_the_page_needs_no_network() -> None:
    page = to_html(measured())
    assert re.findall(r'(?:src|href)="(?!data:)[^"]*"', page.partition("<script")[0]) == []
    assert "default-src 'none'" in page


def test_what_an_endpoint_says_cannot_write_into_the_page() -> None:
    hostile = "</script><script>alert(1)</script>"
    found = result({"e2e_ms": [1000] * 10}, errors={f"http:{hostile}": 1})
    page = to_html(report(found, url=f"http://{hostile}"))
    assert hostile not in page
    assert escape(hostile) in page


def test_a_report_without_a_stream_has_no_charts_of_streams() -> None:
    assert set(charts(report(result({"e2e_ms": [1000] * 200})))) == {"percentiles"}


def test_an_empty_report_is_a_page_too() -> None:
    assert "Not trustworthy" in to_html(report(result()))


def test_what_is_good_is_a_share_of_all_that_ended() -> None:
    found = result(
        {"e2e_ms": [1000] * 55},
        errors={"http:503": 65},
        requests={"sent": 120, "completed": 55, "failed": 65, "good": 54},
        rates={"requests_per_s": 5.5, "goodput_per_s": 5.4},
    )
    page = to_html(report(found, goodput={"e2e_ms": 50}))
    assert "<span>Good / s</span><b>5.4</b><small>45.0% of all</small>" in page


def values(report_: Report, name: str) -> list[dict[str, Any]]:
    data = charts(report_)[name]["data"]
    assert isinstance(data, dict)
    rows: list[dict[str, Any]] = data["values"]
    return rows


def test_lines_go_straight_from_one_measurement_to_the_next() -> None:
    text = json.dumps(charts(measured()))
    assert set(re.findall(r'"interpolate": "([a-z-]+)"', text)) == {"linear"}


def test_a_last_second_that_is_but_a_part_does_not_look_like_a_fall() -> None:
    partial = measured(seconds=11).model_copy(
        update={"window": Window(start_s=0, length_s=10.3, ended_s=10.3)}
    )
    for name in ("throughput", "stream-series", "errors"):
        assert max(row["second"] for row in values(partial, name)) == 9
    # Of latencies a part is as good as a whole.
    assert max(row["second"] for row in values(partial, "ttft-series")) == 10
    whole = partial.model_copy(update={"window": Window(ended_s=11, length_s=11)})
    assert max(row["second"] for row in values(whole, "throughput")) == 10


def test_labels_of_percentiles_have_lines_of_their_own() -> None:
    for base in (1_000, 15_000):
        close = report(result({"ttft_ms": [base, *[base + 40] * 500, base + 80]}))
        layers: Any = charts(close)["ttft"]["layer"]
        texts = [layer["encoding"] for layer in layers if layer["mark"]["type"] == "text"]
        heights = [text["y"]["value"] for text in texts]
        assert len(heights) == 2
        assert abs(heights[0] - heights[1]) >= 12
        assert max(heights) < 0


def test_legends_have_as_many_rows_at_every_width() -> None:
    # Rows that an expression adds once the width is known have no place, and are cut off.
    legend: Any = CONFIG["legend"]

    assert legend["columns"] == 2


def test_a_sweep_has_a_curve_of_latency_by_rate() -> None:
    steps = [
        SweepStep(
            rate=rate,
            requests_per_s=rate,
            frames_per_s=1,
            error_rate=0,
            ttft_ms=Figures(count=9, p50=rate / 10, p99=rate / 5),
            e2e_ms=Figures(),
            saturated=None if rate < 400 else "1.2% errors",
        )
        for rate in (100, 400, 200)
    ]
    swept = measured().model_copy(update={"sweep": steps})
    drawn = [(row["series"], row["rate"], row["ms"], row["step"]) for row in values(swept, "sweep")]
    assert drawn[:3] == [
        ("p50", 100, 10, "kept"),
        ("p99", 100, 20, "kept"),
        ("p50", 200, 20, "kept"),
    ]
    assert drawn[-1] == ("p99", 400, 80, "1.2% errors")
    assert "sweep" not in charts(measured().model_copy(update={"sweep": steps[:1]}))


def test_errors_are_drawn_by_kind_with_what_the_first_said() -> None:
    kinds = {f"http:{status}": 10 - status for status in range(9)}
    series = [{"second": 0, "failed": 54, "errors": kinds}, {"second": 1, "errors": {}}]
    samples = {"http:0": "the first of all"}
    found = report(result({}, errors=kinds, series=series, error_samples=samples))
    first = {row["series"]: row for row in values(found, "errors") if row["second"] == 0}
    # Five kinds have colours; the rest are one.
    assert list(first) == [*(f"http:{status}" for status in range(5)), "other"]
    assert sum(row["n"] for row in first.values()) == sum(kinds.values())
    assert first["http:0"]["said"] == "the first of all"


def test_a_page_states_that_nothing_completed() -> None:
    page = to_html(report(result({}, errors={"connect": 12})))
    assert "No request completed, so there is no latency to report." in page
    assert "There is nothing to draw." in page


def test_the_configuration_is_a_table_and_not_json() -> None:
    arrivals = {"kind": "stages", "stages": [[1, 10.0], [100, 60.0]]}
    options: dict[str, Any] = {
        "arrivals": arrivals,
        "tls": {"insecure": False, "ca_file": None},
        "sources": [],
    }
    page = to_html(measured(**options)).partition("<script")[0]
    for name, value in (
        ("arrivals.kind", "stages"),
        ("arrivals.stages", "1:10, 100:60"),
        ("tls.insecure", "no"),
    ):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    assert "{" not in page.partition("Configuration")[2]
    assert "sources" not in page


def test_a_page_has_the_title_and_notes_that_it_was_given() -> None:
    named = measured().model_copy(update={"title": "Gateway <1.4>", "notes": ["two cores"]})
    page = to_html(named)
    assert "<title>Gateway &lt;1.4&gt;</title>" in page
    assert "<h1>Gateway &lt;1.4&gt;</h1>" in page
    assert "<li>two cores</li>" in page


def test_a_long_run_s_seconds_are_joined() -> None:
    spec = charts(measured(seconds=4000))["throughput"]
    data = spec["data"]
    assert isinstance(data, dict)
    points = [row for row in data["values"] if row["series"] == "completed"]
    assert len(points) <= 900
    assert points[-1]["second"] >= 3990


def browse(page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    # No name can be looked up, and nothing can be reached.
    alone = ("--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9")
    log = ("--enable-logging=stderr", "--v=0", "--virtual-time-budget=10000")
    size = "--window-size=1280,2700"
    command = [BROWSER, *flags, *alone, *log, size, *arguments, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


@needs_browser
def test_a_browser_draws_every_chart_without_complaint(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    found = measured()
    page.write_text(to_html(found), encoding="utf-8")
    browsed = browse(page, "--dump-dom")
    assert ":CONSOLE" not in browsed.stderr
    assert f'data-drawn="{len(charts(found))}"' in browsed.stdout
    figures = browsed.stdout.split("<figure")[1:]
    named = [re.findall(r'data-chart="([a-z0-9-]+)"', figure) for figure in figures]
    assert named == [[name] for name in charts(found)]
    for (name,), figure in zip(named, figures, strict=True):
        bars = re.findall(r'<path aria-label="[^"]*" [^>]*role="graphics-symbol"[^>]*>', figure)
        lines = re.findall(r'class="mark-line.*?<path[^>]* d="([^"]*)"', figure, re.DOTALL)
        # A line goes through many points, or there are many bars.
        assert len(bars) >= 50 or all(path.count("L") >= 5 for path in lines), name
        assert bars or lines, name


@needs_browser
def test_a_browser_shows_what_failed_and_what_was_asked(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(to_html(measured(seed=17)), encoding="utf-8")
    shown = re.sub(r"<script.*?</script>", "", browse(page, "--dump-dom").stdout, flags=re.DOTALL)
    for row in (
        ("http:ThrottlingException", "5", "0.5%", "429: Too many tokens"),
        ("crc", "3", "0.3%", ""),
        ("error_rate&lt;0.1%", "0.8%", "missed"),
        ("ttft.p99&lt;1s", "76.6 ms", "kept"),
        ("first token", "1,000", "58.5 ms"),
    ):
        assert "".join(f"<td>{cell}</td>" for cell in row) in shown
    for name, value in (("url", "http://127.0.0.1:1"), ("seed", "17"), ("cpus", "2")):
        assert f"<dt>{name}</dt><dd>{value}</dd>" in shown


@needs_browser
def test_a_screenshot_has_the_colours_of_its_charts(tmp_path: Path) -> None:
    page, shot = tmp_path / "report.html", tmp_path / "report.png"
    page.write_text(to_html(measured()), encoding="utf-8")
    browse(page, f"--screenshot={shot}")
    image = shot.read_bytes()
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", image[16:24]) == (1280, 2700)
    # A page that is blank where its charts should be is a tenth of this.
    assert len(image) > 100_000


@needs_browser
def test_a_page_is_dark_where_that_is_preferred(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(to_html(measured()), encoding="utf-8")
    light = browse(page, "--dump-dom").stdout
    dark = browse(page, "--dump-dom", "--blink-settings=preferredColorScheme=0").stdout
    drawn = [text.partition("<figure")[2].partition("<script")[0] for text in (light, dark)]
    for ink, colour in DARK.items():
        assert ink in drawn[0]
        assert ink not in drawn[1]
        assert colour in drawn[1]


def test_specifications_are_plain_data() -> None:
    assert json.loads(json.dumps(charts(measured()))) == charts(measured())

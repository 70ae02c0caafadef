"""Exports: each second as CSV, and the histograms as an HDR log."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

from bedrock_frames.bench.report.results import METRIC_NAMES

if TYPE_CHECKING:
    from bedrock_frames.bench.report.summary import Report

COLUMNS: Final = ("second", "sent", "completed", "failed", "in_flight", "frames", "output_tokens")
LATENCIES: Final = ("ttft_ms", "e2e_ms")
QUANTILES: Final = ("p50", "p90", "p99")
LEGEND: Final = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def write_csv(report: Report, out: TextIO) -> None:
    """Write a line for each second, with a head."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"{name}_{q}" for name in LATENCIES for q in QUANTILES)])
    for row in report.series:
        counts = [getattr(row, column) for column in COLUMNS]
        writer.writerow(
            counts + [getattr(getattr(row, name), q) for name in LATENCIES for q in QUANTILES]
        )


def write_hlog(report: Report, out: TextIO) -> None:
    """Write an HDR log, version 1.3: one interval, a tag for each metric, values in microseconds.

    Its maxima are in milliseconds.
    """
    window = report.window
    print("#[Histogram log format version 1.3]", file=out)
    print(f"#[StartTime: {report.started_at:.3f} (seconds since epoch)]", file=out)
    print(LEGEND, file=out)
    for name in METRIC_NAMES:
        if encoded := report.histograms.get(name):
            most = report.metrics.named(name).max or 0.0
            interval = f"{window.start_s:.3f},{window.length_s:.3f},{most:.3f}"
            print(f"Tag={name.removesuffix('_ms')},{interval},{encoded}", file=out)

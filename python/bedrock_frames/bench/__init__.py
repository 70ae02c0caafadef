"""The front of the benchmark harness: options, reports, and whether to trust their figures.

The native generator sends and measures; here its options are checked, its result is judged, and
reports are written, merged and compared. ``run_bench(BenchOptions(url=…))`` returns a `Report`.
"""

from __future__ import annotations

from bedrock_frames.bench.comparing.compare import Comparison, compare, show_comparison
from bedrock_frames.bench.doctor import (
    Examination,
    Finding,
    examine,
    findings_json,
    show_findings,
)
from bedrock_frames.bench.errors import InputError, OptionError
from bedrock_frames.bench.options import units
from bedrock_frames.bench.options.arrivals import Arrivals, Closed, Rate, Stages, Trace
from bedrock_frames.bench.options.auth import Auth, read_auth
from bedrock_frames.bench.options.bench_options import (
    DEFAULT_MODEL,
    BenchOptions,
    Sessions,
    expected_length,
)
from bedrock_frames.bench.report.exports import write_csv, write_hlog
from bedrock_frames.bench.report.files import write_whole
from bedrock_frames.bench.report.html import to_html
from bedrock_frames.bench.report.metrics import push, to_openmetrics
from bedrock_frames.bench.report.results import Progress
from bedrock_frames.bench.report.summary import Report, merge_reports, read_report
from bedrock_frames.bench.report.tables import show
from bedrock_frames.bench.report.thresholds import Threshold
from bedrock_frames.bench.report.thresholds import parse as parse_threshold
from bedrock_frames.bench.running.progress import display
from bedrock_frames.bench.running.run import run_bench
from bedrock_frames.bench.running.sweep import run_sweep

__all__ = [
    "DEFAULT_MODEL",
    "Arrivals",
    "Auth",
    "BenchOptions",
    "Closed",
    "Comparison",
    "Examination",
    "Finding",
    "InputError",
    "OptionError",
    "Progress",
    "Rate",
    "Report",
    "Sessions",
    "Stages",
    "Threshold",
    "Trace",
    "compare",
    "display",
    "examine",
    "expected_length",
    "findings_json",
    "merge_reports",
    "parse_threshold",
    "push",
    "read_auth",
    "read_report",
    "run_bench",
    "run_sweep",
    "show",
    "show_comparison",
    "show_findings",
    "to_html",
    "to_openmetrics",
    "units",
    "write_csv",
    "write_hlog",
    "write_whole",
]

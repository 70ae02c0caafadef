"""The benchmark harness's front: what is asked, what was found, and whether to believe it.

The native generator sends and measures; here its options are checked, its result is judged, and
reports are written, merged and compared. ``run_bench(BenchOptions(url=…))`` returns a `Report`.
"""

from __future__ import annotations

from bedrock_frames.bench import quantities
from bedrock_frames.bench.arrivals import Arrivals, Closed, Rate, Stages, Trace
from bedrock_frames.bench.auth import Auth, read_auth
from bedrock_frames.bench.comparing import Comparison, compare, show_comparison
from bedrock_frames.bench.doctor import (
    Examination,
    Finding,
    examine,
    findings_json,
    show_findings,
)
from bedrock_frames.bench.errors import InputError, OptionError
from bedrock_frames.bench.exports import write_csv, write_hlog
from bedrock_frames.bench.figures import Progress
from bedrock_frames.bench.files import write_whole
from bedrock_frames.bench.html import to_html
from bedrock_frames.bench.metrics import push, to_openmetrics
from bedrock_frames.bench.options import DEFAULT_MODEL, BenchOptions, Sessions, expected_length
from bedrock_frames.bench.progress import display
from bedrock_frames.bench.report import Report, merge_reports, read_report
from bedrock_frames.bench.run import run_bench
from bedrock_frames.bench.sweep import run_sweep
from bedrock_frames.bench.tables import show
from bedrock_frames.bench.thresholds import Threshold
from bedrock_frames.bench.thresholds import parse as parse_threshold

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
    "quantities",
    "read_auth",
    "read_report",
    "run_bench",
    "run_sweep",
    "show",
    "show_comparison",
    "show_findings",
    "to_html",
    "to_openmetrics",
    "write_csv",
    "write_hlog",
    "write_whole",
]

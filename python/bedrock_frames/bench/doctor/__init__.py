"""Examines an endpoint with one request of each kind."""

from __future__ import annotations

from bedrock_frames.bench.doctor.examine import (
    Examination,
    examine,
    findings_json,
    show_findings,
)
from bedrock_frames.bench.doctor.finding import Finding

__all__ = ["Examination", "Finding", "examine", "findings_json", "show_findings"]

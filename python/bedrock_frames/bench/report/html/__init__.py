"""A report as one HTML page that needs no network: drawn by Vega-Lite, which lies in the page."""

from __future__ import annotations

from bedrock_frames.bench.report.html.page import to_html

__all__ = ["to_html"]

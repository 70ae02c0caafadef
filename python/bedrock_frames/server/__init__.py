"""The fixture server: a Starlette app, and a way to run it.

``create_app`` puts the parts together: the engine of the extension decides what is answered
(:mod:`.catalog` keeps it loaded), :mod:`.endpoint` moves requests and answers, :mod:`.pacing` sends
what has its time, :mod:`.control` and :mod:`.metrics` are for people; :mod:`.run` opens the port.
In :mod:`.native` the extension's own threads stand before the app, and serve Bedrock's paths.
"""

import warnings

from bedrock_frames.bounds import parse_duration
from bedrock_frames.server.app import Parts, create_app, parts_of
from bedrock_frames.server.native import NativeServer, Place
from bedrock_frames.server.options import log_to_stderr, parse_timing, read_timing
from bedrock_frames.server.pacing import ConnectionCut
from bedrock_frames.server.run import Server, serve

__all__ = [
    "ConnectionCut",
    "NativeServer",
    "Parts",
    "Place",
    "Server",
    "create_app",
    "log_to_stderr",
    "parse_duration",
    "parse_timing",
    "parts_of",
    "read_timing",
    "serve",
]


def __getattr__(name: str) -> object:
    """Return what was renamed, with a warning."""
    if name == "serve_native":
        warnings.warn("serve_native is serve now", DeprecationWarning, 2)
        return serve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

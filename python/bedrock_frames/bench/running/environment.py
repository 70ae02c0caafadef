"""The environment of a run: what its figures depend on besides the endpoint."""

from __future__ import annotations

import ipaddress
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bedrock_frames._core import BUILD_PROFILE, __version__


def environment(url: str, *, now: datetime | None = None) -> dict[str, object]:
    """Describe this machine and this program."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    return {
        "time": (now or datetime.now(UTC)).isoformat(timespec="seconds"),
        "bedrock_frames": __version__,
        "build_profile": BUILD_PROFILE,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "cpus_allowed": _affinity(),
        "memory_mib": _memory_mib(),
        "load_average": None if load is None else [round(figure, 2) for figure in load],
        "same_host": is_loopback(url),
    }


def is_loopback(url: str) -> bool:
    """Return whether an endpoint is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def cpu_model(info: Path = Path("/proc/cpuinfo")) -> str | None:
    """Return the processor's name, if the system states it."""
    try:
        lines = info.read_text().splitlines()
    except OSError:
        return platform.processor() or None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None)


def _affinity() -> int | None:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else None


def _memory_mib() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError, AttributeError):
        return None

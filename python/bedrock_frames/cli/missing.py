"""Name what to install where a command's extra is missing.

``pip install 'bedrock-frames[EXTRA]'`` works only where an index has the package. The installed
metadata names the extra's packages themselves, which every index has.
"""

from __future__ import annotations

import re
import shlex
import sys
from importlib import metadata
from typing import Final

_DISTRIBUTION: Final = "bedrock-frames"


def explain(module: str | None, extra: str) -> str:
    """Say which extra a module that cannot be imported belongs to, and how to install it."""
    wanted = _requirements(extra) or [f"{_DISTRIBUTION}[{extra}]"]
    command = shlex.join([sys.executable or "python", "-m", "pip", "install", *wanted])
    return f"{module} is missing: this command needs the extra '{extra}': {command}"


def _requirements(extra: str) -> list[str]:
    """Return the requirements of an extra of which no version is installed."""
    try:
        stated = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for requirement in stated:
        package, _, marker = (part.strip() for part in requirement.partition(";"))
        other, is_conditional, wanted = marker.rpartition("extra == ")
        if not is_conditional or wanted.strip("\"' ") != extra or _is_installed(package):
            continue
        other = other.strip().removesuffix("and").strip()
        found.append(f"{package}; {other}" if other else package)
    return found


def _is_installed(requirement: str) -> bool:
    name = re.match(r"[\w.-]+", requirement)
    try:
        metadata.distribution(name[0] if name else requirement)
    except metadata.PackageNotFoundError:
        return False
    return True

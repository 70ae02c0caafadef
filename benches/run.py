"""Run the benchmarks one after the other, each in a process of its own.

    python -m benches.run [--only NAME …] [--quick] [--results FOLDER]

Each writes FOLDER/NAME.json. Nothing else may run meanwhile. With ``--quick`` the figures mean
nothing, and go to a folder that is thrown away unless one is named.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benches.harness import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

SCRIPTS: Final = (
    *("framing", "codec", "botocore_calls", "matching", "startup"),
    *("unpaced", "paced", "held", "worker", "threads", "load"),
)
RESULTS: Final = ROOT / "benches" / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; return 1 where one failed."""
    options = parser().parse_args(arguments)
    if options.quick and options.results == RESULTS:
        with tempfile.TemporaryDirectory() as temporary:
            return run(options.only, Path(temporary), quick=True)
    return run(options.only, options.results, quick=options.quick)


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS, metavar="NAME")
    made.add_argument("--quick", action="store_true", help="only show that they work")
    made.add_argument("--results", type=Path, default=RESULTS, metavar="FOLDER")
    return made


def run(names: Sequence[str], results: Path, *, quick: bool) -> int:
    """Run some scripts and say how each went and how long it took."""
    failed = []
    begun = time.monotonic()
    for number, name in enumerate(names, 1):
        print(f"== {name} ({number} of {len(names)})", flush=True)
        command = [
            sys.executable,
            "-m",
            f"benches.{name}",
            "--output",
            str(results / f"{name}.json"),
        ]
        started = time.monotonic()
        done = subprocess.run(command + ["--quick"] * quick, cwd=ROOT, check=False)
        print(f"== {name}: {time.monotonic() - started:.0f} s\n", flush=True)
        if done.returncode:
            failed.append(name)
    print(f"{len(names) - len(failed)} of {len(names)} in {time.monotonic() - begun:.0f} s")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

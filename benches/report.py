"""Write down what was measured: benches/README.md, the plots, and every figure in other documents.

    python -m benches.report

All of it comes from benches/results, so that no figure is ever copied by hand.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from benches import headline, tables
from benches.harness import ROOT
from benches.outcome import read
from benches.run import RESULTS, SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benches.outcome import Result

BENCHES: Final = ROOT / "benches"
SHOWN: Final = (*SCRIPTS, "soak")
"""What is read of the results; the soak runs on its own."""
QUOTING: Final = (ROOT / "README.md", ROOT / "docs" / "framing.md")
"""Documents that quote figures, each between two marks."""

_QUOTED: Final = re.compile(
    r"(?P<begin><!-- figures: (?P<name>[\w-]+) -->)(?P<said>.*?)(?P<end><!-- end -->)", re.DOTALL
)


def results(folder: Path = RESULTS) -> dict[str, Result]:
    """Read what was measured, by benchmark, in their order."""
    found = ((name, folder / f"{name}.json") for name in SHOWN)
    return {name: read(path) for name, path in found if path.exists()}


def documents(measured: Mapping[str, Result]) -> Iterator[tuple[Path, str]]:
    """Yield documents with what they should say."""
    yield BENCHES / "README.md", tables.page(measured)
    for path in QUOTING:
        yield path, quoting(path.read_text(), measured)


def quoting(text: str, measured: Mapping[str, Result]) -> str:
    """Return a document with its quoted figures as they were measured."""

    def quote(found: re.Match[str]) -> str:
        needed, words = headline.QUOTES[found["name"]]
        # What was not measured is left as it stands.
        said = words(measured) if needed <= measured.keys() else found["said"]
        return f"{found['begin']}{said}{found['end']}"

    return _QUOTED.sub(quote, text)


def main() -> int:
    """Write all of it."""
    # Drawing needs a library that reading does not.
    from benches import plots

    measured = results()
    for path, text in documents(measured):
        path.write_text(text)
    for path, spec in plots.specs(measured).items():
        plots.draw(spec, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Write the vector files: ``python -m tests.vectors.make``."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.vectors import malformed, valid
from tests.vectors.format import Vector, to_json

FOLDER: Final = Path(__file__).parent

THEMES: Final[dict[str, Callable[[], Iterator[Vector]]]] = {
    "values": valid.values,
    "names": valid.names,
    "payloads": valid.payloads,
    "streams": valid.streams,
    "limits": valid.limits,
    "headers": malformed.headers,
    "checksums": malformed.checksums,
    "lengths": malformed.lengths,
    "foreign": malformed.foreign,
}


def text(theme: str) -> str:
    """Return a theme's file: a JSON array with one vector a line."""
    named = (replace(vector, name=f"{theme}/{vector.name}") for vector in THEMES[theme]())
    lines = (json.dumps(to_json(vector), ensure_ascii=True) for vector in named)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    """Write every file."""
    for theme in THEMES:
        (FOLDER / f"{theme}.json").write_text(text(theme))


if __name__ == "__main__":
    main()

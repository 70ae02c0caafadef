"""Write the vectors as a corpus to start from: ``python rust/fuzz/seed.py``."""

import json
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
VECTORS: Final = HERE.parents[1] / "tests" / "vectors"
TARGETS: Final = ("raw", "repaired")

LONGEST: Final = 4096
"""The fuzzer's default bound for what it makes; longer seeds slow it down and add no paths."""


def unspell(text: str) -> bytes:
    """Return bytes spelled in hex, where ``61*32767`` is one byte repeated."""
    words = (word.partition("*") for word in text.split())
    return b"".join(bytes.fromhex(byte) * int(count or 1) for byte, _, count in words)


def main() -> None:
    """Write one file a vector and target."""
    entries = [entry for file in VECTORS.glob("*.json") for entry in json.loads(file.read_text())]
    for target in TARGETS:
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            data = unspell(entry["bytes"])
            if len(data) <= LONGEST:
                (folder / entry["name"].replace("/", "-")).write_bytes(data)


if __name__ == "__main__":
    main()

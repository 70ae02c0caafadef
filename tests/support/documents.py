"""The project's documents, taken apart: fenced blocks with their places, commands, links."""

import doctest
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PORT: Final = "4010"
"""The port of the documents; each run takes a free one."""
SHOWN: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
"""How output is compared with what a document shows."""

_FENCE: Final = re.compile(r"^```(?P<info>.*)$")
_LINK: Final = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+\s+(?P<text>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block. ``line`` is the number of its first line of text, from 1."""

    document: Path
    line: int
    info: str
    lines: tuple[str, ...]

    @property
    def language(self) -> str:
        """The first word after the fence."""
        return self.info.split()[0] if self.info else ""

    @property
    def text(self) -> str:
        """What stands in it."""
        return "\n".join(self.lines) + "\n"

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a ``console`` block, and the output that is shown; None where none is."""

    text: str
    shown: str | None

    @property
    def in_background(self) -> bool:
        """Whether the block goes on while it runs."""
        return self.text.endswith("&")


def blocks_of(document: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a document."""
    lines = document.read_text().splitlines()
    begun: tuple[int, str] | None = None
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if begun is None:
            begun = (number, fence["info"])
            continue
        start, info = begun
        begun = None
        inside = tuple(lines[start + 1 : number])
        yield Block(document=document, line=start + 2, info=info, lines=inside)
    assert begun is None, f"{document.name} has a block without an end"


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of all documents in these languages, or all blocks."""
    found = [block for document in DOCUMENTS for block in blocks_of(document)]
    return [block for block in found if not languages or block.language in languages]


def commands_of(block: Block) -> list[Command]:
    """Return what a ``console`` block runs: ``$`` begins a command, ``>`` goes on with it."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.lines:
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") or line == ">":
            found[-1][0].append(line[2:])
        else:
            found[-1][1].append(line)
    return [
        Command(text="\n".join(told), shown="\n".join(shown).strip("\n") if shown else None)
        for told, shown in found
    ]


def only_python(document: Path) -> str:
    """Return a document with everything but its prompts in Python blanked, line for line."""
    count = len(document.read_text().splitlines())
    lines = [""] * count
    for block in blocks_of(document):
        if block.language == "python" and ">>>" in block.text:
            lines[block.line - 1 : block.line - 1 + len(block.lines)] = block.lines
    return "\n".join(lines) + "\n"


def prose(document: Path) -> str:
    """Return a document without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def local_links(document: Path) -> list[str]:
    """Return the targets of a document's links that are no URLs."""
    targets = [found["target"] for found in _LINK.finditer(prose(document))]
    return [target for target in targets if "://" not in target]


def anchors(document: Path) -> set[str]:
    """Return the names of a document's headings in links."""
    headings = [found["text"] for found in _HEADING.finditer(prose(document))]
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


def free_port() -> str:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])

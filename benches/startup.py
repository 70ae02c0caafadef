"""How long ``bedrock-frames serve`` takes to start with 10,000 fixtures.

    python -m benches.startup [--quick] [--output FILE]

From the start of the process to its line on stdout. The last fixture must then answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benches import harness, stream
from benches.outcome import Outcome, alone

if TYPE_CHECKING:
    from benches.harness import Effort

FIXTURES: Final = 10_000
FILES: Final = 100
LISTENING: Final = "listening on "


def write(folder: Path) -> None:
    """Write the fixtures, each of its own text, in some files."""
    for file in range(FILES):
        numbers = range(file, FIXTURES, FILES)
        entries = [{"match": {"userMessage": text(n)}, "response": answer(n)} for n in numbers]
        (folder / f"{file:03}.json").write_text(json.dumps({"fixtures": entries}))


def text(number: int) -> str:
    return f"question {number:05}"


def answer(number: int) -> dict[str, object]:
    said = f"This is the answer to question {number:05}. " * 4
    call = {"name": "look_up", "arguments": {"number": number}}
    return {"content": said, "toolCalls": [call]} if number % 4 == 0 else {"content": said}


def start(folder: Path, *options: str) -> float:
    """Start a server once; return the seconds it took."""
    words = [sys.executable, "-m", "bedrock_frames", "serve", str(folder), "--port", "0", *options]
    begun = time.monotonic()
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        took = time.monotonic() - begun
        try:
            assert said.startswith(LISTENING), said
            assert_answers(said.removeprefix(LISTENING).strip())
        finally:
            server.terminate()
    return took


def assert_answers(url: str) -> None:
    last = text(FIXTURES - 1)
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": last}]}]}).encode()
    with urllib.request.urlopen(f"{url}/model/{stream.MODEL}/converse", body) as response:  # noqa: S310  (our own server)
        assert f"answer to {last}" in response.read().decode()


def measure(effort: Effort) -> Outcome:
    rounds = effort.pick(3, 1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write(folder)
        native, asgi = [], []
        for _ in range(rounds):
            native.append(start(folder))
            asgi.append(start(folder, "--asgi"))
    return Outcome(
        comparisons=[
            alone(f"{tier}, {FIXTURES:,} fixtures", took, unit="s", bound="at_most", target=5)
            for tier, took in {"native": native, "asgi": asgi}.items()
        ]
    )


if __name__ == "__main__":
    harness.main(measure, name="startup", description=__doc__)

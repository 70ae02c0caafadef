"""One engine, two tiers, two protocols: the same bytes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from bedrock_frames import fixtures
from bedrock_frames.server import Server
from tests import cases
from tests.cases import ROOT
from tests.http_client import MODEL, ask, asking
from tests.planes import curl, needs_curl

EXAMPLES: Final = sorted((ROOT / "examples" / "fixtures").iterdir())
OPERATIONS: Final = ["converse", "converse-stream", "invoke", "invoke-with-response-stream"]
SEED: Final = 11
PACES: Final = {"timing", "latency", "streamingProfile", "recordedTimings", "replaySpeed"}


def unpaced(path: Path) -> list[dict[str, Any]]:
    stated: list[dict[str, Any]] = fixtures.load([path]).to_json()
    return [{k: v for k, v in fixture.items() if k not in PACES} for fixture in stated]


def questions(path: Path) -> Iterator[str]:
    """Yield what its fixtures want to be asked, twice for sequences, and what none answers."""
    for fixture in unpaced(path):
        asked = fixture.get("match", {}).get("userMessage", "anything")
        yield from [asked if isinstance(asked, str) else "say it"] * 2
    yield "what nobody knows"


def invoking(text: str) -> dict[str, Any]:
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": text}],
    }


def requests(path: Path) -> list[tuple[str, bytes]]:
    return [
        (
            f"/model/{MODEL}/{operation}",
            json.dumps((invoking if "invoke" in operation else asking)(text)).encode(),
        )
        for text in questions(path)
        for operation in OPERATIONS
    ]


def said(server: Server, path: Path) -> list[tuple[int, str | None, bytes]]:
    replies = [ask(server.url, "POST", target, body) for target, body in requests(path)]
    assert all(reply.complete for reply in replies)
    return [(reply.status, reply.error_type, reply.body) for reply in replies]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_the_same_bytes_from_both_tiers(path: Path) -> None:
    given = unpaced(path)
    with Server(given, seed=SEED) as native, Server(given, seed=SEED, asgi=True) as portable:
        assert said(native, path) == said(portable, path)


@needs_curl
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_the_same_bytes_over_both_protocols(path: Path, tmp_path: Path) -> None:
    given = unpaced(path)
    with Server(given, seed=SEED) as one, Server(given, seed=SEED) as two:
        over_1 = [(status, body) for status, _, body in said(one, path)]
        over_2 = []
        for target, body in requests(path):
            url = two.url + target
            status, version, answer = curl(tmp_path, url, "--http2-prior-knowledge", body=body)
            over_2.append((status, answer))
            assert version == "2"

    assert over_1 == over_2


@cases.needs_corpus
def test_recordings_are_served_byte_for_byte() -> None:
    recordings = [r for r in cases.RECORDINGS if b"contentBlockDelta" in r.data[:4096]]
    served = [
        {**fixtures.from_recording(r.data, padding=True), "match": {"userMessage": f"<{at}>"}}
        for at, r in enumerate(recordings)
    ]
    for fixture in served:
        fixture.pop("timing", None)
    with Server(served) as native, Server(served, asgi=True) as portable:
        for at, recording in enumerate(recordings):
            for server in (native, portable):
                target = f"/model/{MODEL}/converse-stream"
                assert ask(server.url, "POST", target, asking(f"<{at}>")).body == recording.data

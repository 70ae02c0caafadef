"""What langchain-aws makes of InvokeModel: embeddings, and completions of prompts."""

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import pytest

from bedrock_frames.server import Server
from tests.clients.commands import python_of
from tests.clients.running import variables
from tests.support.documents import ROOT

Ask: TypeAlias = Callable[[str, str, str | list[str]], dict[str, Any]]

TEXTS: Final = ["one text", "another text", "one text"]
COMPLETIONS: Final = {
    "deepseek": "us.deepseek.r1-v1:0",
    "llama": "meta.llama3-8b-instruct-v1:0",
    "mistral": "mistral.mistral-7b-instruct-v0:2",
    "titan": "amazon.titan-text-express-v1",
}


@pytest.fixture(scope="module")
def ask(bedrock_server: Server) -> Iterator[Ask]:
    """Asks in one process: importing langchain-aws takes longer than all that it is asked."""
    with subprocess.Popen(
        [python_of("newest"), "-W", "ignore", "-m", "tests.clients.langchain_invoke"],
        cwd=ROOT,
        env=variables(bedrock_server.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def ask(kind: str, model: str, prompt: str | list[str]) -> dict[str, Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            request = {"url": bedrock_server.url, "kind": kind, "prompt": prompt}
            print(json.dumps({**request, "options": {"model_id": model}}), file=process.stdin)
            process.stdin.flush()
            said: dict[str, Any] = json.loads(process.stdout.readline())
            return said

        try:
            yield ask
        finally:
            assert process.stdin is not None
            process.stdin.close()


@pytest.mark.parametrize(
    ("model", "requests"), [("amazon.titan-embed-text-v2:0", 3), ("cohere.embed-english-v3", 1)]
)
def test_embeddings_have_a_vector_for_each_text(
    model: str, requests: int, bedrock: Server, ask: Ask
) -> None:
    bedrock.add(response={"embedding": {"dimensions": 8}})
    vectors = ask("embeddings", model, TEXTS)["vectors"]

    assert [len(vector) for vector in vectors] == [8] * 3
    assert vectors[0] == vectors[2] != vectors[1]
    assert len(bedrock.requests) == requests


@pytest.mark.parametrize("family", COMPLETIONS)
@pytest.mark.parametrize("kind", ["invoke", "stream"])
def test_completions_arrive(kind: str, family: str, bedrock: Server, ask: Ask) -> None:
    bedrock.add(match={"userMessage": "hello"}, response={"content": "Hello! How can I help you?"})
    said = ask(kind, COMPLETIONS[family], "hello")["pieces"]

    assert "".join(said).strip() == "Hello! How can I help you?", said
    assert kind == "invoke" or len(said) > 1


def test_a_refusal_has_its_message(bedrock: Server, ask: Ask) -> None:
    error = {"name": "ValidationException", "message": "The model identifier is invalid."}
    bedrock.add(response={"error": error})
    said = ask("invoke", COMPLETIONS["llama"], "hello")

    assert "The model identifier is invalid." in said["failure"]["message"]

"""Which clients a test asks, in which ways, and what it looks at then."""

from collections.abc import Iterable
from typing import Final

import pytest

from bedrock_frames._core import JournalEntry
from bedrock_frames.server import Server
from tests.clients.running import REACHED
from tests.clients.talk import Reply, Turn

STREAMED: Final = {True: "streamed", False: "whole"}


def over(names: Iterable[str]) -> pytest.MarkDecorator:
    """Parametrise a test's ``client`` and ``stream``."""
    cases = [(name, stream) for name in names for stream in STREAMED]
    return pytest.mark.parametrize(
        ("client", "stream"),
        cases,
        ids=[f"{name}-{STREAMED[stream]}" for name, stream in cases],
        indirect=["client"],
    )


_AWS_SDKS: Final = [name for name, kind in REACHED.items() if kind.aws_sdk]

each: Final = over(REACHED)
each_sdk: Final = over(name for name, kind in REACHED.items() if kind.asks_again == 1)
each_agent: Final = over(name for name, kind in REACHED.items() if kind.asks_again > 1)
each_aws_sdk: Final = over(_AWS_SDKS)

each_streamed: Final = pytest.mark.parametrize("client", REACHED, indirect=True)
each_aws_sdk_streamed: Final = pytest.mark.parametrize("client", _AWS_SDKS, indirect=True)


def turns_of(reply: Reply) -> list[Turn]:
    """Return the turns of a reply that must have some."""
    assert "turns" in reply, reply
    return reply["turns"]


def asked(bedrock: Server) -> list[JournalEntry]:
    """Return the requests for an answer; Strands 1.38.0 counts the tokens of each before it."""
    return [request for request in bedrock.requests if request.operation != "count-tokens"]


def statuses(bedrock: Server) -> list[int]:
    """Return how each of them was answered."""
    return [request.status for request in asked(bedrock)]

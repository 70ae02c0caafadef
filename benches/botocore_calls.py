"""botocore with the native path against botocore as it is.

    python -m benches.botocore_calls [--quick] [--output FILE]

Three readers of the same 64-event answer: ``EventStreamBuffer`` alone, used as botocore's
``EventStream`` uses it; buffer and parser, used as LiteLLM and the anthropic SDK use them; and
boto3's ``converse_stream`` against a server in another process, CPU time of the client alone.
"""

from __future__ import annotations

import multiprocessing
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
import botocore
import botocore.session
from botocore.config import Config
from botocore.eventstream import EventStreamBuffer as BotocoreBuffer
from botocore.parsers import EventStreamJSONParser
from tests.support import wire_format as wire

from bedrock_frames import botocore as native
from benches import harness
from benches.harness import Contender, Effort
from benches.outcome import Comparison, Outcome, alone, faster, quotients

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

EVENTS: Final = 64
CALLS: Final = 40
"""Calls in one sample."""
PADDING: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def answer() -> list[bytes]:
    """Return the frames of a ConverseStream answer as Bedrock sends it."""

    def frame(event_type: str, payload: str) -> bytes:
        headers = {":event-type": event_type, ":content-type": "application/json"}
        return wire.encode({**headers, ":message-type": "event"}, payload.encode())

    def delta(index: int) -> bytes:
        padding = PADDING[: 2 + index * 37 % 60]
        text = f'{{"contentBlockIndex":0,"delta":{{"text":" token {index}"}},"p":"{padding}"}}'
        return frame("contentBlockDelta", text)

    frames = [
        frame("messageStart", '{"p":"abcdefgh","role":"assistant"}'),
        *map(delta, range(EVENTS - 4)),
        frame("contentBlockStop", '{"contentBlockIndex":0,"p":"abcdefghijkl"}'),
        frame("messageStop", '{"p":"abcdefghijklmnop","stopReason":"end_turn"}'),
        frame(
            "metadata",
            '{"metrics":{"latencyMs":1234},"p":"abcd",'
            '"usage":{"inputTokens":10,"outputTokens":60,"totalTokens":70}}',
        ),
    ]
    assert len(frames) == EVENTS
    return frames


def serve(port: Connection, response: bytes) -> None:
    """Give the same response to every request, one connection after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port.send(server.getsockname()[1])
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection, connection.makefile("rb") as requests:
                while head := _head(requests):
                    requests.read(int(head["content-length"]))
                    connection.sendall(response)


def _head(requests: Any) -> dict[str, str]:
    head: dict[str, str] = {}
    while (line := requests.readline().decode().strip()) or not head:
        if not line:
            return {}
        name, _, value = line.partition(":")
        head[name.lower()] = value
    return head


@contextmanager
def client_of(chunks: Sequence[bytes]) -> Iterator[BedrockRuntimeClient]:
    """Yield a client of a server that sends these HTTP chunks, in one piece."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
        b"x-amzn-requestid: 0\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=serve, args=(there, head + body), daemon=True)
    process.start()
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{here.recv()}",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106  (nobody checks it)
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        yield client
    finally:
        client.close()
        process.terminate()
        process.join()


def repeated(work: Callable[[], object], *, installed: bool = False) -> Contender:
    """Return a contender that answers ``CALLS`` times, installing first where it should."""

    def run() -> None:
        if installed:
            native.install()
        for _ in range(CALLS):
            work()
        native.uninstall()

    return Contender(name="native" if installed else "botocore", run=run, units=CALLS)


def buffers(chunks: Sequence[bytes]) -> list[Contender]:
    def read(buffer_class: type[BotocoreBuffer]) -> list[dict[str, Any]]:
        buffer = buffer_class()
        responses = []
        for chunk in chunks:
            buffer.add_data(chunk)
            responses += [message.to_response_dict() for message in buffer]
        return responses

    ours, theirs = native.EventStreamBuffer, BotocoreBuffer
    assert read(ours) == read(theirs)
    assert len(read(ours)) == EVENTS
    return [
        Contender(name="native", run=repeated(lambda: read(ours)).run, units=CALLS),
        Contender(name="botocore", run=repeated(lambda: read(theirs)).run, units=CALLS),
    ]


def decoders(chunks: Sequence[bytes]) -> list[Contender]:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    output = model.operation_model("ConverseStream").output_shape
    assert output is not None
    shape = output.members["stream"]

    def decode() -> list[Any]:
        # By attribute, as those who import it when they need it: that is what is replaced.
        buffer, parser = botocore.eventstream.EventStreamBuffer(), EventStreamJSONParser()
        events = []
        for chunk in chunks:
            buffer.add_data(chunk)
            for message in buffer:
                response: Any = message.to_response_dict()
                events.append(parser.parse(response, shape))
        return events

    return both(decode)


def calls(client: BedrockRuntimeClient) -> list[Contender]:
    def stream() -> Any:
        messages: Any = [{"role": "user", "content": [{"text": "hello"}]}]
        return client.converse_stream(modelId="model", messages=messages)["stream"]

    def unread() -> None:
        for _ in stream()._raw_stream.stream():
            pass

    return [
        *both(lambda: list(stream())),
        Contender(name="unparsed", run=repeated(unread).run, units=CALLS),
    ]


def both(work: Callable[[], list[Any]]) -> list[Contender]:
    """Return the work with and without the native path, its results shown to be the same."""
    expected = work()
    native.install()
    found = work()
    native.uninstall()
    assert repr(found) == repr(expected)
    assert len(found) == EVENTS
    return [repeated(work, installed=True), repeated(work)]


def compare(name: str, contenders: list[Contender], rounds: int, target: float) -> list[Comparison]:
    samples = harness.measure(contenders, rounds=rounds)
    micro = {who: [sample / 1e3 for sample in of] for who, of in samples.items()}
    ours, theirs, unit = micro["native"], micro["botocore"], "µs CPU/answer"
    found = [faster(name, ours, "botocore", theirs, unit=unit, target=target)]
    if "unparsed" in micro:
        ceiling = f"{name}: if framing and parsing were free"
        found.append(alone(ceiling, quotients(theirs, micro["unparsed"]), unit="×"))
    return found


def measure(effort: Effort) -> Outcome:
    rounds = effort.pick(15, 1)
    frames = answer()
    whole = b"".join(frames)
    chunkings = {
        "a frame a chunk": frames,
        "1,000 B chunks": [whole[at : at + 1_000] for at in range(0, len(whole), 1_000)],
        "one chunk": [whole],
    }
    found = []
    for name, chunks in chunkings.items():
        found += compare(f"EventStreamBuffer, {name}", buffers(chunks), rounds, 8)
        found += compare(f"buffer and parser, {name}", decoders(chunks), rounds, 8)
        with client_of(chunks) as client:
            found += compare(f"boto3 converse_stream, {name}", calls(client), rounds, 1.5)
    peers = {"botocore": botocore.__version__, "boto3": boto3.__version__}
    return Outcome(comparisons=found, peers=peers)


if __name__ == "__main__":
    harness.main(measure, name="botocore_calls", description=__doc__)

"""HTTP/2, right and wrong: streams that end before their time, windows, bounds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hyperframe.frame import DataFrame, GoAwayFrame, RstStreamFrame, WindowUpdateFrame

from bedrock_frames import decode_all
from bedrock_frames._core import Plane, self_signed
from bedrock_frames.server import Server
from tests.support.http2_client import CANCEL, WIDE, Http2, http2
from tests.support.http_client import CONVERSE, CONVERSE_STREAM, Reply, ask, asking, connect
from tests.support.native_server import at_rest, paced, plane, wait_for

TEXT: Final = "Word after word, as if there were no end to it, until there is."
PACED: Final = "a little at a time"
ENDLESS: Final = "for ever and ever and ever"
LARGE: Final = "x" * 1_000_000
FIXTURES: Final[list[Any]] = [
    {"match": {"userMessage": "hello"}, "response": {"content": TEXT}},
    paced(PACED, gap_ms=5),
    paced(ENDLESS, gap_ms=3_600_000),
    {"match": {"userMessage": "large"}, "response": {"content": LARGE}, "chunkSize": 4096},
    {
        "match": {"userMessage": "of three frames"},
        "response": {"content": "x" * 40_000},
        "chunkSize": 16_000,
    },
    {
        "match": {"userMessage": "cut"},
        "response": {"content": TEXT},
        "chunkSize": 3,
        "truncateAfterChunks": 4,
    },
]
REFUSED_STREAM: Final = 7
MAX_BODY: Final = 25_000_000


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, Plane]]:
    with plane(FIXTURES, threads=2) as served:
        yield served


@pytest.fixture(scope="module")
def url(served: tuple[str, Plane]) -> str:
    return served[0]


@pytest.fixture(scope="module")
def expected(url: str) -> Reply:
    """The paced answer, as HTTP/1.1 gives it."""
    return ask(url, "POST", CONVERSE_STREAM, asking(PACED))


@pytest.fixture(autouse=True)
def _still_serving(served: tuple[str, Plane]) -> Iterator[None]:
    """Hold after every test: it answers, and nothing is under way."""
    yield
    with http2(served[0]) as connection:
        assert connection.ask(CONVERSE, asking("hello")).status == 200
    at_rest(served[1])


def begun(connection: Http2, text: str) -> int:
    """Ask for a stream, and wait until it has begun."""
    stream = connection.ask_for(CONVERSE_STREAM, asking(text))
    while not connection.answers[stream].body:
        connection.read()
    return stream


def frames(body: bytes) -> list[str | None]:
    return [message.event_type for message in decode_all(body)]


def test_a_goaway_behind_each_request_cuts_no_stream(url: str, expected: Reply) -> None:
    """The JavaScript SDK sends one with every request."""
    for _ in range(3):
        with http2(url) as connection:
            stream = connection.ask_for(CONVERSE_STREAM, asking(PACED))
            connection.send(GoAwayFrame(last_stream_id=0))
            reply = connection.reply(stream)
        assert reply.complete
        assert frames(reply.body) == frames(expected.body)


def test_a_goaway_amid_streams_cuts_none_of_them(url: str, expected: Reply) -> None:
    with http2(url) as connection:
        streams = [begun(connection, PACED) for _ in range(5)]
        connection.send(GoAwayFrame(last_stream_id=0))
        replies = [connection.reply(stream) for stream in streams]
        connection.read_to_the_end()

    assert all(reply.complete for reply in replies)
    assert {len(reply.body) for reply in replies} == {len(expected.body)}


def test_a_stream_that_is_reset_takes_no_other_with_it(served: tuple[str, Plane]) -> None:
    url, serving = served
    before = at_rest(serving).client_left
    with http2(url) as connection:
        left = [begun(connection, ENDLESS) for _ in range(5)]
        stayed = [begun(connection, PACED) for _ in range(5)]
        for stream in left:
            connection.send(RstStreamFrame(stream, CANCEL))
        replies = [connection.reply(stream) for stream in stayed]
        wait_for(serving, in_flight=0, client_left=before + 5)

        assert all(reply.complete for reply in replies)
        assert connection.ask(CONVERSE, asking("hello")).status == 200


def test_a_connection_that_is_lost_frees_all_its_streams(served: tuple[str, Plane]) -> None:
    url, serving = served
    before = at_rest(serving).client_left
    with http2(url) as connection:
        for _ in range(50):
            begun(connection, ENDLESS)
        wait_for(serving, streams=50, in_flight=50)
    assert at_rest(serving).client_left == before + 50


def test_a_stream_whose_window_is_shut_holds_up_no_other(url: str) -> None:
    with http2(url, window=0) as connection:
        shut, open_ = (connection.ask_for(CONVERSE_STREAM, asking(t)) for t in ("large", PACED))
        connection.send(WindowUpdateFrame(open_, 1 << 20))
        assert connection.reply(open_).complete
        assert connection.answers[shut].body == b""
        connection.send(WindowUpdateFrame(shut, WIDE))
        reply = connection.reply(shut)

    assert reply.complete
    assert b"".join(m.payload for m in decode_all(reply.body)).count(b"x") >= len(LARGE)


def test_a_window_of_any_size_gives_the_same_bytes(url: str) -> None:
    whole = ask(url, "POST", CONVERSE, asking("large")).body
    for size in (1000, 16_384, 65_535):
        with http2(url, window=size) as connection:
            stream = connection.ask_for(CONVERSE, asking("large"))
            answer = connection.answers[stream]
            seen = 0
            while not answer.ended:
                connection.read()
                if len(answer.body) > seen:
                    connection.send(WindowUpdateFrame(stream, len(answer.body) - seen))
                    seen = len(answer.body)
        assert answer.body == whole


@pytest.mark.parametrize("text", ["large", "of three frames"])
def test_an_answer_is_under_way_until_its_reader_has_taken_it(
    served: tuple[str, Plane], text: str
) -> None:
    url, serving = served
    before = at_rest(serving).client_left
    with http2(url, window=1000) as connection:
        begun(connection, text)
        assert serving.figures().in_flight == 1
    assert wait_for(serving, in_flight=0).client_left == before + 1


def test_a_cut_stream_has_its_frames_and_is_reset(url: str) -> None:
    with http2(url) as connection:
        reply = connection.reply(connection.ask_for(CONVERSE_STREAM, asking("cut")))
        again = connection.ask(CONVERSE, asking("hello"))

    assert not reply.complete
    assert len(decode_all(reply.body)) == 4
    assert again.status == 200


def test_a_cut_stream_has_its_frames_where_the_server_is_late() -> None:
    fixtures = [*FIXTURES, *({**FIXTURES[3], "match": {"userMessage": f"<{n}>"}} for n in range(5))]
    with plane(fixtures, threads=1) as (url, _), http2(url) as connection:
        assert connection.reply(connection.ask_for(CONVERSE_STREAM, asking("cut"))).status == 200
        for number in range(5):
            cut, other = (
                connection.ask_for(CONVERSE_STREAM, asking(text)) for text in ("cut", f"<{number}>")
            )
            assert len(decode_all(connection.reply(cut).body)) == 4
            assert connection.reply(other).complete


def test_streams_above_the_bound_are_refused_and_the_others_go_on() -> None:
    with plane(FIXTURES, max_streams=5) as (url, _), http2(url) as connection:
        streams = [connection.ask_for(CONVERSE_STREAM, asking(PACED)) for _ in range(6)]
        for stream in streams[:5]:
            assert connection.reply(stream).complete
        assert connection.answers[streams[5]].reset == REFUSED_STREAM
        assert connection.ask(CONVERSE, asking("hello")).status == 200


def test_requests_above_the_bound_get_a_typed_answer() -> None:
    with plane(FIXTURES, max_in_flight=2) as (url, serving), http2(url) as connection:
        for _ in range(2):
            begun(connection, ENDLESS)
        reply = connection.ask(CONVERSE, asking("hello"))
        wait_for(serving, in_flight=2)

    assert (reply.status, reply.error_type) == (503, "ServiceUnavailableException")


def test_a_connection_above_the_bound_gets_an_answer_before_it_says_what_it_speaks() -> None:
    with plane(FIXTURES, max_connections=1) as (url, serving):
        with http2(url) as one:
            assert one.ask(CONVERSE, asking("hello")).status == 200
            with connect(url) as two:
                assert two.reply().status == 503
                assert two.socket.recv(1) == b""
        wait_for(serving, connections=0)


def test_a_body_above_the_bound_is_refused_and_the_connection_goes_on(url: str) -> None:
    with http2(url) as connection:
        stream = connection.open(CONVERSE)
        connection.send_body(stream, b" " * (MAX_BODY + 1))
        reply = connection.reply(stream)
        assert (reply.status, reply.error_type) == (400, "ValidationException")
        assert connection.ask(CONVERSE, asking("hello")).status == 200


def test_a_body_without_end_is_answered_before_it(url: str) -> None:
    with http2(url) as connection:
        stream = connection.open(CONVERSE)
        connection.send_body(stream, b" " * (MAX_BODY * 5))
        reply = connection.reply(stream)
        assert (reply.status, reply.error_type) == (400, "ValidationException")
        assert connection.ask(CONVERSE, asking("hello")).status == 200


@pytest.mark.parametrize("stated", ["5", "500"])
def test_a_body_that_is_not_as_long_as_it_says_is_refused_alone(url: str, stated: str) -> None:
    with http2(url) as connection:
        going_on = begun(connection, PACED)
        body = json.dumps(asking("hello")).encode()
        stream = connection.open(CONVERSE, {"content-length": stated})
        connection.send(DataFrame(stream, body, flags=("END_STREAM",)))
        while not (connection.answers[stream].ended or connection.answers[stream].reset):
            connection.read()
        assert connection.answers[stream].reset is not None
        assert connection.reply(going_on).complete


def test_one_connection_serves_bedrock_and_the_app() -> None:
    with Server(FIXTURES) as server, http2(server.url) as connection:
        for _ in range(3):
            assert connection.ask(CONVERSE, asking("hello")).status == 200
            stream = connection.open(
                "/health", {}, method="GET", flags=("END_HEADERS", "END_STREAM")
            )
            assert connection.reply(stream).json == {"status": "ok"}


def test_tls_gives_what_plain_connections_give(tmp_path: Path, expected: Reply) -> None:
    pems = self_signed(["localhost"])
    certificate = tmp_path / "certificate.pem"
    certificate.write_text(pems[0])
    with (
        plane(FIXTURES, tls=pems) as (url, _),
        http2(url, trusting=certificate) as two,
        connect(url, trusting=certificate) as one,
    ):
        over_2 = two.ask(CONVERSE_STREAM, asking(PACED))
        over_1 = one.ask("POST", CONVERSE_STREAM, asking(PACED))

    assert over_1.complete
    assert over_2.complete
    assert frames(over_1.body) == frames(over_2.body) == frames(expected.body)

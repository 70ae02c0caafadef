"""A client that says to an HTTP/2 connection exactly what a test wants said, frame by frame.

It keeps no rule but one: a body waits for the server's windows. All else, right or wrong, is up to
the test; what a real client says is for the tests of real clients.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.http_client import JSON, Reply, open_socket

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL: Final = 8
WIDE: Final = 2**31 - 1
"""The largest window: an answer never waits for its reader."""
DEFAULT_WINDOW: Final = 65_535
MOST_PAYLOAD: Final = 16_384


@dataclass
class Answer:
    """What has come of one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None
    """The error code that the server reset it with."""

    def reply(self) -> Reply:
        """Return it as a reply; ``complete`` where the stream ended by itself."""
        return Reply(
            status=int(self.headers[":status"]),
            headers=self.headers,
            body=self.body,
            complete=self.ended and self.reset is None,
        )


class Http2:
    """One connection, by prior knowledge; or as ALPN negotiates, where ``trusting`` is given."""

    def __init__(
        self,
        url: str,
        *,
        window: int = WIDE,
        trusting: Path | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self.socket = open_socket(url, trusting, "h2", receive_buffer=receive_buffer)
        self.answers: dict[int, Answer] = {}
        self.went_away: GoAwayFrame | None = None
        self.pongs = 0
        self._next = 1
        self._read = b""
        self._encoder, self._decoder = Encoder(), Decoder()
        self._initial_window = DEFAULT_WINDOW
        # By stream, and of the connection as 0: what the server has added, less what was sent.
        self._room: Counter[int] = Counter()
        opening = SettingsFrame(settings={SettingsFrame.INITIAL_WINDOW_SIZE: window})
        self.socket.sendall(PREFACE)
        self.send(opening, WindowUpdateFrame(0, WIDE - DEFAULT_WINDOW))

    def close(self) -> None:
        self.socket.close()

    def send(self, *frames: Frame) -> None:
        """Send frames as they are."""
        self.socket.sendall(b"".join(frame.serialize() for frame in frames))

    def open(
        self,
        path: str,
        headers: Mapping[str, str] = JSON,
        *,
        method: str = "POST",
        flags: tuple[str, ...] = ("END_HEADERS",),
    ) -> int:
        """Begin a stream; return its id."""
        stream, block = self._begin(path, headers, method)
        self.send(HeadersFrame(stream, block, flags=flags))
        return stream

    def open_in_pieces(self, path: str, headers: Mapping[str, str]) -> int:
        """Begin a stream that has no body, with a head of any length."""
        stream, block = self._begin(path, headers, "POST")
        pieces = [block[at : at + MOST_PAYLOAD] for at in range(0, len(block), MOST_PAYLOAD)]
        first = HeadersFrame(stream, pieces[0], flags=("END_STREAM",))
        rest = [ContinuationFrame(stream, piece) for piece in pieces[1:]]
        [first, *rest][-1].flags.add("END_HEADERS")
        self.send(first, *rest)
        return stream

    def _begin(self, path: str, headers: Mapping[str, str], method: str) -> tuple[int, bytes]:
        named = {":method": method, ":scheme": "http", ":path": path, ":authority": "test"}
        stream, self._next = self._next, self._next + 2
        self.answers[stream] = Answer()
        return stream, self._encoder.encode({**named, **headers}.items())

    def ask_for(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] = JSON) -> int:
        """Send a request whose body fits into every window; return its stream."""
        stream = self.open(path, headers)
        self.send(DataFrame(stream, json.dumps(body).encode(), flags=("END_STREAM",)))
        return stream

    def send_body(self, stream: int, body: bytes) -> None:
        """Send a long body as fast as the server's windows open, until it has answered."""
        at = 0
        while at < len(body) and not self.answers[stream].headers:
            room = min(
                DEFAULT_WINDOW + self._room[0],
                self._initial_window + self._room[stream],
                MOST_PAYLOAD,
                len(body) - at,
            )
            if room <= 0:
                self.read()
                continue
            flags = ("END_STREAM",) if at + room == len(body) else ()
            self.send(DataFrame(stream, body[at : at + room], flags=flags))
            self._room[0] -= room
            self._room[stream] -= room
            at += room

    def reply(self, stream: int) -> Reply:
        """Read until a stream has ended.

        Raises:
            ConnectionError: the connection ended before.
        """
        answer = self.answers[stream]
        while not answer.ended and answer.reset is None:
            self.read()
        return answer.reply()

    def ask(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] = JSON) -> Reply:
        return self.reply(self.ask_for(path, body, headers))

    def read_to_the_end(self) -> None:
        """Read until the server has closed the connection."""
        try:
            while True:
                self.read()
        except ConnectionError:
            pass

    def read(self) -> None:
        """Read once, and take in every whole frame.

        Raises:
            ConnectionError: the connection has ended.
        """
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the connection has ended")
        self._read += data
        while len(self._read) >= 9:
            frame, length = Frame.parse_frame_header(memoryview(self._read[:9]))
            if len(self._read) < 9 + length:
                return
            frame.parse_body(memoryview(self._read[9 : 9 + length]))
            self._read = self._read[9 + length :]
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        answer = self.answers.get(frame.stream_id, Answer())
        match frame:
            case HeadersFrame():
                answer.headers.update(
                    (_text(name), _text(value)) for name, value, *_ in self._decode(frame)
                )
            case DataFrame():
                answer.body += frame.data
            case RstStreamFrame() if answer.reset is None:
                answer.reset = frame.error_code
            case GoAwayFrame():
                self.went_away = frame
            case SettingsFrame() if "ACK" not in frame.flags:
                self._initial_window = frame.settings.get(
                    SettingsFrame.INITIAL_WINDOW_SIZE, self._initial_window
                )
                self.send(SettingsFrame(flags=("ACK",)))
            case PingFrame() if "ACK" not in frame.flags:
                self.send(PingFrame(opaque_data=frame.opaque_data, flags=("ACK",)))
            case PingFrame():
                self.pongs += 1
            case WindowUpdateFrame():
                self._room[frame.stream_id] += frame.window_increment
        answer.ended |= "END_STREAM" in frame.flags

    def _decode(self, frame: HeadersFrame) -> Any:
        assert "END_HEADERS" in frame.flags, "no answer here has a head so long"
        return self._decoder.decode(frame.data)


@contextmanager
def http2(url: str, *, window: int = WIDE, trusting: Path | None = None) -> Iterator[Http2]:
    connection = Http2(url, window=window, trusting=trusting)
    try:
        yield connection
    finally:
        connection.close()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

"""An HTTP/2 server that does with each stream whatever a test wants."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import StreamEnded, StreamReset
from h2.settings import SettingCodes

from tests.support.load_runs import STREAM, listening, reset

READ: Final = 65_536


class Peer:
    """A connection, and the client at its other end."""

    def __init__(self, connection: socket.socket, streams: int) -> None:
        self.socket = connection
        self.lock = threading.RLock()
        """Streams may be answered by the threads of other connections."""
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: streams})
        self.flush()
        self.gone: set[int] = set()

    def flush(self) -> None:
        """Send what is to be sent."""
        self.socket.sendall(self.h2.data_to_send())

    def read(self) -> list[int] | None:
        """Return the streams that now have a whole request; ``None`` when there are no more."""
        data = self.socket.recv(READ)
        if not data:
            return None
        with self.lock:
            events = self.h2.receive_data(data)
            self.flush()
        self.gone |= {event.stream_id for event in events if isinstance(event, StreamReset)}
        return [event.stream_id for event in events if isinstance(event, StreamEnded)]


class Exchange:
    """A request, and the answer that a script gives to it."""

    def __init__(self, peer: Peer, stream: int) -> None:
        self.peer = peer
        self.stream = stream

    def head(self, status: int = 200, kind: str = STREAM, **headers: str) -> None:
        """Send the head; underscores in the names of headers are dashes."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        head = [(":status", str(status)), ("content-type", kind), *named]
        with self.peer.lock:
            self.peer.h2.send_headers(self.stream, head)
            self.peer.flush()

    def data(self, data: bytes) -> None:
        """Send some of the body.

        Raises:
            ConnectionError: the client does not want it.
        """
        h2 = self.peer.h2
        while data:
            if self.stream in self.peer.gone:
                raise ConnectionError("the stream was reset")
            room = min(h2.local_flow_control_window(self.stream), h2.max_outbound_frame_size)
            if room:
                with self.peer.lock:
                    h2.send_data(self.stream, data[:room])
                    self.peer.flush()
                data = data[room:]
            elif self.peer.read() is None:
                raise ConnectionError("the client is gone")

    def end(self) -> None:
        """End the stream."""
        with self.peer.lock:
            self.peer.h2.end_stream(self.stream)
            self.peer.flush()

    def reset(self, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """Cut the stream, and nothing else."""
        self.peer.h2.reset_stream(self.stream, code)
        self.peer.flush()

    def go_away(self, last: int, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """Say that streams after the last one are not answered, as a frame of its own making."""
        payload = last.to_bytes(4, "big") + int(code).to_bytes(4, "big")
        self.raw(frame(7, 0, payload))

    def raw(self, data: bytes) -> None:
        """Send bytes past the protocol."""
        self.peer.socket.sendall(data)

    def close(self) -> None:
        """Close the connection."""
        self.peer.socket.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Reset the connection."""
        reset(self.peer.socket)


Script = Callable[[Exchange], object]
"""What a server does with a request."""


def frame(kind: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + stream.to_bytes(4, "big") + payload


@contextmanager
def h2_server(script: Script, *, streams: int = 100) -> Iterator[str]:
    """Serve HTTP/2 by prior knowledge; ``streams`` is how many a connection may have at once."""

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            peer = Peer(connection, streams)
            while (asked := peer.read()) is not None:
                for stream in asked:
                    script(Exchange(peer, stream))

    with listening(serve) as url:
        yield url

"""The fixture server's data plane: a part of the stub of :mod:`bedrock_frames._core`.

Only types live here. At run time there is no such module: import from ``bedrock_frames._core``.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Final, Self, final

from bedrock_frames._core_replay import Engine

BEDROCK_PREFIXES: Final[tuple[str, ...]]
"""How the paths of Bedrock Runtime begin. The engine knows them exactly, and is spared the rest."""

DRAIN_FACTOR: Final[int]
"""How many times the limit is read, and thrown away, before what is too long is answered."""

IDLE_SECONDS: Final[int]
"""How long a connection may stay idle, unless said otherwise.

boto3 keeps connections in a pool; one that is closed under it costs its user a retry.
"""

MAX_APP_BODIES_BYTES: Final[int]
MAX_APP_BODY_BYTES: Final[int]
"""The longest body for the app. Fixtures may come by the thousand, but not without end."""

MAX_CONNECTIONS: Final[int]
"""How many connections there may be, unless said otherwise."""

MAX_HEAD_BYTES: Final[int]
"""The longest head of a request. Bearer tokens and session tokens take a few thousand."""

MAX_IN_FLIGHT: Final[int]
"""How many requests may be under way, unless said otherwise."""

@final
class Plane:
    """Serves an engine's answers on sockets, in threads of its own, without the GIL.

    HTTP/1.1 and HTTP/2 on each socket. Paths that are not Bedrock's go to the app.
    """

    def __new__(
        cls,
        engine: Engine,
        *,
        host: str | None = None,
        port: int = 0,
        uds: str | PathLike[str] | None = None,
        app: str | PathLike[str] | None = None,
        threads: int | None = None,
        tls: tuple[str, str] | None = None,
        max_connections: int | None = None,
        max_in_flight: int | None = None,
        max_making: int | None = None,
        max_streams: int | None = None,
        head_timeout: float | None = None,
        stall_timeout: float | None = None,
        idle_timeout: float | None = None,
        cors: str | None = None,
    ) -> Self:
        """Listen and serve, until it is stopped or dropped. Every bound has a default.

        Args:
            host: address of a TCP socket, if there is to be one.
            uds: path of a Unix socket, if there is to be one.
            app: path of the Unix socket where an HTTP server answers all other paths.
            threads: how many workers; by default as many as there are processors.
            tls: certificate and key as PEM; TCP connections then speak TLS.
            max_connections: those above are answered by a 503.
            max_in_flight: requests above are answered by a 503.
            max_making: answers that are compiled, or wait for it; requests above get a 503.
            max_streams: streams of one HTTP/2 connection at a time.
            head_timeout: seconds that the head of a request may take.
            stall_timeout: seconds that a body, or the reader of an answer, may stand still.
            idle_timeout: seconds that a connection may stay idle.
            cors: the origin whose pages may read Bedrock's answers, or ``*``. Preflights go to
                the app.

        Raises:
            OSError: an address cannot be listened on: its ``filename`` is the address, or the path;
                or ``tls`` is not a certificate and its key.
            ValueError: a timeout is not a duration in seconds, or negative; or ``cors`` cannot
                stand in a header.
        """
    @property
    def addresses(self) -> list[tuple[str, int]]:
        """TCP addresses that it listens on."""
    def listening(self) -> list[int]:
        """Return the file descriptors that it listens on: a forked child has to close them."""
    def figures(self) -> Figures:
        """Return what happened so far, in all threads."""
    def stop(self, drain_timeout: float) -> bool:
        """Take no more connections, finish what was asked for, and end.

        Returns whether all of it was finished within ``drain_timeout`` seconds. A call from another
        thread while the first one waits can shorten that, and returns False at once.
        """

@final
class Figures:
    """What happened on a plane's sockets up to a moment."""

    @property
    def connections(self) -> int:
        """Connections that are open."""
    @property
    def connections_by_thread(self) -> list[int]:
        """Of these, each thread's."""
    @property
    def accepted(self) -> int:
        """Connections that ever were."""
    @property
    def in_flight(self) -> int:
        """Answers under way."""
    @property
    def streams(self) -> int:
        """Paced answers under way."""
    @property
    def streams_by_thread(self) -> list[int]:
        """Of these, each thread's."""
    @property
    def frames(self) -> int:
        """Event-stream frames sent, of answers that have ended."""
    @property
    def body_bytes(self) -> int:
        """Bytes of bodies sent, of answers that have ended."""
    @property
    def blocked(self) -> int:
        """Writes of which the socket took only a part."""
    @property
    def client_left(self) -> int:
        """Answers whose client left."""
    @property
    def stalled(self) -> int:
        """Answers whose client did not read on for too long."""
    @property
    def cut(self) -> int:
        """Answers cut as their fixture asks."""
    @property
    def stopped(self) -> int:
        """Answers that a stop of the server cut."""
    @property
    def failed(self) -> int:
        """Answers and connections that an internal error ended."""
    @property
    def refused(self) -> int:
        """Malformed requests, and requests beyond a bound."""
    @property
    def lateness(self) -> Durations:
        """From when a paced write was due to when the call that took its last byte returned."""
    @property
    def first_frame(self) -> Durations:
        """From a request to the first bytes of its stream."""
    @property
    def duration(self) -> Durations:
        """From a request to the last bytes of its stream."""

@final
class Durations:
    """A histogram of durations; each is known within a thirty-second part."""

    @property
    def total(self) -> int:
        """How many there are."""
    @property
    def sum(self) -> float:
        """Their sum, in seconds."""
    def at_most(self, seconds: float) -> int:
        """Return how many are at most so long."""
    def quantile(self, share: float) -> float:
        """Return the seconds that a share of all does not exceed; 0 where there are none.

        Raises:
            ValueError: ``share`` is not between 0 and 1.
        """

def self_signed(names: Sequence[str]) -> tuple[str, str]:
    """Make a certificate for host names and addresses, signed by itself.

    Returns the certificate and its key, as PEM.

    Raises:
        OSError: a name is not a valid host name.
    """

def check_pems(certificate: str, key: str) -> None:
    """Check that a plane can serve with a certificate and its key, as PEM.

    Raises:
        OSError: one of them cannot be read, or they do not belong together.
    """

def max_refused(connections: int, /) -> int:
    """Return how many more than so many connections may be there, to hear that they are too many.

    Above that, they are closed at once.
    """

def processors() -> int:
    """Return how many threads a plane has by default: one for each processor it may use."""

def raise_open_files() -> tuple[int | None, int | None]:
    """Raise the limit of open files to its hard limit; return (soft, hard). None is no limit."""

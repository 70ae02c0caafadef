"""The native core: `application/vnd.amazon.eventstream` in Rust.

Import these names from :mod:`bedrock_frames`; this module is where they live.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self, final

from typing_extensions import Buffer, disjoint_base

from bedrock_frames._core_capture import CaptureDamage as CaptureDamage
from bedrock_frames._core_capture import CaptureReader as CaptureReader
from bedrock_frames._core_capture import CaptureWriter as CaptureWriter
from bedrock_frames._core_load import LoadRun as LoadRun
from bedrock_frames._core_plane import BEDROCK_PREFIXES as BEDROCK_PREFIXES
from bedrock_frames._core_plane import DRAIN_FACTOR as DRAIN_FACTOR
from bedrock_frames._core_plane import IDLE_SECONDS as IDLE_SECONDS
from bedrock_frames._core_plane import MAX_APP_BODIES_BYTES as MAX_APP_BODIES_BYTES
from bedrock_frames._core_plane import MAX_APP_BODY_BYTES as MAX_APP_BODY_BYTES
from bedrock_frames._core_plane import MAX_CONNECTIONS as MAX_CONNECTIONS
from bedrock_frames._core_plane import MAX_HEAD_BYTES as MAX_HEAD_BYTES
from bedrock_frames._core_plane import MAX_IN_FLIGHT as MAX_IN_FLIGHT
from bedrock_frames._core_plane import Durations as Durations
from bedrock_frames._core_plane import Figures as Figures
from bedrock_frames._core_plane import Plane as Plane
from bedrock_frames._core_plane import check_pems as check_pems
from bedrock_frames._core_plane import max_refused as max_refused
from bedrock_frames._core_plane import processors as processors
from bedrock_frames._core_plane import raise_open_files as raise_open_files
from bedrock_frames._core_plane import self_signed as self_signed
from bedrock_frames._core_replay import MAX_JOURNAL_BYTES as MAX_JOURNAL_BYTES
from bedrock_frames._core_replay import MAX_REGEXES_BYTES as MAX_REGEXES_BYTES
from bedrock_frames._core_replay import Answer as Answer
from bedrock_frames._core_replay import Engine as Engine
from bedrock_frames._core_replay import Job as Job
from bedrock_frames._core_replay import JournalEntry as JournalEntry
from bedrock_frames._core_replay import Pending as Pending
from bedrock_frames._core_replay import Plan as Plan
from bedrock_frames._core_replay import Playback as Playback
from bedrock_frames._core_replay import Rule as Rule
from bedrock_frames._core_replay import Settlement as Settlement
from bedrock_frames._core_replay import UnsupportedModel as UnsupportedModel
from bedrock_frames._core_replay import Writes as Writes
from bedrock_frames._core_replay import check_timing as check_timing
from bedrock_frames.values import Headers, HeaderValue

__version__: Final[str]

BUILD_PROFILE: Final[Literal["release", "debug"]]
"""How the native core was compiled. A benchmark of a "debug" build measures nothing."""

class EventStreamError(ValueError):
    """A byte stream or a message that the format does not allow.

    Every error of this library about bytes is one of its subclasses. The fields that do not
    apply to an error are ``None``.
    """

    kind: str
    """The fault in one word, such as ``"message_checksum"``: finer than the class."""
    offset: int | None
    """Where the faulty frame begins, in bytes from the start of the stream."""
    frame_index: int | None
    """How many good frames came before it."""
    position: int | None
    """Where in the frame the faulty field stands, in bytes from the start of the frame."""
    stored: int | None
    """Checksum errors: the CRC-32 that the wire carries."""
    computed: int | None
    """Checksum errors: the CRC-32 of the bytes that came."""
    found: int | None
    """Length errors: the length that was met. Truncation: the bytes that came."""
    limit: int | None
    """Length errors: the bound that it breaks. Truncation: the bytes that the frame needs."""

class ChecksumMismatch(EventStreamError):
    """A stored CRC-32 differs from the computed one. The stream must be given up."""

class PreludeChecksumMismatch(ChecksumMismatch):
    """The first 8 bytes of a frame do not match the prelude CRC."""

class MessageChecksumMismatch(ChecksumMismatch):
    """A frame's bytes do not match the message CRC."""

class InvalidLength(EventStreamError):
    """A length that cannot be true: below the minimum, or headers longer than their message."""

class InvalidHeader(EventStreamError):
    """A header that breaks the format: name, type, value or bounds."""

class DuplicateHeader(InvalidHeader):
    """A header name that occurs twice in one message."""

class Truncated(EventStreamError):
    """The stream ended inside a frame."""

class MessageTooLarge(EventStreamError):
    """A length above one of the :class:`Limits`, or above what the wire can say."""

class NotEventStream(EventStreamError):
    """The stream begins with something else: JSON, HTML, server-sent events, gzip, plain text."""

    looks_like: str
    """What the bytes look like: "JSON", "HTML", "SSE", "HTTP", "gzip" or "text"."""
    head: bytes
    """The first bytes of the stream, at most 12."""

@final
class Limits:
    """Upper bounds that a decoder enforces before it buffers anything.

    A function that is given no limits uses :attr:`CLIENT`. In the constructor, ``None`` is no bound
    but the wire's own, 2**32 - 1. All figures are bytes.
    """

    SERVICE: Final[Limits]
    """What the specification asks of services: payload 24 MiB, headers 128 KiB."""
    CLIENT: Final[Limits]
    """No limits of the specification, which forbids clients to check them; 64 MiB a message, so
    that a hostile prelude cannot make a client buffer 4 GiB. That figure is ours."""

    def __new__(
        cls,
        *,
        max_message_bytes: int | None = ...,
        max_headers_bytes: int | None = ...,
        max_payload_bytes: int | None = ...,
    ) -> Self: ...
    @property
    def max_message_bytes(self) -> int: ...
    @property
    def max_headers_bytes(self) -> int: ...
    @property
    def max_payload_bytes(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, int]]: ...

@final
class Message:
    """Decoded headers and a payload. Immutable, hashable, picklable."""

    def __new__(cls, headers: Headers, payload: Buffer = b"") -> Self: ...
    @property
    def headers(self) -> Mapping[str, HeaderValue]:
        """A read-only mapping in wire order."""
    @property
    def payload(self) -> bytes: ...
    @property
    def message_type(self) -> str | None:
        """``:message-type``: "event", "exception" or "error"; None where it is absent."""
    @property
    def event_type(self) -> str | None:
        """``:event-type``, or None where it is absent or not a string."""
    @property
    def exception_type(self) -> str | None:
        """``:exception-type``, or None where it is absent or not a string."""
    def encode(self) -> bytes:
        """Return the frame. For a decoded message these are the very bytes it came from."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Decoder:
    """Decode a stream that arrives in chunks of any size.

    Use it as a context manager, or call :meth:`finish`, so that a torn stream is noticed. One
    decoder reads one stream: it cannot be fed by two threads at once (``RuntimeError``).
    """

    def __new__(cls, *, limits: Limits | None = None) -> Self: ...
    def feed(self, chunk: Buffer) -> list[Message]:
        """Take a chunk, return the messages it completes.

        A bad frame never costs the good ones before it: where a chunk holds both, the good ones
        are returned and the error is raised by the next call of ``feed`` or ``finish``.
        After an error the decoder stays failed and raises the same error again.

        Raises:
            EventStreamError: the stream is not valid from here on.
        """
    def finish(self) -> None:
        """Say that the stream has ended.

        Raises:
            Truncated: it ended inside a frame.
            EventStreamError: it had failed before.
        """
    @property
    def error(self) -> EventStreamError | None:
        """The error that ended the stream, raised already or not."""
    @property
    def frames(self) -> int:
        """Frames decoded so far."""
    @property
    def buffered(self) -> int:
        """Bytes held of a frame that is not complete."""
    @property
    def limits(self) -> Limits: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

@final
class Template:
    """Headers encoded once, for many messages that differ in their payload alone."""

    def __new__(cls, headers: Headers) -> Self: ...
    @property
    def headers(self) -> Mapping[str, HeaderValue]: ...
    def encode(self, payload: Buffer) -> bytes:
        """Return one frame."""
    def encode_all(self, payloads: Iterable[Buffer]) -> bytes:
        """Return the frames of all payloads, joined."""

def encode(headers: Headers, payload: Buffer = b"") -> bytes:
    """Return one frame.

    Raises:
        InvalidHeader: a name is empty or longer than 255 bytes, a value longer than 32,767, an
            integer beyond 64 bits, a datetime naive; or a name occurs twice (DuplicateHeader).
        MessageTooLarge: the frame would be longer than the wire's 2**32 - 1 bytes.
        TypeError: a header or the payload is of a type that the format has no place for.
    """

def encode_all(messages: Iterable[Message]) -> bytes:
    """Return the frames of all messages, joined."""

def decode(frame: Buffer, *, limits: Limits | None = None) -> Message:
    """Decode exactly one frame.

    Raises:
        Truncated: the bytes end before the frame does.
        InvalidLength: bytes follow the frame.
        EventStreamError: the frame is not valid.
    """

def decode_all(data: Buffer, *, limits: Limits | None = None) -> list[Message]:
    """Decode a whole stream.

    Raises:
        EventStreamError: as :func:`decode`. To keep what came before a bad frame, use a
            :class:`Decoder` or :func:`bedrock_frames.iter_messages`.
    """

def scan(data: Buffer, *, limits: Limits | None = None) -> list[tuple[int, int, str | None]]:
    """Validate a whole stream without building messages.

    Returns:
        (offset, length, event type) of every frame, both in bytes; the event type is None for an
        exception, an error, or a frame that has none.

    Raises:
        EventStreamError: as :func:`decode_all`, for the same bytes.
    """

def encode_pieces(
    template: Template,
    before: str,
    pieces: list[str],
    after: str,
    *,
    paddings: Sequence[int] | None,
    chunk: bool,
) -> list[bytes]:
    """Return the frames of a text in pieces: the payload of each is equal but for its piece.

    The payload is ``before``, the piece as a JSON string, and ``after``. With ``chunk`` that is the
    base64 in the member ``bytes`` of another object. ``paddings`` are the lengths of the member
    ``p`` that ends each payload.

    Raises:
        ValueError: the paddings are not as many as the pieces, or one is above 62.
    """

# The native half of `bedrock_frames.botocore`. Values are as loosely typed as botocore's own.

@final
class MessagePrelude:
    """The lengths, in bytes, and the checksum that a message begins with."""

    @property
    def total_length(self) -> int: ...
    @property
    def headers_length(self) -> int: ...
    @property
    def crc(self) -> int: ...
    @property
    def payload_length(self) -> int: ...
    @property
    def payload_end(self) -> int: ...
    @property
    def headers_end(self) -> int: ...

@final
class EventStreamMessage:
    """A message as ``botocore.eventstream.EventStreamMessage`` has it."""

    @property
    def prelude(self) -> MessagePrelude: ...
    @property
    def headers(self) -> dict[str, Any]:
        """A dict of this message's own: ints are plain, timestamps in ms, UUIDs as 16 bytes."""
    @property
    def payload(self) -> bytes: ...
    @property
    def crc(self) -> int: ...
    def to_response_dict(self, status_code: int = ...) -> dict[str, Any]:
        """Return ``status_code`` (200; 400 for an exception or error), ``headers`` and ``body``."""

@disjoint_base
class BotocoreBuffer:
    """What :class:`bedrock_frames.botocore.EventStreamBuffer` is made of."""

    def __new__(cls) -> Self: ...
    def add_data(self, data: Buffer) -> None: ...
    def next(self) -> EventStreamMessage: ...
    def __next__(self) -> EventStreamMessage: ...
    def __iter__(self) -> Self: ...

@final
class BotocorePlan:
    """How to parse the events of one event-stream shape."""

    def __new__(
        cls,
        events: Sequence[tuple[str, int | None]],
        nodes: Sequence[tuple[str, int, list[tuple[str, str, int]]]],
        default_blob_parser: object,
    ) -> Self:
        """Describe the stream.

        Args:
            events: the stream's members, each with its node, or None where the payload is ignored.
            nodes: kind, node of the elements, members (JSON name, name in the result, node). Kinds
                are "plain", "blob", "timestamp", "list", "map", "structure", "union", and "other",
                which is left to botocore.
            default_blob_parser: the function of botocore's own blob parser.
        """
    def parse(self, parser: object, response: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what ``parser`` would, or None where botocore's own code has to say."""

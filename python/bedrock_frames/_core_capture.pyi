"""Capture files: a part of the stub of :mod:`bedrock_frames._core`.

Only types live here. At run time there is no such module: import from ``bedrock_frames._core``.
"""

from os import PathLike
from typing import Self, final

@final
class CaptureWriter:
    """A capture that is being written, always to a new file.

    Records are gathered and written in batches. Times are nanoseconds after ``created_ns``, and
    ``exchange`` is a number that the records of one exchange share. Values of headers and query
    parameters that carry credentials are replaced before anything is written.

    Every method raises ``OSError`` once a write has failed: a reader could not tell where that
    write ends. After ``finish``, they raise ``ValueError``.
    """

    def __new__(
        cls, path: str | PathLike[str], *, generation: int, created_ns: int, creator: str
    ) -> Self:
        """Create the file; ``generation`` is a random number of 32 bits."""
    def request(
        self,
        exchange: int,
        time_ns: int,
        *,
        method: str,
        target: str,
        version: str,
        headers: list[tuple[str, bytes]],
    ) -> None:
        """Write the head of a request, with which an exchange begins."""
    def request_body(self, exchange: int, time_ns: int, body: bytes) -> None:
        """Write bytes of a request's body."""
    def response(
        self,
        exchange: int,
        time_ns: int,
        *,
        status: int,
        version: str,
        headers: list[tuple[str, bytes]],
    ) -> None:
        """Write the head of a response."""
    def response_body(self, exchange: int, time_ns: int, body: bytes) -> None:
        """Write bytes of a response's body, as they came in one read."""
    def end(self, exchange: int, time_ns: int, outcome: str, error: str | None = None) -> None:
        """Write how an exchange ended."""
    def sync(self) -> None:
        """Hand all records to the disk."""
    def finish(self) -> None:
        """Write the last record and close the file. Does nothing the second time."""

@final
class CaptureDamage:
    """Bytes of a capture that hold no whole record."""

    @property
    def offset(self) -> int:
        """Where they begin, in bytes from the start of the file."""
    @property
    def length(self) -> int:
        """How many they are."""
    @property
    def reason(self) -> str:
        """What is wrong with the first of them."""
    @property
    def lost(self) -> int | None:
        """How many fragments are missing, where a later one tells."""
    @property
    def torn_tail(self) -> bool:
        """Whether no valid fragment follows, as after a crash during a write."""

@final
class CaptureReader:
    """Iterates over a capture: records as ``(kind, offset, payload)``, and damage.

    Keeps a block of 32 KiB and one record, of at most 16 MiB. Raises ``OSError`` where reading
    fails; damage is not an error.
    """

    def __new__(cls, path: str | PathLike[str]) -> Self: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> tuple[int, int, bytes] | CaptureDamage: ...

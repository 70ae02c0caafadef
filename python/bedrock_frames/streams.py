"""Messages from anything that yields bytes: chunks, a binary file, an asynchronous iterable.

A stream that ends inside a frame raises; what came before has been yielded by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from bedrock_frames._core import Decoder, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from typing_extensions import Buffer

    from bedrock_frames._core import Message

_READ_BYTES: Final = 64 * 1024


def iter_messages(
    source: Iterable[Buffer] | BinaryIO, *, limits: Limits = Limits.CLIENT
) -> Iterator[Message]:
    """Yield the messages of a stream.

    ``source`` is an iterable of chunks, cut anywhere, or a binary file open for reading.

    Raises:
        EventStreamError: the stream is not valid, or ends inside a frame.
        TypeError: ``source`` is neither; for one bytes object there is ``decode_all``.
    """
    decoder = Decoder(limits=limits)
    for chunk in _chunks(source):
        yield from decoder.feed(chunk)
    decoder.finish()


async def aiter_messages(
    source: AsyncIterable[Buffer], *, limits: Limits = Limits.CLIENT
) -> AsyncIterator[Message]:
    """Yield the messages of an asynchronous stream of chunks, as :func:`iter_messages` does."""
    decoder = Decoder(limits=limits)
    async for chunk in source:
        for message in decoder.feed(chunk):
            yield message
    decoder.finish()


def _chunks(source: Iterable[Buffer] | BinaryIO) -> Iterable[Buffer]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise TypeError(
            "iter_messages takes an iterable of chunks or a binary file; "
            "for one bytes object use decode_all"
        )
    # `read1` gives what is there; `read` on a pipe would wait for a full block.
    read = getattr(source, "read1", None) or getattr(source, "read", None)
    if read is None:
        return source
    return iter(lambda: read(_READ_BYTES), b"")

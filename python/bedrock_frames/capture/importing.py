"""Recordings of other tools as captures: VCR.py cassettes and HAR files.

Neither keeps the reads of a body: an imported body is one chunk. A cassette has no times at all.
Bodies are as they were on the wire, but for gzip, which is taken off.
"""

from __future__ import annotations

import gzip
import json
import secrets
import zlib
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from bedrock_frames._core import CaptureWriter, EventStreamError, __version__, decode_all
from bedrock_frames.capture.dump import EVENT_STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from os import PathLike

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""The largest file that is read, and the largest body that is inflated."""
_GZIP: Final = b"\x1f\x8b"
_PYTHON: Final = "tag:yaml.org,2002:python/"


class RecordingError(ValueError):
    """A recording that cannot be imported: which one, where, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An exchange as another tool recorded it; times in nanoseconds of Unix time, or 0."""

    place: str
    method: str
    url: str
    request_headers: Sequence[tuple[str, str]]
    request_body: bytes
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    started_ns: int = 0
    first_byte_ns: int = 0
    ended_ns: int = 0


@dataclass(slots=True)
class Summary:
    """What became of the files."""

    exchanges: int = 0
    left_out: list[str] = field(default_factory=list)
    """Exchanges that could not be taken over, and why."""


def import_files(paths: Sequence[str | PathLike[str]], out: str | PathLike[str]) -> Summary:
    """Write the exchanges of recordings to a new capture.

    Raises:
        RecordingError: a file is of no known form; nothing is written.
        OSError: a file cannot be read, or the capture cannot be made.
    """
    found = [each for path in paths for each in read(path)]
    begun = min((each.started_ns for each in found if each.started_ns), default=0)
    summary = Summary()
    capture = CaptureWriter(
        out,
        generation=secrets.randbits(32),
        created_ns=begun,
        creator=f"bedrock-frames {__version__} import",
    )
    for number, each in enumerate(found, 1):
        fault = _stream_fault(each)
        if fault is not None:
            summary.left_out.append(f"{each.place}: {fault}")
            continue
        _write(capture, number, each, begun)
        summary.exchanges += 1
    capture.finish()
    return summary


def read(path: str | PathLike[str]) -> Iterator[Imported]:
    """Yield the exchanges of a cassette (YAML or JSON) or a HAR file, also where it is gzip.

    Raises:
        RecordingError: the file is of no known form.
        OSError: it cannot be read.
    """
    name = str(path)
    with Path(path).open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise RecordingError(f"{name}: above {MAX_FILE_BYTES:,} bytes")
    data = _inflated(data, name)
    document = _document(data, name)
    if isinstance(document, list):
        raise RecordingError(f"{name}: a cassette from before VCR.py 1.0: record it again")
    if not isinstance(document, dict):
        raise RecordingError(f"{name}: must have `interactions` (VCR.py) or `log` (HAR)")
    if isinstance(document.get("interactions"), list):
        yield from _cassette(document["interactions"], name)
    elif isinstance(document.get("log"), dict):
        yield from _har(document["log"], name)
    else:
        raise RecordingError(f"{name}: neither `interactions` (VCR.py) nor `log` (HAR) is in it")


def _document(data: bytes, name: str) -> object:
    try:
        if data.lstrip()[:1] in (b"{", b"["):
            return json.loads(data)
        return yaml.load(data, Loader=_CassetteLoader)  # noqa: S506  (a SafeLoader)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise RecordingError(f"{name}: neither JSON nor YAML: {error}") from error


class _CassetteLoader(yaml.SafeLoader):
    """YAML with the few Python tags that old cassettes have; all others are refused.

    Constructors get any node; the methods that they call check its kind themselves.
    """


def _bytes_io(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    held = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # checks it
    state = held.get("state")
    return state[0] if isinstance(state, list | tuple) and state else b""


def _iterated(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    held = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # checks it
    arguments = held.get("args")
    return arguments[0] if isinstance(arguments, list | tuple) and arguments else b""


def _text(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    return loader.construct_scalar(node)  # type: ignore[arg-type]  # checks it


def _tuple(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    return loader.construct_sequence(node, deep=True)  # type: ignore[arg-type]  # checks it


_CassetteLoader.add_multi_constructor(f"{_PYTHON}object/new:_io.BytesIO", _bytes_io)
_CassetteLoader.add_multi_constructor(f"{_PYTHON}object/apply:builtins.iter", _iterated)
_CassetteLoader.add_constructor(f"{_PYTHON}str", _text)
_CassetteLoader.add_constructor(f"{_PYTHON}unicode", _text)
_CassetteLoader.add_constructor(f"{_PYTHON}tuple", _tuple)


def _cassette(interactions: Sequence[Any], name: str) -> Iterator[Imported]:
    for index, interaction in enumerate(interactions):
        place = f"{name}: interactions[{index}]"
        try:
            request, response = interaction["request"], interaction["response"]
            if "status_code" in response:
                # The form of vcrpy's old httpx stubs: `content` was decoded as text.
                status, held = response["status_code"], response.get("content")
            else:
                status = response["status"]["code"]
                held = (response.get("body") or {}).get("string")
            yield Imported(
                place=place,
                method=str(request["method"]),
                url=str(request["uri"]),
                request_headers=_pairs(request.get("headers")),
                request_body=_body(request.get("body"), place),
                status=int(status),
                headers=_pairs(response.get("headers")),
                body=_body(held, place),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, RecordingError):
                raise
            raise RecordingError(f"{place}: not an interaction of VCR.py 1: {error!r}") from error


def _pairs(headers: object) -> list[tuple[str, str]]:
    held: Mapping[str, Any] = headers if isinstance(headers, dict) else {}
    return [
        (str(name), str(value))
        for name, values in held.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def _body(body: object, place: str) -> bytes:
    if isinstance(body, dict):
        # An old form that wraps the text once more.
        body = body.get("string", "")
    if isinstance(body, list):
        body = b"".join(_body(part, place) for part in body)
    data = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body or b""
    if not isinstance(data, bytes):
        raise RecordingError(f"{place}: a body must be text or bytes, not {type(data).__name__}")
    return _inflated(data, place)


def _har(log: Mapping[str, Any], name: str) -> Iterator[Imported]:
    version = str(log.get("version", "1.1"))
    if version.partition(".")[0] != "1":
        raise RecordingError(f"{name}: HAR version {version}; 1 is known")
    for index, entry in enumerate(log.get("entries", [])):
        place = f"{name}: log.entries[{index}]"
        try:
            request, response = entry["request"], entry["response"]
            content = response.get("content") or {}
            text = content.get("text", "")
            encoded = content.get("encoding") == "base64"
            started = _unix_ns(entry["startedDateTime"])
            timings = entry.get("timings") or {}
            # `ssl` is a part of `connect`; -1 is what does not apply.
            phases = ("blocked", "dns", "connect", "send", "wait")
            first = sum(max(0.0, float(timings.get(phase, 0) or 0)) for phase in phases)
            yield Imported(
                place=place,
                method=str(request["method"]),
                url=str(request["url"]),
                request_headers=_listed(request.get("headers")),
                request_body=_body((request.get("postData") or {}).get("text"), place),
                status=int(response["status"]),
                headers=_listed(response.get("headers")),
                body=_inflated(b64decode(text) if encoded else text.encode(), place),
                started_ns=started,
                first_byte_ns=started + int(first * 1e6),
                ended_ns=started + int(max(first, float(entry.get("time", 0) or 0)) * 1e6),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, RecordingError):
                raise
            raise RecordingError(f"{place}: not an entry of HAR 1.2: {error!r}") from error


def _listed(headers: object) -> list[tuple[str, str]]:
    held = headers if isinstance(headers, list) else []
    # Browsers add HTTP/2's pseudo-headers, which are told by method and URL.
    return [(each["name"], each["value"]) for each in held if not each["name"].startswith(":")]


def _unix_ns(stated: str) -> int:
    moment = datetime.fromisoformat(stated)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000) * 1000


def _inflated(data: bytes, place: str) -> bytes:
    """Take gzip off, whether or not a header tells of it: recorders keep the header either way."""
    if not data.startswith(_GZIP):
        return data
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        found = unpacker.decompress(data, MAX_FILE_BYTES)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise RecordingError(f"{place}: gzip that is damaged: {error}") from error
    if unpacker.unconsumed_tail:
        raise RecordingError(f"{place}: inflates to more than {MAX_FILE_BYTES:,} bytes")
    return found


def _stream_fault(each: Imported) -> str | None:
    """Say why a recorded event stream is not one any more: decoded as text, it is lost."""
    kinds = [value for name, value in each.headers if name.lower() == "content-type"]
    if each.status != 200 or EVENT_STREAM not in kinds:
        return None
    try:
        decode_all(each.body)
    except EventStreamError as error:
        return f"its event stream is damaged, as by decoding it as text; record it again ({error})"
    return None


def _write(capture: CaptureWriter, number: int, each: Imported, begun: int) -> None:
    started, first, ended = (
        max(0, moment - begun) for moment in (each.started_ns, each.first_byte_ns, each.ended_ns)
    )
    url = urlsplit(each.url)
    skip = {"content-encoding", "transfer-encoding", "content-length"}
    capture.request(
        number,
        started,
        method=each.method,
        target=(url.path or "/") + (f"?{url.query}" if url.query else ""),
        version="HTTP/1.1",
        headers=[(name, value.encode()) for name, value in each.request_headers],
    )
    capture.request_body(number, started, each.request_body)
    capture.response(
        number,
        first,
        status=each.status,
        version="HTTP/1.1",
        # What they say of the body is not true of what is written.
        headers=[
            (name, value.encode()) for name, value in each.headers if name.lower() not in skip
        ],
    )
    capture.response_body(number, ended, each.body)
    capture.end(number, ended, "complete")

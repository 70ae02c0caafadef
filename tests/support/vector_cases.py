"""The vectors and recordings that tests are parametrised over: the project's own, and a corpus.

The corpus lies beside the checkout and need not be there; without it its lists are empty, and
the tests over them are skipped.
"""

import json
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.support import wire_format as wire
from tests.vectors.format import Content, Fault, Vector, from_json
from tests.vectors.make import FOLDER, THEMES

ROOT: Final = Path(__file__).parents[2]
CORPUS: Final = ROOT.parent / "shared" / "corpus"

needs_corpus: Final = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the corpus is not beside this checkout"
)


@dataclass(frozen=True, slots=True)
class Stated:
    """What the corpus says of a vector: the manifest's own fields."""

    name: str
    data: bytes
    valid: bool | None
    headers: tuple[wire.WireHeader, ...] | None
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded response body and how many frames the index says it has."""

    name: str
    data: bytes
    frames: int


def _own() -> tuple[Vector, ...]:
    files = (json.loads((FOLDER / f"{theme}.json").read_text()) for theme in THEMES)
    return tuple(from_json(entry) for file in files for entry in file)


def _stated(entry: dict[str, Any]) -> Stated:
    headers = entry["headers"]
    if headers is not None:
        headers = tuple((name, kind, _value(kind, value)) for name, kind, value in headers)
    payload = entry["payload_b64"]
    return Stated(
        name=entry["name"],
        data=bytes.fromhex(entry["hex"]),
        valid=entry["valid"],
        headers=headers,
        payload=None if payload is None else b64decode(payload),
    )


def _value(kind: int, value: Any) -> wire.WireValue:
    if kind == wire.BYTES:
        return b64decode(value)
    if kind == wire.UUID_:
        return UUID(bytes=b64decode(value))
    plain: wire.WireValue = value
    return plain


def _manifest() -> tuple[Stated, ...]:
    path = CORPUS / "vectors" / "manifest.json"
    if not path.is_file():
        return ()
    return tuple(_stated(entry) for entry in json.loads(path.read_text())["vectors"])


def _recordings() -> tuple[Recording, ...]:
    folder = CORPUS / "recordings"
    index = folder / "index.json"
    if not index.is_file():
        return ()
    return tuple(
        Recording(entry["file"], (folder / entry["file"]).read_bytes(), entry["frames"])
        for entry in json.loads(index.read_text())
        if entry["file"].endswith(".eventstream.bin")
    )


OWN: Final = _own()
STATED: Final = _manifest()
RECORDINGS: Final = _recordings()

_PRELUDE = Fault(error="PreludeChecksumMismatch", kind="prelude_checksum", position=8)
_MESSAGE = Fault(error="MessageChecksumMismatch", kind="message_checksum")
_DUPLICATE = Fault(error="DuplicateHeader", kind="duplicate_header")
_TRUNCATED = Fault(error="Truncated", kind="truncated")


def _header(kind: str) -> Fault:
    return Fault(error="InvalidHeader", kind=kind)


FAULTS: Final = {
    "aws-common/negative/corrupted_header_len": _PRELUDE,
    "aws-common/negative/corrupted_headers": _MESSAGE,
    "aws-common/negative/corrupted_length": _PRELUDE,
    "aws-common/negative/corrupted_payload": _MESSAGE,
    # These carry stale message checksums, which are told before the header that they hide.
    "smithy-rs/invalid_header_name_length": _MESSAGE,
    "smithy-rs/invalid_header_name_length_too_long": _MESSAGE,
    "smithy-rs/invalid_header_string_length_cut_off": _MESSAGE,
    "smithy-rs/invalid_header_string_value_length": _MESSAGE,
    "smithy-rs/invalid_header_value_type": _MESSAGE,
    "smithy-rs/invalid_headers_length": Fault(error="InvalidLength", kind="headers_length"),
    "smithy-rs/invalid_message_checksum": _MESSAGE,
    "smithy-rs/invalid_prelude_checksum": _PRELUDE,
    "botocore/corrupted_header_length": _PRELUDE,
    "botocore/corrupted_headers": _MESSAGE,
    "botocore/corrupted_length": _PRELUDE,
    "botocore/corrupted_payload": _MESSAGE,
    "botocore/duplicate_header": _DUPLICATE,
    "gen/empty_name": _header("header_name_length"),
    "gen/dup_header": _DUPLICATE,
    "gen/unknown_type_10": _header("header_type"),
    "gen/unknown_type_255": _header("header_type"),
    "gen/string_overruns_into_payload": _header("header_overrun"),
    "gen/headers_len_1": _header("header_overrun"),
    "gen/invalid_utf8_value": _header("header_value_utf8"),
    "gen/total_len_15": Fault(error="InvalidLength", kind="message_length"),
    "gen/total_len_0": Fault(error="InvalidLength", kind="message_length"),
    "gen/headers_len_gt_total": Fault(error="InvalidLength", kind="headers_length"),
    "gen/total_u32max_bad_prelude_crc": _PRELUDE,
    "gen/crc_ok_prelude_crc32c_message": _MESSAGE,
    "gen/message_crc_excluding_prelude_crc": _MESSAGE,
    # Incomplete: as a client reads them. A service refuses two; a test of its own says so.
    "gen/payload_16MiB_plus_1_prelude": _TRUNCATED,
    "gen/payload_24MiB_plus_1_prelude": _TRUNCATED,
    "gen/headers_128KiB_plus_1_prelude": _TRUNCATED,
    "gen/frame_plus_partial": _TRUNCATED,
}
"""How the corpus's streams end; the others are valid.

Two that the manifest calls invalid "in strict readers only", an empty string and an empty byte
array, are valid here: the grammar leaves them out, but the services' own encoders write them.
"""


def _judged(stated: Stated) -> Vector:
    """Return the vector with its messages as the independent parser reads them."""
    messages: list[Content] = []
    for frame in wire.split(stated.data):
        try:
            headers, payload = wire.parse(frame)
        except wire.MalformedError:
            break
        messages.append(Content(tuple(headers), payload))
    return Vector(
        name=f"corpus/{stated.name}",
        data=stated.data,
        messages=tuple(messages),
        fault=FAULTS.get(stated.name),
    )


JUDGED: Final = tuple(_judged(stated) for stated in STATED)
VECTORS: Final = OWN + JUDGED
VALID: Final = tuple(vector for vector in VECTORS if vector.fault is None)
FAULTY: Final = tuple(vector for vector in VECTORS if vector.fault is not None)


def over(vectors: tuple[Vector, ...]) -> pytest.MarkDecorator:
    """Parametrise a test's ``vector``."""
    return pytest.mark.parametrize("vector", vectors, ids=[vector.name for vector in vectors])

"""Identifiers that look like the service's and are the same for the same seed."""

from __future__ import annotations

import hashlib
from typing import Final

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _letters(count: int, seed: tuple[object, ...]) -> str:
    number = int.from_bytes(hashlib.blake2b(repr(seed).encode()).digest())
    found = []
    for _ in range(count):
        number, index = divmod(number, len(_LETTERS))
        found.append(_LETTERS[index])
    return "".join(found)


def tool_use_id(*seed: object) -> str:
    """Return an id such as ``tooluse_Zsi5nODkqYT50BEZ9GG8ud``."""
    return f"tooluse_{_letters(22, seed)}"


def native_tool_use_id(*seed: object) -> str:
    """Return an id such as ``toolu_bdrk_01KDXVrZohbHE2pHPdzVFfC7``."""
    return f"toolu_bdrk_01{_letters(22, seed)}"


def message_id(*seed: object) -> str:
    """Return an id such as ``msg_bdrk_014eJfxWXNnxFKhmuiT8FYf7``."""
    return f"msg_bdrk_01{_letters(22, seed)}"


def uuid(*seed: object) -> str:
    """Return an id in the form of a UUID, version 4."""
    digits = hashlib.blake2b(repr(seed).encode(), digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

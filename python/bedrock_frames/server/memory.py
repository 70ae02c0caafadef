"""How the memory of a process that only serves is managed."""

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
"""``M_MMAP_THRESHOLD`` of ``mallopt``, in glibc's ``malloc.h``."""
_LARGE_BYTES: Final = 131_072


def return_large_blocks() -> None:
    """Have blocks above 128 KiB, as large requests take, go back to the system when they are freed.

    glibc's allocator begins so, but keeps more with every such block: after 60 requests of 20 MB
    at a time, a gigabyte. Other allocators are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)

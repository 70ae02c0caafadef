"""The files that a plane needs: the path of a Unix socket, PEM files, and one for each connection.

Whatever is wrong with one of them is an ``OSError`` that says which, and why.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import socket
import stat
from typing import TYPE_CHECKING, Final

from bedrock_frames._core import check_pems, max_refused

if TYPE_CHECKING:
    from pathlib import Path

MAX_SOCKET_PATH_BYTES: Final = 107
"""The system's own bound."""

FILES_PER_THREAD: Final = 6
"""What a thread that serves has open: readiness, alarms and wake-ups, of its lane too."""

OTHER_FILES: Final = 32
"""What else may be opened while it serves: requests for the app take two each."""

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----")
_KEY: Final = re.compile(r"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----")


def room_for(connections: int, *, threads: int) -> int:
    """Return how many of so many connections the limit of open files leaves room for.

    Raises:
        OSError: for none.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    taken = len(os.listdir("/dev/fd"))  # noqa: PTH208 - numbers, not paths
    needed = taken + threads * FILES_PER_THREAD + OTHER_FILES
    if soft <= needed:
        reason = (
            f"{soft} open files (ulimit -n) leave no room for connections:"
            f" {needed} are needed for all else, with {threads} threads"
        )
        raise OSError(errno.EMFILE, reason)
    left = soft - needed
    return min(connections, max(left - max_refused(left), 1))


def claim(path: Path) -> None:
    """Make room for a Unix socket: the one of a server that was killed is removed.

    Raises:
        OSError: somebody listens there, or it can be none.
    """
    if len(os.fsencode(path)) > MAX_SOCKET_PATH_BYTES:
        reason = f"the path of a Unix socket has at most {MAX_SOCKET_PATH_BYTES} bytes"
        raise OSError(errno.ENAMETOOLONG, reason, str(path))
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, f"there is no folder {path.parent}", str(path))
    if os.path.lexists(path):
        _remove_left_behind(path)


def _remove_left_behind(path: Path) -> None:
    """Remove the socket of a server that was killed."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise OSError(errno.EEXIST, "there is something that is no socket", str(path))
    with socket.socket(socket.AF_UNIX) as asking:
        # A listener with a full queue would have it wait.
        asking.setblocking(False)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
    raise OSError(errno.EADDRINUSE, "somebody listens there already", str(path))


def read_pems(certificate: Path, key: Path) -> tuple[str, str]:
    """Read a certificate and its key.

    Raises:
        OSError: one cannot be read, or has none in it, or they do not belong together.
    """
    pems = (
        _read_pem(certificate, _CERTIFICATE, "certificate"),
        _read_pem(key, _KEY, "unencrypted private key"),
    )
    try:
        check_pems(*pems)
    except OSError as error:
        raise OSError(errno.EINVAL, str(error), f"{certificate} and {key}") from None
    return pems


def _read_pem(path: Path, begin: re.Pattern[str], what: str) -> str:
    # Whatever is no text is no PEM either.
    text = path.read_bytes().decode("ascii", errors="replace")
    if begin.search(text) is None:
        raise OSError(errno.EINVAL, f"there is no {what} in it, as PEM", str(path))
    return text

"""Files of the native server: the path of a Unix socket, PEM files, and one for each connection.

Every problem with one of them is an ``OSError`` that names it and the reason.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import resource
import shutil
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bedrock_frames._core import check_pems, max_refused

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SOCKET_PATH_BYTES: Final = 107
"""The limit of the operating system."""

ABSTRACT: Final[bool] = sys.platform.startswith("linux")
"""Whether Unix sockets may have names that are not files."""

FILES_PER_THREAD: Final = 6
"""What a thread that serves has open: readiness, alarms and wake-ups, of its fallback too."""

OTHER_FILES: Final = 32
"""What else may be opened while it serves: requests for the app take two each."""

_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----")
_FOLDER: Final = "bedrock-frames-"
_CERTIFICATE_NAME: Final = "certificate.pem"
_KEY: Final = re.compile(r"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----")


def room_for(connections: int, *, threads: int) -> int:
    """Return how many of so many connections the limit of open files leaves room for.

    Raises:
        OSError: for no connection.
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
        OSError: another process listens there, or a socket cannot be made there.
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
        raise OSError(errno.EEXIST, "path exists and is not a socket", str(path))
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
    raise OSError(errno.EADDRINUSE, "another process already listens there", str(path))


def private_socket() -> tuple[socket.socket, str, Callable[[], None]]:
    """Return a Unix socket for this process alone, its address, and what closes and removes it.

    On Linux it is in the abstract namespace: it has no file, so that neither a long ``TMPDIR`` nor
    a process that is killed matters. Others may connect there: see :func:`is_own`.

    Raises:
        OSError: there is no folder for it.
    """
    private = socket.socket(socket.AF_UNIX)
    try:
        if ABSTRACT:
            # The system chooses a name.
            private.bind("")
            return private, os.fsdecode(private.getsockname()), private.close
        folder = Path(tempfile.mkdtemp(prefix="bf-", dir=_short_folder()))
        path = folder / "app.sock"
        private.bind(str(path))
    except BaseException:
        private.close()
        raise

    def remove() -> None:
        private.close()
        shutil.rmtree(folder, ignore_errors=True)

    return private, str(path), remove


def is_own(connection: socket.socket) -> bool:
    """Return whether this process is on the other side of a connection by Unix socket, too."""
    if not ABSTRACT:
        # The folder is readable by its owner alone.
        return True
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    process, _, _ = struct.unpack("3i", credentials)
    return bool(process == os.getpid())


def _short_folder() -> str | None:
    """Return a folder that is short enough for a socket's path; None for the usual one."""
    usual = os.fsencode(tempfile.gettempdir())
    room = MAX_SOCKET_PATH_BYTES - len("/bf-12345678/app.sock") - 4
    return None if len(usual) <= room else "/tmp"  # noqa: S108 - mkdtemp makes a new folder in it


def kept_while_running(certificate: str) -> tuple[Path, Callable[[], None]]:
    """Write a certificate where clients can find it; return the path, and what removes it.

    The file is locked as long as this process lives. Those without a lock, of processes that were
    killed, are removed.

    Raises:
        OSError: it cannot be written.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*/{_CERTIFICATE_NAME}"):
        _remove_unlocked(left)
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    path = folder / _CERTIFICATE_NAME
    # Under another name until it is locked.
    new = folder / "new.pem"
    lock = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(lock, certificate.encode())
    new.rename(path)
    own = os.getpid()

    def remove() -> None:
        os.close(lock)
        if os.getpid() == own:
            shutil.rmtree(folder, ignore_errors=True)

    return path, remove


def _remove_unlocked(path: Path) -> None:
    try:
        if path.parent.lstat().st_uid != os.geteuid():
            return
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path.parent, ignore_errors=True)
    except OSError:
        return
    finally:
        os.close(lock)


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
    # Bytes that are not text are not PEM either.
    text = path.read_bytes().decode("ascii", errors="replace")
    if begin.search(text) is None:
        raise OSError(errno.EINVAL, f"there is no {what} in it, as PEM", str(path))
    return text

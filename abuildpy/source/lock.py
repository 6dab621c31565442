# SPDX-License-Identifier: GPL-3.0-or-later
"""One downloader at a time per file, among processes and threads, and together with abuild's own abuild-fetch."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# struct flock: type, whence, start, length (0: to the end), process (must be 0); padded as the C compiler does.
_WRITE_LOCK = struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock on ``path``, created for the purpose and removed afterwards.

    Blocks while someone else holds it, after one call of ``waiting``. Raises OSError if the file cannot be made.

    The lock belongs to the open file, not to the process, so that it also parts threads of one process; it excludes the
    POSIX record lock that abuild-fetch takes on the same file. Because the holder removes the file at the end, somebody
    who waited may get a lock on a file that is no longer there: whoever locks checks that, and tries again.
    """
    told = False
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660)
        try:
            try:
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WRITE_LOCK)
            except BlockingIOError:
                if not told:
                    waiting()
                    told = True
                fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, _WRITE_LOCK)
            if not _still_there(fd, path):
                continue
            try:
                yield
                return
            finally:
                # Removed while held: nobody else can be relying on it.
                path.unlink(missing_ok=True)
        finally:
            os.close(fd)


def _still_there(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False

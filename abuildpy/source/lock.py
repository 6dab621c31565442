# SPDX-License-Identifier: GPL-3.0-or-later
"""One downloader at a time per file, among processes and threads, and together with abuild's own abuild-fetch."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from abuildpy.lock import held

# struct flock: type, whence, start, length (0: to the end), process (must be 0); padded as the C compiler does.
_WRITE_LOCK = struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def locked(path: Path, *, waiting: Callable[[], None]) -> AbstractContextManager[None]:
    """An exclusive lock on ``path``, created for the purpose and removed afterwards.

    Blocks while someone else holds it, after one call of ``waiting``. Raises OSError if the file cannot be made. The lock
    belongs to the open file, not to the process, so that it also parts threads of one process; it excludes the POSIX
    record lock that abuild-fetch takes on the same file.
    """
    return held(
        path,
        open_file=lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o660),
        take=_take,
        waiting=waiting,
    )


def _take(descriptor: int, wait: bool) -> None:
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, _WRITE_LOCK)

# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time at work on a repository."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from abuildpy.errors import RepositoryError
from abuildpy.lock import held


def locked(path: Path, *, wait_message: Callable[[], None] | None = None) -> AbstractContextManager[None]:
    """An exclusive lock on the file ``path`` (made if need be, removed at the end).

    ``wait_message`` is called once if somebody else holds it and we have to wait. The kernel drops the lock of a process
    that dies, so a left-over file harms nobody. Threads of one process exclude each other too; the lock is not reentrant.
    Raises RepositoryError if the file cannot be made or locked.
    """

    def take(descriptor: int, wait: bool) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError as error:
            raise RepositoryError(f"cannot lock {path}: {error.strerror}") from error

    return held(path, open_file=lambda: _open(path), take=take, waiting=wait_message or (lambda: None))


def _open(path: Path) -> int:
    flags = os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags | os.O_RDWR, 0o666)
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
            # Somebody else's file: reading is enough for a lock.
            return os.open(path, flags | os.O_RDONLY, 0o666)
    except OSError as error:
        raise RepositoryError(
            f"cannot make the lock file {path}: {error.strerror}",
            hint="check that the folder exists and that you may write to it",
        ) from error

# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time: a lock that dies with its holder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from abuildpy.errors import RepositoryError


@contextmanager
def locked(path: Path, *, wait_message: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on the file ``path`` (made if need be, removed at the end) while the block runs.

    ``wait_message`` is called once if somebody else holds it and we have to wait. The kernel drops the lock
    of a process that dies, so a left-over file harms nobody. Threads of one process exclude each other too;
    the lock is not reentrant.

    Raises RepositoryError if the file cannot be made or locked.
    """
    descriptor = _acquire(path, wait_message)
    try:
        yield
    finally:
        try:
            # Removed while still held: whoever waits on this inode finds that it is no longer the one at the
            # path.
            path.unlink()
        except OSError:
            pass
        os.close(descriptor)


def _acquire(path: Path, wait_message: Callable[[], None] | None) -> int:
    announced = wait_message is None
    while True:
        descriptor = _open(path)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not announced and wait_message is not None:
                    wait_message()
                    announced = True
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still_at(path, descriptor):
                return descriptor
        except OSError as error:
            os.close(descriptor)
            raise RepositoryError(f"cannot lock {path}: {error.strerror}") from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


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


def _is_still_at(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one at the path: its last holder may have removed it while we waited."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

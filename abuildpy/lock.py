# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock on a file made for the purpose, which dies with its holder and goes away with the last one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(
    path: Path,
    *,
    open_file: Callable[[], int],
    take: Callable[[int, bool], None],
    waiting: Callable[[], None],
) -> Iterator[None]:
    """Holds the lock while the block runs; the file at ``path`` is removed at the end.

    ``open_file`` opens (and makes) it; ``take(descriptor, wait)`` locks it exclusively, raising BlockingIOError when somebody
    else has it and ``wait`` is False. ``waiting`` is called once before we wait. Passes on the OSErrors of both.

    Because the holder removes the file, somebody who waited may get a lock on a file that is no longer there, and a third
    one on a new file: whoever locks checks that, and tries again.
    """
    told = False
    while True:
        descriptor = open_file()
        try:
            try:
                take(descriptor, False)
            except BlockingIOError:
                if not told:
                    waiting()
                    told = True
                take(descriptor, True)
            if not _still_there(descriptor, path):
                continue
            try:
                yield
                return
            finally:
                # Removed while held: nobody else can be relying on it.
                try:
                    path.unlink(missing_ok=True)
                except OSError:
                    pass
        finally:
            os.close(descriptor)


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False

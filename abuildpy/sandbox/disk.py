# SPDX-License-Identifier: GPL-3.0-or-later
"""How much disk folders use that somebody is writing to meanwhile, and when it is worth looking."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 512
_SELDOM = 30.0
_SHARE = 20
"""Looking takes at most this share of the time (one in so many), but where the disk has filled up by what is left."""


def used_by(paths: Iterable[Path]) -> int:
    """Bytes on disk of all below the folders, hard links once. Follows no link; what cannot be read does not count.

    Any depth: one folder is open at a time. If folders are moved meanwhile the rest of that tree is not counted.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in paths:
        try:
            folder = os.open(path, _FOLDER)
        except OSError:
            continue
        total += _tree(folder, seen)
    return total


def _tree(folder: int, seen: set[tuple[int, int]]) -> int:
    """The tree below an open folder, which is closed."""
    total, inner = _one(folder, seen)
    path = [(_inode(folder), inner)]
    try:
        while path:
            _, left = path[-1]
            if left:
                try:
                    below = os.open(left.pop(), _FOLDER, dir_fd=folder)
                except OSError:
                    continue
                os.close(folder)
                folder = below
                size, inner = _one(folder, seen)
                total += size
                path.append((_inode(folder), inner))
                continue
            path.pop()
            if path:
                above = os.open(b"..", _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = above
                if _inode(folder) != path[-1][0]:
                    return total
    except OSError:
        return total
    finally:
        os.close(folder)
    return total


def _one(folder: int, seen: set[tuple[int, int]]) -> tuple[int, list[bytes]]:
    """What lies directly in an open folder, and the names of the folders among it."""
    total, folders = 0, []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    state = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISDIR(state.st_mode):
                    folders.append(os.fsencode(entry.name))
                elif state.st_nlink > 1:
                    if (state.st_dev, state.st_ino) in seen:
                        continue
                    seen.add((state.st_dev, state.st_ino))
                total += state.st_blocks * _BLOCK
    except OSError:
        pass
    return total, folders


def _inode(folder: int) -> tuple[int, int]:
    state = os.fstat(folder)
    return state.st_dev, state.st_ino


class DiskUse:
    """Watches folders without looking through them all the time.

    Between two looks at the trees only the file systems are asked, which costs nothing: as long as they have not filled up
    by what the limit leaves, the folders cannot have passed it, unless somebody else freed as much. For that there is a look
    every half minute at least.
    """

    def __init__(self, folders: tuple[Path, ...], limit: int) -> None:
        self._folders, self._limit = folders, limit
        self._known, self._filled = 0, 0
        self._next = self._soonest = 0.0

    def above(self) -> int:
        """What the folders use, if that is more than the limit; else 0."""
        now = time.monotonic()
        filled = self._ask()
        close = self._known + filled - self._filled > self._limit and now >= self._soonest
        if now < self._next and not close:
            return 0
        self._filled = filled
        self._known = used_by(self._folders)
        took = time.monotonic() - now
        self._soonest = time.monotonic() + took
        self._next = time.monotonic() + max(_SELDOM, took * _SHARE)
        return self._known if self._known > self._limit else 0

    def _ask(self) -> int:
        """Bytes used on the folders' file systems."""
        systems: dict[int, int] = {}
        for folder in self._folders:
            try:
                device, state = os.stat(folder).st_dev, os.statvfs(folder)
            except OSError:
                continue
            systems[device] = (state.f_blocks - state.f_bfree) * state.f_frsize
        return sum(systems.values())

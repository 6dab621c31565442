# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders for what lasts no longer than one run, which the next run removes where a killed one could not.

Each is held by a lock on the folder itself, which the kernel drops with its process: process numbers are used again, and
mean nothing across containers that share a folder.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from abuildpy.errors import AbuildError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = "abuildpy-run-"
_RANDOM = 6
"""Bytes of chance in a name."""


class Scratch:
    """A new folder ``abuildpy-run-PID-…`` in ``place``, with a dot before it if ``hidden``; ours until :meth:`remove`.

    Others can enter it but not write. Folders of the same kind in ``place`` that killed runs of the same user left are
    removed first. Raises OSError where it cannot be made.
    """

    def __init__(self, place: Path, *, hidden: bool = False) -> None:
        sweep(place, hidden=hidden)
        while True:
            name = f"{'.' if hidden else ''}{_NAME}{os.getpid()}-{os.urandom(_RANDOM).hex()}"
            self.path = place / name
            self.path.mkdir(mode=0o700)
            held = hold(self.path)
            if held is not None:
                self._held = held
                break
        self._owner = os.getpid()
        os.fchmod(self._held, 0o755)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Deletes it with all in it; in a copy of the process that made it, nothing happens. Raises ConfigError."""
        from abuildpy.phases.workspace import remove_tree
        from abuildpy.sandbox.process import undisturbed

        if os.getpid() != self._owner or self._held < 0:
            return
        with undisturbed():
            try:
                remove_tree(self.path)
            finally:
                os.close(self._held)
                self._held = -1


def sweep(place: Path, *, hidden: bool = False) -> None:
    """Removes the folders of that kind in ``place`` that are the caller's own and that nobody holds any more.

    What cannot be looked at or removed stays: a later run may fare better.
    """
    try:
        names = os.listdir(place)
    except OSError:
        return
    start = "." * hidden + _NAME
    for name in names:
        if name.startswith(start) and _is_made_up(name[len(start) :]):
            remove_abandoned(place / name)


def _is_made_up(rest: str) -> bool:
    number, _, chance = rest.partition("-")
    return number.isascii() and number.isdigit() and len(chance) == 2 * _RANDOM


def remove_abandoned(path: Path) -> None:
    """Removes a folder of the caller's own that nobody holds. What cannot be looked at or removed stays."""
    from abuildpy.phases.workspace import remove_tree

    try:
        folder = os.open(path, _FOLDER)
    except OSError:
        return
    try:
        if os.fstat(folder).st_uid != os.geteuid():
            return
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_still(folder, path):
            remove_tree(path)
    except (OSError, AbuildError):
        return
    finally:
        os.close(folder)


def hold(path: Path) -> int | None:
    """Locks a folder that was just made; None if somebody's sweep came first. Returns the descriptor that holds it."""
    try:
        folder = os.open(path, _FOLDER)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        return None
    except OSError:  # a file system that cannot do this for folders: there nobody else can, so nobody removes it
        return folder
    if _is_still(folder, path):
        return folder
    os.close(folder)
    return None


def _is_still(folder: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(folder), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False

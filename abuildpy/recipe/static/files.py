# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at files as a recipe's tests and ``.`` would, without letting a strange recipe look everywhere."""

from __future__ import annotations

import os
import stat
from functools import cached_property

_SYSTEM = ("/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr")
"""Folders of the system: the walls of an evaluation show them as they are, and nothing in them is private."""
_LARGEST = 1 << 20


class Files:
    """The files of the system and of the tree around a recipe's folder, unless the user's home lies in that.

    Others (homes, temporary folders, devices) are no business of a recipe, and an evaluation may see different ones; for
    them, and for what not everybody may see, the answer is None.
    """

    def __init__(self, startdir: str, home: str) -> None:
        self._startdir = startdir
        self._home = home

    def test(self, operator: str, path: str) -> bool | None:
        """``[ operator path ]`` for an absolute path; None where that is not certain."""
        if operator not in ("-e", "-f", "-d", "-s") or not self._is_open(path):
            return None
        try:
            status = os.stat(path)
            if not _everybody_gets_to(os.path.realpath(path)):
                return None
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return None
        if operator == "-f":
            return stat.S_ISREG(status.st_mode)
        if operator == "-d":
            return stat.S_ISDIR(status.st_mode)
        return operator == "-e" or status.st_size > 0

    def read(self, path: str) -> bytes | None:
        """A file's content, None if it is none that everybody may read, or is not of a recipe's size."""
        if not self._is_open(path):
            return None
        try:
            descriptor = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode) or not status.st_mode & stat.S_IROTH or status.st_size > _LARGEST:
                    return None
                return file.read(_LARGEST)
        except OSError:
            return None

    def _is_open(self, path: str) -> bool:
        if not path.startswith("/") or "\0" in path:
            return False
        real = os.path.realpath(path)
        return any(_is_in(real, place) for place in _SYSTEM) or _is_in(real, self._tree)

    @cached_property
    def _tree(self) -> str:
        """The recipe's folder, the one above it, or all up to where git's data are."""
        tree = startdir = os.path.realpath(self._startdir)
        home = os.path.realpath(self._home)
        parent = os.path.dirname(startdir)
        while not _is_in(home, parent):
            has_git = os.path.exists(os.path.join(parent, ".git"))
            if has_git or tree == startdir:
                tree = parent
            if has_git:
                break
            parent = os.path.dirname(parent)
        return tree


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _everybody_gets_to(path: str) -> bool:
    """Whether every user can look up the path; evaluations run as somebody else where the caller is root."""
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
    return True

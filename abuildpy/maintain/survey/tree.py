# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an unpacked source, which come from strangers: nothing is run, and no link is followed out of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

_MOST_FILES = 60_000
_MOST_BYTES = 1 << 18
_MOST_OF_A_LIST = 1 << 23
_LONGEST_NAME = 300
"""Of a path below the top. Some patterns for names take the square of that."""
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__"})


class SourceTree:
    """A folder with somebody's source in it. Names are relative to it, with ``/`` between their parts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The regular files, and links to such within the tree; those nearest to the top first."""
        found: list[str] = []
        top = os.path.realpath(self.root)
        for where, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            below = os.path.relpath(where, self.root).replace(os.sep, "/")
            for name in names:
                path = name if below == "." else f"{below}/{name}"
                if len(path) <= _LONGEST_NAME and self._is_ours(os.path.join(where, name), top):
                    found.append(path)
            if len(found) > _MOST_FILES:
                break
        return tuple(sorted(found, key=lambda name: (name.count("/"), name)))

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.files)

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that has a file somewhere in it."""
        return frozenset(
            parent.as_posix()
            for folder in {name.rpartition("/")[0] for name in self.files}
            for parent in (PurePosixPath(folder), *PurePosixPath(folder).parents)
        )

    def has(self, *names: str) -> bool:
        """Whether one of the files is there."""
        return any(name in self._known for name in names)

    def first(self, *names: str) -> str:
        """The first of the files that is there; empty if none is."""
        return next((name for name in names if name in self._known), "")

    def is_program(self, name: str) -> bool:
        """Whether a file is there that may be executed."""
        try:
            return name in self._known and bool(os.stat(self.root / name).st_mode & 0o111)
        except OSError:
            return False

    def at_top(self, pattern: str) -> list[str]:
        """The files right in the folder whose whole name fits a regular expression."""
        fits = re.compile(pattern).fullmatch
        return [name for name in self.files if "/" not in name and fits(name)]

    def anywhere(self, pattern: str, depth: int = 99) -> list[str]:
        """The files, at most ``depth`` folders down, whose last part fits a regular expression."""
        fits = re.compile(pattern).fullmatch
        return [name for name in self.files if name.count("/") <= depth and fits(name.rpartition("/")[2])]

    def text(self, name: str) -> str:
        """What a file says, no more than a quarter of a megabyte of it; empty if it is not there."""
        if name not in self._texts:
            self._texts[name] = self._read(name) if name in self._known else ""
        return self._texts[name]

    def texts(self, names: Iterable[str], most: int = 400) -> Iterator[tuple[str, str]]:
        """Names and contents of the first ``most`` files."""
        for number, name in enumerate(names):
            if number >= most:
                return
            yield name, self.text(name)

    def any_text(self, names: Iterable[str], pattern: str, flags: re.RegexFlag = re.MULTILINE) -> bool:
        """Whether one of the files has something in it that fits a regular expression."""
        search: Callable[[str], object] = re.compile(pattern, flags).search
        return any(search(text) for _, text in self.texts(names))

    def _read(self, name: str) -> str:
        try:
            descriptor = os.open(self.root / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
            with open(descriptor, "rb") as stream:
                # Lists of crates are long and looked through once; what is searched with care has to be bounded.
                most = _MOST_OF_A_LIST if name.endswith(".lock") else _MOST_BYTES
                return stream.read(most).decode("utf-8", "replace").replace("\r\n", "\n")
        except OSError:
            return ""

    @staticmethod
    def _is_ours(path: str, top: str) -> bool:
        try:
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                target = os.path.realpath(path)
                return target.startswith(f"{top}/") and stat.S_ISREG(os.lstat(target).st_mode)
            return stat.S_ISREG(mode)
        except (OSError, ValueError):
            return False


def behind(text: str, pattern: str, most: int = 20_000) -> str:
    """What follows the first place in a text that fits a regular expression, ``most`` letters of it; empty without any."""
    found = re.search(pattern, text)
    return "" if found is None else text[found.end() : found.end() + most]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package holds something that is missing, as far as an index on this machine knows.

Asked are the database of what is installed, which knows files, and the indexes that are on this machine (repositories that are
folders, apk's cache, packages built earlier), which know what packages provide (``pc:``, ``cmd:``). Nothing is downloaded, and
a name that merely looks likely is not told. Indexes do not list headers: there a pkg-config module of a header's own name, or of
its folder's, tells the package.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from abuildpy.errors import AbuildError
from abuildpy.repository.index import Index, read_index
from abuildpy.repository.installed import InstalledDatabase, open_database
from abuildpy.repository.nearby import built_indexes, configured_indexes

_INCLUDES = ("usr/include", "usr/local/include")
_PROGRAMS = ("usr/bin", "bin", "usr/sbin", "sbin")
_MOST = 3


class Packages:
    """What is known here of packages; read when first asked."""

    def __init__(self, root: Path, repodest: Path, arch: str) -> None:
        """``root`` is where apk's database and configuration are; ``repodest`` holds packages built earlier."""
        self._root = root
        self._repodest = repodest
        self._arch = arch
        self._indexes: list[Index] | None = None
        self._database: InstalledDatabase | None = None
        self._asked = False

    def __call__(self, kind: str, name: str) -> Sequence[str]:
        """Names of packages that hold what is missing (``kind`` is a diagnosis's); none where nobody knows."""
        found: dict[str, None] = {}
        for wanted in _provided(kind, name):
            for index in self._read():
                found.update(dict.fromkeys(entry.name for entry, _ in index.providers(wanted)))
        for path in _paths(kind, name):
            owner = self._owner(path)
            if owner:
                found[owner] = None
        for wanted in () if found else _modules_of_header(kind, name):
            found = dict.fromkeys(entry.name for index in self._read() for entry, _ in index.providers(wanted))
            if found:
                break
        return tuple(sorted(found, key=lambda each: (len(each), each))[:_MOST])

    def _owner(self, path: str) -> str | None:
        if not self._asked:
            self._asked = True
            try:
                self._database = open_database(self._root)
            except AbuildError:
                self._database = None
        return None if self._database is None else self._database.owner_of_file(path)

    def _read(self) -> list[Index]:
        if self._indexes is None:
            self._indexes = []
            for path in dict.fromkeys(self._places()):
                try:
                    self._indexes.append(read_index(path))
                except AbuildError:
                    continue
        return self._indexes

    def _places(self) -> Iterable[Path]:
        """Indexes on this machine: repositories that are folders, those that apk has cached, packages built earlier."""
        known = configured_indexes(self._root, self._arch)
        return (*known.folders, *known.cached, *built_indexes(self._repodest, self._arch))


def _provided(kind: str, name: str) -> list[str]:
    """What packages that hold it say they provide."""
    word = _word(name)
    if kind in ("missing-pkgconfig", "missing-dependency", "missing-vala-package"):
        return [f"pc:{word}"]
    if kind == "missing-program":
        return [f"cmd:{os.path.basename(word)}"]
    if kind == "missing-library":
        return [f"pc:{word}", f"pc:lib{word}"]
    if kind == "missing-perl-module":
        return [f"perl-{word.removesuffix('.pm').replace('/', '-').lower()}"]
    return []


_COMMON = frozenset(
    "base common compat config core error global internal main private test types util utils version".split()
)
"""Names of headers that anything may have."""


def _modules_of_header(kind: str, name: str) -> list[str]:
    """The pkg-config modules that are called as a header or the folder that it is in, the likelier first."""
    if kind != "missing-header":
        return []
    folder, _, base = name.rpartition("/")
    words = [folder.partition("/")[0], base.rpartition(".")[0]]
    wanted = [f"pc:{prefix}{word}" for word in words if len(word) > 2 and word not in _COMMON for prefix in ("", "lib")]
    return list(dict.fromkeys(each for pair in wanted for each in (pair, pair.lower())))


def _paths(kind: str, name: str) -> list[str]:
    """Files that would be it."""
    if kind == "missing-header":
        return [f"{folder}/{name}" for folder in _INCLUDES]
    if kind == "missing-program":
        return [name] if name.startswith("/") else [f"{folder}/{name}" for folder in _PROGRAMS]
    if kind == "missing-library":
        return [f"usr/lib/lib{name}{ending}" for ending in (".so", ".a")]
    if kind == "missing-pkgconfig":
        return [f"{folder}/{_word(name)}.pc" for folder in ("usr/lib/pkgconfig", "usr/share/pkgconfig")]
    return []


def _word(name: str) -> str:
    """A module's name without the version that is wanted of it."""
    return re.split(r"[\s<>=~]", name, maxsplit=1)[0]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at an unpacked source: which folder it is in, what builds it, and whether it has C or C++ headers.

The folders come from strangers: links that lead out of them count as absent.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

_HEADERS = (".h", ".hpp")
_HEADER_DEPTH = 3


class BuildType(StrEnum):
    """What builds a package; the value is the template's name."""

    AUTOTOOLS = "autotools"
    CMAKE = "cmake"
    EMPTY = "empty"
    MAKE = "make"
    MESON = "meson"
    PERL = "perl"
    PYTHON = "python"
    RUST = "rust"
    WAF = "waf"


def source_folder(srcdir: Path, expected: str) -> Path | None:
    """The folder that the archive brought along: the expected one if there, else the last; None without any."""
    try:
        with os.scandir(srcdir) as entries:
            folders = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return None
    if not folders:
        return None
    return srcdir / (expected if expected in folders else folders[-1])


def build_type(folder: Path | None, names: Collection[str] = ()) -> BuildType:
    """What builds the source in ``folder``; the order of the questions is that of abuild 3.18's newapkbuild.

    ``names`` are names of the package, which tell ``perl-…`` and ``py3-…`` apart where files do not.
    """

    def has(name: str) -> bool:
        return folder is not None and _mode(folder, name) is not None

    configure = None if folder is None else _mode(folder, "configure")
    if configure is not None and stat.S_ISREG(configure) and configure & 0o111:
        return BuildType.AUTOTOOLS
    if has("Makefile.PL") or any(name.startswith("perl-") for name in names):
        return BuildType.PERL
    for file, kind in (
        ("waf", BuildType.WAF),
        ("meson.build", BuildType.MESON),
        ("CMakeLists.txt", BuildType.CMAKE),
    ):
        if has(file) or (kind is BuildType.CMAKE and folder is not None and _is_folder(folder, "cmake")):
            return kind
    if has("Makefile"):
        return BuildType.MAKE
    if has("pyproject.toml") or has("setup.py") or any(re.match(r"py\d-", name) for name in names):
        return BuildType.PYTHON
    return BuildType.RUST if has("Cargo.toml") else BuildType.EMPTY


def has_headers(folder: Path) -> bool:
    """Whether there is a C or C++ header, at most three folders deep."""
    root = os.fspath(folder)
    for where, folders, files in os.walk(root):
        if any(name.endswith(_HEADERS) for name in files):
            return True
        depth = where[len(root) :].count(os.sep) + 1
        if depth >= _HEADER_DEPTH:
            folders.clear()
    return False


def _mode(folder: Path, name: str) -> int | None:
    """Type and permissions of an entry, or of what a link within the folder leads to; None if there is none."""
    root = os.path.realpath(folder)
    path = os.path.realpath(os.path.join(root, name))
    if os.path.commonpath((root, path)) != root:
        return None
    try:
        return os.stat(path, follow_symlinks=False).st_mode
    except OSError:
        return None


def _is_folder(folder: Path, name: str) -> bool:
    mode = _mode(folder, name)
    return mode is not None and stat.S_ISDIR(mode)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at an unpacked source: which folder it is in, and what builds it.

The folders come from strangers: links that lead out of them count as absent.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

_NESTED = 3
"""How many folders may have nothing but one folder in them."""


class BuildType(StrEnum):
    """What builds a package; the value is the template's name."""

    AUTOTOOLS = "autotools"
    CMAKE = "cmake"
    DUB = "dub"
    ELIXIR = "elixir"
    EMPTY = "empty"
    GO = "go"
    HASKELL = "haskell"
    JAVA = "java"
    LUA = "lua"
    MAKE = "make"
    MESON = "meson"
    NIM = "nim"
    NPM = "npm"
    OCAML = "ocaml"
    PERL = "perl"
    PYTHON = "python"
    QMAKE = "qmake"
    RUBY = "ruby"
    RUST = "rust"
    SCONS = "scons"
    WAF = "waf"
    ZIG = "zig"


# In the order of the questions: that of abuild 3.18's newapkbuild as far as it asks, but a Makefile comes after what says
# more, because many projects have one for their own convenience.
_FILES = (
    (r"Makefile\.PL|Build\.PL", BuildType.PERL),
    (r"waf", BuildType.WAF),
    (r"CMakeLists\.txt", BuildType.CMAKE),
    (r"configure\.(?:ac|in)", BuildType.AUTOTOOLS),
    (r"wscript", BuildType.WAF),
    (r"pyproject\.toml|setup\.py", BuildType.PYTHON),
    (r"Cargo\.toml", BuildType.RUST),
    (r"go\.mod", BuildType.GO),
    (r".*\.gemspec", BuildType.RUBY),
    (r".*\.cabal", BuildType.HASKELL),
    (r"dune-project", BuildType.OCAML),
    (r"build\.zig", BuildType.ZIG),
    (r".*\.nimble", BuildType.NIM),
    (r"dub\.(?:json|sdl)", BuildType.DUB),
    (r"mix\.exs", BuildType.ELIXIR),
    (r"(?:GNUm|m|M)akefile", BuildType.MAKE),
    (r"SConstruct", BuildType.SCONS),
    (r".*\.pro", BuildType.QMAKE),
    (r".*\.rockspec", BuildType.LUA),
    (r"pom\.xml|build\.gradle(?:\.kts)?|build\.xml", BuildType.JAVA),
    (r"package\.json", BuildType.NPM),
    (r".*\.go", BuildType.GO),
)


def source_folder(srcdir: Path, expected: str) -> Path | None:
    """The folder that the archive brought along: the expected one if there, else the last; None without any.

    A folder that has only one folder in it stands for that.
    """
    try:
        with os.scandir(srcdir) as entries:
            folders = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return None
    if not folders:
        return None
    folder = srcdir / (expected if expected in folders else folders[-1])
    for _ in range(_NESTED):
        try:
            inside = list(os.scandir(folder))
        except OSError:
            break
        if len(inside) != 1 or not inside[0].is_dir(follow_symlinks=False):
            break
        folder = Path(inside[0].path)
    return folder


def build_type(folder: Path | None, names: Collection[str] = ()) -> BuildType:
    """What builds the source in ``folder``.

    ``names`` are names of the package, which tell ``perl-…`` and ``py3-…`` apart where files do not.
    """
    there = _names(folder)

    def has(pattern: str) -> bool:
        return folder is not None and any(
            re.fullmatch(pattern, name) and (mode := _mode(folder, name)) is not None and stat.S_ISREG(mode)
            for name in there
        )

    if any(name.startswith("perl-") for name in names):
        return BuildType.PERL
    configure = None if folder is None else _mode(folder, "configure")
    if has(r"meson\.build") and not has(r"Makefile\.PL|Build\.PL"):
        return BuildType.MESON  # where there is a configure script or waf as well, that is the older way
    if configure is not None and stat.S_ISREG(configure) and configure & 0o111:
        return BuildType.AUTOTOOLS
    python = any(re.match(r"py\d-", name) for name in names)
    for pattern, kind in _FILES:
        if python and kind is BuildType.RUST:
            return BuildType.PYTHON
        if has(pattern):
            return BuildType.SCONS if kind is BuildType.MAKE and has("SConstruct") and _calls_scons(folder) else kind
    return BuildType.PYTHON if python else BuildType.EMPTY


def _calls_scons(folder: Path | None) -> bool:
    """Whether the Makefile does no more than to call what really builds."""
    from abuildpy.maintain.survey.tree import SourceTree

    return folder is not None and any(
        re.search(r"\bscons\b", SourceTree(folder).text(name)) for name in ("Makefile", "makefile")
    )


def _names(folder: Path | None) -> list[str]:
    try:
        return [] if folder is None else sorted(os.listdir(folder))
    except OSError:
        return []


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

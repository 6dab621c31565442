# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which files of a package lose their symbols, and by which program; the packaging session does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abuildpy.package.elf import OSABI_STANDALONE, ElfInfo
from abuildpy.package.model import Metadata, Tree


@dataclass(frozen=True, slots=True)
class StripPlan:
    """``program`` is to be run as ``PROGRAM -o TEMPORARY FILE``, and the temporary file's content copied
    back into the file, so that its inode, mode, owner and attributes stay. ``files`` are paths in the
    tree, one for each inode.
    """

    program: str
    files: tuple[bytes, ...]


def plan_strip(
    tree: Tree, metadata: Metadata, elf: Mapping[bytes, ElfInfo], *, triplet: str, cbuild: str, debug: bool = False
) -> StripPlan:
    """Choose the shared objects and programs to strip.

    None with ``!strip``, with ``debug`` (a set DEBUG) and for noarch packages. Detached symbols
    (usr/lib/debug) and files for no operating system (ELFOSABI_STANDALONE, e.g. firmware) are left alone.
    ``triplet`` is the package's, ``cbuild`` the build machine's: where they differ the cross tool
    ``TRIPLET-strip`` is named.
    """
    program = "strip" if triplet == cbuild else f"{triplet}-strip"
    if debug or metadata.arch == "noarch" or metadata.has_option("!strip"):
        return StripPlan(program, ())
    chosen: dict[tuple[int, int], bytes] = {}
    for entry in tree.entries:
        info = elf.get(entry.path)
        if info is None or not info.is_loadable or info.osabi == OSABI_STANDALONE:
            continue
        if entry.path.startswith(b"usr/lib/debug/"):
            continue
        chosen.setdefault(entry.inode, entry.path)
    return StripPlan(program, tuple(chosen.values()))

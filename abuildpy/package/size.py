# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed size of a package."""

from __future__ import annotations

from abuildpy.package.model import Tree

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def package_size(tree: Tree, *, scripts: bool, emptied: bool = False, deleted: int = 0) -> int:
    """The ``size`` field of .PKGINFO in bytes: the sum of all regular files, hard links counted once.

    apk takes a package of size 0 for a virtual one and ignores its content, so it is at least 1 when there
    is anything at all: any entry, an install script or trigger (``scripts``), or an entry that was removed
    after the size was due (``emptied``: abuild counts before it removes empty standard folders). ``deleted`` are bytes
    of files that were removed after that.
    """
    sizes = {entry.inode: entry.size for entry in tree.entries if entry.kind == "f"}
    return sum(sizes.values()) + deleted or int(bool(tree.entries) or scripts or emptied)


def human_size(size: int) -> str:
    """Bytes for people, as abuild prints them: ``39.0 B``, ``3.0 MB``; ``0.0 `` for nothing."""
    if size < 1:
        return "0.0 "
    step = min((size.bit_length() - 1) // 10, len(_UNITS) - 1)
    return f"{size / (1 << 10 * step):.1f} {_UNITS[step]}"

# SPDX-License-Identifier: GPL-3.0-or-later
"""The trees of packages whose files are all root's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from abuildpy.package.model import Entry, Tree


def tree_of(root: Path) -> Tree:
    """What lies in a folder, as it is but for its owners."""
    entries = []
    for path in sorted(root.rglob("*"), key=os.fsencode):
        status = path.lstat()
        kind = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}[stat.S_IFMT(status.st_mode)]
        entries.append(
            Entry(
                path=os.fsencode(path.relative_to(root)),
                kind=kind,
                mode=stat.S_IMODE(status.st_mode),
                uid=0,
                gid=0,
                user="root",
                group="root",
                size=status.st_size if kind == "f" else 0,
                target=os.fsencode(path.readlink()) if kind == "l" else b"",
                inode=(status.st_dev, status.st_ino),
                nlink=status.st_nlink,
            )
        )
    return Tree(root, tuple(entries))

# SPDX-License-Identifier: GPL-3.0-or-later
"""``.control.NAME/`` beside the package trees: what went into a package's description, for whoever looks with ``-K``."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def leave_pkginfo(packages: Path, name: str, content: bytes) -> None:
    """Writes ``.control.NAME/.PKGINFO`` into the folder of package trees, as abuild leaves it there.

    The recipe's functions could write that folder: no link in it is followed, and where they left something in the way,
    it stays and nothing is written. Nothing depends on this file.
    """
    try:
        folder = _open_folder(packages, f".control.{name}")
    except OSError:
        return
    try:
        part = f".PKGINFO.{os.getpid()}.part"
        with open(os.open(part, _NEW, 0o644, dir_fd=folder), "wb") as file:
            file.write(content)
        try:
            os.rename(part, ".PKGINFO", src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(part, dir_fd=folder)
    except OSError:
        return
    finally:
        os.close(folder)


def _open_folder(parent: Path, name: str) -> int:
    above = os.open(parent, _FOLDER)
    try:
        try:
            os.mkdir(name, 0o755, dir_fd=above)
        except FileExistsError:
            pass
        return os.open(name, _FOLDER, dir_fd=above)
    finally:
        os.close(above)

# SPDX-License-Identifier: GPL-3.0-or-later
"""``.control.NAME/`` beside the package trees: what went into a package's description, for whoever looks with ``-K``."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from abuildpy.errors import PackageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_MOST, _LARGEST = 1000, 16 << 20
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


def read_control(packages: Path, name: str) -> dict[str, bytes]:
    """What steps of packaging left in ``.control.NAME/``: content of each regular file by its name.

    No link is followed. Raises PackageError where there are more files, or larger ones, than any package needs.
    """
    try:
        above = os.open(packages, _FOLDER)
    except FileNotFoundError:
        return {}
    try:
        folder = os.open(f".control.{name}", _FOLDER, dir_fd=above)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unusable(name, error.strerror or "it cannot be read") from error
    finally:
        os.close(above)
    try:
        names = os.listdir(folder)
        if len(names) > _MOST:
            raise _unusable(name, f"it holds {len(names)} files")
        return {file: content for file in sorted(names) if (content := _read(folder, file, name)) is not None}
    finally:
        os.close(folder)


def _read(folder: int, file: str, name: str) -> bytes | None:
    try:
        descriptor = os.open(file, _OLD, dir_fd=folder)
    except OSError:
        return None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            return None
        if state.st_size > _LARGEST:
            raise _unusable(name, f"{file} has {state.st_size} bytes")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(_LARGEST)
    finally:
        os.close(descriptor)


def _unusable(name: str, why: str) -> PackageError:
    return PackageError(f".control.{name}, which the recipe's packaging steps left: {why}", hint="run `abuild clean`")


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

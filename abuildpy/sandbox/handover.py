# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a build's folders to the account that the recipe runs under."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def hand_over(paths: Iterable[Path], user: BuildUser) -> None:
    """Make ``user`` the owner of the folders and of all in them; nothing to do unless the caller is root.

    Call it only while no stage runs. No symbolic link is followed, no other file system is entered. A file with several
    names is handed over only if all of them were found here: a name planted for, say, /etc/shadow gives nobody that
    file. Raises SandboxError where one of the folders is missing or is no real folder.
    """
    if not user.drops:
        return
    tops: list[int] = []
    try:
        for path in paths:
            try:
                tops.append(os.open(path, _OPEN))
            except OSError as error:
                raise SandboxError(f"{path} is no folder that the build may use: {error.strerror}") from error
        names: Counter[tuple[int, int]] = Counter()
        for top in tops:
            for _, _, info in _walk(top, os.fstat(top).st_dev):
                if _several_names(info):
                    names[info.st_dev, info.st_ino] += 1
        for top in tops:
            os.fchown(top, user.host_uid, user.host_gid)
            for folder, name, info in _walk(top, os.fstat(top).st_dev):
                if (info.st_uid, info.st_gid) == (user.host_uid, user.host_gid):
                    continue
                if _several_names(info) and names[info.st_dev, info.st_ino] != info.st_nlink:
                    continue
                if not (stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode)):
                    os.chown(name, user.host_uid, user.host_gid, dir_fd=folder, follow_symlinks=False)
    except RecursionError as error:
        raise SandboxError("The build's folders are nested too deeply") from error
    finally:
        for fd in tops:
            os.close(fd)


def _several_names(info: os.stat_result) -> bool:
    return not stat.S_ISDIR(info.st_mode) and info.st_nlink > 1


def _walk(folder: int, device: int) -> Iterator[tuple[int, bytes, os.stat_result]]:
    """Everything below an open folder as (open folder, name in it, what it is), the content of folders first."""
    for name in map(os.fsencode, os.listdir(folder)):
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if info.st_dev != device:
            continue
        if stat.S_ISDIR(info.st_mode):
            below = os.open(name, _OPEN, dir_fd=folder)
            try:
                yield from _walk(below, device)
            finally:
                os.close(below)
        yield folder, name, info

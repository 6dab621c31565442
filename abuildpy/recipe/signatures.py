# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells that files are as they were, for thousands of recipes at once."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Signature = tuple[int, int, int, int]
"""Size, inode, modification time and change time (nanoseconds) of a file; all zero where it was too young to trust."""
NEVER: Signature = (0, 0, 0, 0)
MISSING: Signature = (-1, 0, 0, 0)
YOUNG = 2_000_000_000
"""Nanoseconds: a file changed so shortly before it was read may change again within the same tick of its clock."""


def signature_of(status: os.stat_result) -> Signature:
    """What tells that a file is as it was, if it was old enough; all zero if it was too young."""
    last = max(status.st_mtime_ns, status.st_ctime_ns)
    if time.time_ns() - last < YOUNG:
        return NEVER
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def watch(path: str) -> Signature:
    """The signature of a file that an evaluation depends on, whether it is there or not."""
    try:
        return signature_of(os.stat(path))
    except OSError:
        return MISSING


def signatures(folder: str, names: Sequence[str]) -> list[int]:
    """Four numbers for each of the files below a folder, young or not. Raises OSError if there is no such folder."""
    numbers: list[int] = []
    extend = numbers.extend
    stat = os.stat
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names:
            try:
                status = stat(name, dir_fd=descriptor)
            except OSError:
                extend(MISSING)
            else:
                extend((status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns))
    finally:
        os.close(descriptor)
    return numbers

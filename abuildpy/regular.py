# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens files that strangers named: a pipe or a device among them must neither hang us nor fill our memory."""

from __future__ import annotations

import errno
import os
import stat

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def regular(path: str | os.PathLike[str]) -> int:
    """Opens a regular file, following links, and returns its descriptor. OSError for anything else, or if it is not there."""
    descriptor = os.open(path, _FLAGS)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is a device, a pipe or a socket", os.fspath(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: str | os.PathLike[str]) -> bytes:
    """All of a regular file; OSError."""
    with open(regular(path), "rb") as file:
        return file.read()

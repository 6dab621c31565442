# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole or not at all: written beside their final name and renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(target: str | Path, mode: int, *, durable: bool = False) -> Iterator[BinaryIO]:
    """Gives a file to write what ``target`` is to hold; it takes that name, with ``mode``, when the block ends well.

    Until then only its owner can read it, and an older file is as before. ``durable``: the content is on the disk
    before it gets the name. What the block raises passes through, and nothing is left behind; OSError, naming ``target``,
    if there can be no such file.
    """
    folder, name = os.path.split(target)
    # Neither an index made meanwhile nor a shell's pattern may take the half-done file for a package or a recipe.
    try:
        descriptor, part = tempfile.mkstemp(dir=folder or ".", prefix=f".{name}.", suffix=".part")
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(target)) from None
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, mode)
            if durable:
                os.fsync(descriptor)
        os.rename(part, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def mode_for(target: str | Path, new: int = 0o644) -> int:
    """Permissions that a file written anew should have: those of the one that is there, else ``new`` less the umask."""
    try:
        return os.stat(target).st_mode & 0o7777
    except FileNotFoundError:
        mask = os.umask(0o022)
        os.umask(mask)
        return new & ~mask

# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an unpacked source as patches see them: read without following links, changed in memory only."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_LARGEST = 32 << 20
"""As lines in memory, a file is many times its size; of new sources nobody knows yet what is in them."""
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class Unreadable(Exception):
    """Something is there that patch(1) would not touch; says what."""


class Files:
    """The files below a folder. What was changed is kept here, and the folder stays as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed: dict[str, bytes | None] = {}

    def read(self, path: str) -> bytes | None:
        """A file's content; None if there is none. Raises Unreadable for what is no regular file, or behind a link."""
        if path in self._changed:
            return self._changed[path]
        *folders, name = [part for part in path.split("/") if part not in ("", ".")]
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for each in folders:
                inner = os.open(each, _FLAGS | os.O_DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            opened = os.open(name, _FLAGS | os.O_NONBLOCK, dir_fd=descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Unreadable(f"{path} is behind a symbolic link") from None
            raise Unreadable(f"{path}: {error.strerror or error}") from None
        finally:
            os.close(descriptor)
        with open(opened, "rb") as file:
            state = os.fstat(opened)
            if not stat.S_ISREG(state.st_mode):
                raise Unreadable(f"{path} is not a regular file")
            if state.st_size > _LARGEST:
                raise Unreadable(f"{path} is absurdly large")
            return file.read()

    def change(self, changes: dict[str, bytes | None]) -> None:
        """Files with their new content; None for those that are gone."""
        self._changed |= changes

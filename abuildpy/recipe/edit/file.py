# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of an APKBUILD in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from abuildpy.atomic import replacing
from abuildpy.errors import RecipeError


def edit_file(apkbuild: Path, change: Callable[[bytes], bytes]) -> bool:
    """Puts what ``change`` makes of a file's bytes into the file, in one step; whether that is anything else.

    Permissions and, where possible, owner stay; of a symbolic link, what it leads to is changed. RecipeError, naming the
    file, if it cannot be changed or ``change`` raises one.
    """
    path = Path(os.path.realpath(apkbuild))
    try:
        old = path.read_bytes()
        new = change(old)
        if new != old:
            _replace(path, new)
    except OSError as error:
        raise RecipeError(f"cannot change {path}: {error.strerror or error}")
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.message}", hint=error.hint)
    return new != old


def _replace(path: Path, text: bytes) -> None:
    status = path.stat()
    with replacing(path, status.st_mode & 0o7777) as file:
        if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
            try:
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            except PermissionError:
                pass
        file.write(text)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the cache small: what was not used for longest goes first.

The cache has three kinds of files: one for each recipe that was evaluated alone (``cache.py``), one for each repository
folder that was evaluated whole (``shelf.py``), and answers of upstreams (``maintain/upstream/web.py``). All of it can be
deleted at any time, which costs only time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.recipe.cache import cache_folder

if TYPE_CHECKING:
    from abuildpy.config import Config

KINDS = ("recipes", "packs", "upstream")
"""Folders of the cache: recipes one by one, whole repository folders, answers of upstreams."""
_USUAL_LIMIT = 256
_MEBIBYTE = 1 << 20
_ABANDONED = 3600
"""Seconds after which a half-written file has nobody any more who writes it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the cache."""

    path: str
    kind: str
    size: int
    """Bytes."""
    used: float
    """When it was last written, or for packs used (to the day); seconds since 1970."""
    unfinished: bool


def limit_of(config: Config) -> int:
    """Bytes that the cache may have: ABUILDPY_CACHE_SIZE (MiB) of the configuration or environment, else 256 MiB."""
    wanted = config.get("ABUILDPY_CACHE_SIZE")
    return (int(wanted) if wanted.isascii() and wanted.isdigit() else _USUAL_LIMIT) * _MEBIBYTE


def entries(config: Config) -> Iterator[Entry]:
    """All files of the cache; what cannot be looked at is left out."""
    base = cache_folder(config)
    for kind in KINDS if base else ():
        try:
            with os.scandir(os.path.join(base or "", kind)) as found:
                for each in found:
                    try:
                        status = each.stat(follow_symlinks=False)
                    except OSError:
                        continue
                    unfinished = each.name.startswith(".") or each.name.count(".") > 0
                    yield Entry(each.path, kind, status.st_size, status.st_mtime, unfinished)
        except OSError:
            continue


def prune(config: Config, limit: int) -> tuple[int, int]:
    """Deletes until the cache has no more than ``limit`` bytes, and what was never finished.

    Returns how many files and how many bytes went. Others may use the cache meanwhile.
    """
    now = time.time()
    found = sorted(entries(config), key=lambda each: each.used)
    total = sum(each.size for each in found)
    files = size = 0
    for each in found:
        abandoned = each.unfinished and (now - each.used > _ABANDONED or limit == 0)
        if not abandoned and (each.unfinished or total <= limit):
            continue
        try:
            os.unlink(each.path)
        except OSError:
            continue
        total -= each.size
        files += 1
        size += each.size
    return files, size

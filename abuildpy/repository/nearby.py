# SPDX-License-Identifier: GPL-3.0-or-later
"""The package indexes that are on this machine: of repositories that are folders, in apk's cache, of earlier builds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from abuildpy.repository.index import INDEX_NAME


@dataclass(frozen=True, slots=True)
class Configured:
    """What apk is configured for."""

    folders: tuple[Path, ...]
    """Where the indexes of repositories are that are folders; they may not be there."""
    remote: int
    """How many other repositories there are."""
    cached: tuple[Path, ...]
    """Indexes in apk's cache."""
    is_empty: bool
    """Whether there is no configuration at all."""


def configured_indexes(root: Path, arch: str) -> Configured:
    """The indexes of the repositories that apk below ``root`` is configured for."""
    try:
        lines = (root / "etc/apk/repositories").read_text(errors="surrogateescape").splitlines()
    except OSError:
        lines = []
    folders: list[Path] = []
    remote = 0
    for line in lines:
        words = [word for word in line.split() if not word.startswith("@")]
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("/"):
            folders.append(Path(words[0], arch, INDEX_NAME))
        else:
            remote += 1
    cached = (path for cache in ("etc/apk/cache", "var/cache/apk") for path in sorted((root / cache).glob(_CACHED)))
    return Configured(tuple(folders), remote, tuple(cached), is_empty=not lines)


def built_indexes(repodest: Path, arch: str) -> list[Path]:
    """The indexes of what was built before: ``REPODEST/REPO/ARCH/APKINDEX.tar.gz``."""
    return sorted(repodest.glob(f"*/{arch}/{INDEX_NAME}"))


_CACHED = "APKINDEX.*.tar.gz"

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether packages that were made once are still there, whole, and those that they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from abuildpy.errors import AbuildError
from abuildpy.repository import apkfile
from abuildpy.repository.trust import Keys


def identities(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The identities (``Q1…``) of packages by their paths below ``folder``. Raises RepositoryError."""
    return {name: apkfile.read(folder / name).identity for name in names}


def all_sound(packages: Mapping[str, str], places: Sequence[Path], keys: Keys) -> bool:
    """Whether every package is in one of the places with the identity that it had, signed by a trusted key and whole."""
    return bool(packages) and all(
        any(is_sound(place / name, identity, keys) for place in places) for name, identity in packages.items()
    )


def is_sound(path: Path, identity: str, keys: Keys) -> bool:
    """Whether a file is the package of that identity, signed by a trusted key and whole."""
    try:
        if not path.is_file():
            return False
        apk = apkfile.read(path)
        if apk.identity != identity:
            return False
        keys.require(path, apk.signatures, apk.control)
        apkfile.verify_data(apk)
    except (AbuildError, OSError):
        return False
    return True

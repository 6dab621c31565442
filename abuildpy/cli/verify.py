# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy verify``: are packages and indexes what their packager signed?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.errors import AbuildError, RepositoryError
from abuildpy.repository import apkfile
from abuildpy.repository.trust import Keys, load_keys, trusted_keys
from abuildpy.ui.console import Console


def verify(files: Sequence[Path], keys_dir: Path | None, console: Console) -> int:
    """Prints ``FILE: OK`` for every good file and an error for each other one; returns 1 if there was one.

    Trusted are the keys of ``keys_dir``; without it those of the system and the user's own.
    """
    keys = _load_keys(keys_dir)
    bad = 0
    for path in files:
        try:
            _verify(path, keys)
        except AbuildError as error:
            bad = 1
            console.error(error.message)
            if error.hint:
                console.error2(error.hint)
        else:
            console.plain(f"{path}: OK")
    return bad


def _verify(path: Path, keys: Keys) -> None:
    is_package = path.name.endswith(".apk")
    if is_package:
        apk = apkfile.read(path)
        signatures, content = apk.signatures, apk.control
    else:
        signatures, content = apkfile.signatures_of(path)
    keys.require(path, signatures, content)
    if is_package:
        apkfile.verify_data(apk)


def _load_keys(keys_dir: Path | None) -> Keys:
    if keys_dir is None:
        return trusted_keys(load_config())
    if not keys_dir.is_dir():
        raise RepositoryError(f"{keys_dir}: no such folder of keys")
    return Keys(load_keys([keys_dir]))

# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy verify``: are packages and indexes what their packager signed?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.errors import AbuildError, RepositoryError
from abuildpy.repository import apkfile
from abuildpy.ui.console import Console

_SYSTEM_KEYS = Path("/etc/apk/keys")


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


def _verify(path: Path, keys: Mapping[str, bytes]) -> None:
    is_package = path.name.endswith(".apk")
    if is_package:
        apk = apkfile.read(path)
        signatures, content = apk.signatures, apk.control
    else:
        signatures, content = apkfile.signatures_of(path)
    if not signatures:
        raise RepositoryError(f"{path}: not signed")
    if not any(s.key in keys and apkfile.verify_signature(s, content, keys[s.key]) for s in signatures):
        names = ", ".join(signature.key for signature in signatures)
        raise RepositoryError(
            f"{path}: UNTRUSTED or BAD signature by {names}",
            hint="is that key among the trusted ones? --keys-dir names their folder",
        )
    if is_package:
        apkfile.verify_data(apk)


def _load_keys(keys_dir: Path | None) -> dict[str, bytes]:
    if keys_dir is not None:
        folders = [keys_dir]
        if not keys_dir.is_dir():
            raise RepositoryError(f"{keys_dir}: no such folder of keys")
    else:
        config = load_config()
        folders = [_SYSTEM_KEYS, config.userdir]
        own = config.packager_pubkey
        if own:
            folders.append(Path(own).parent)
    keys: dict[str, bytes] = {}
    for folder in folders:
        if folder.is_dir():
            for name in sorted(os.listdir(folder)):
                if name.endswith(".pub"):
                    keys[name] = (folder / name).read_bytes()
    return keys

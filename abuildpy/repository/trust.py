# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose signatures count: the public keys of the system and of the packager, and asking them about packages and indexes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.errors import RepositoryError, SigningError
from abuildpy.repository import apkfile

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.records.dsse import Envelope

SYSTEM_KEYS = Path("/etc/apk/keys")
_LARGEST_KEY = 1 << 16


class Keys:
    """Public keys by name (the file's name, ``me-1234.rsa.pub``), PEM."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = keys

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def signers(self, envelope: Envelope) -> tuple[str, ...]:
        """Names of those keys that have signed an envelope."""
        return tuple(name for name, value in envelope.signatures if self._has_signed(name, value, envelope.signed))

    def _has_signed(self, name: str, value: bytes, content: bytes) -> bool:
        return name in self._keys and self._is_right(apkfile.Signature("RSA256", name, value), content)

    def require(self, path: Path, signatures: Iterable[apkfile.Signature], content: bytes) -> None:
        """Raises RepositoryError, naming ``path``, unless one of the signatures over ``content`` is by one of the keys."""
        given = tuple(signatures)
        if not given:
            raise RepositoryError(f"{path}: not signed", hint="sign it with abuild-sign, if it is yours")
        if any(s.key in self._keys and self._is_right(s, content) for s in given):
            return
        names = ", ".join(signature.key for signature in given)
        if any(s.key in self._keys for s in given):
            raise RepositoryError(
                f"{path}: BAD signature by {names}", hint="it was changed since it was signed: build or fetch it again"
            )
        raise RepositoryError(f"{path}: UNTRUSTED signature by {names}", hint=untrusted_hint())

    def _is_right(self, signature: apkfile.Signature, content: bytes) -> bool:
        try:
            return apkfile.verify_signature(signature, content, self._keys[signature.key])
        except RepositoryError:  # a key that is none has signed nothing
            return False


def untrusted_hint() -> str:
    """What to do about a signature by a key that is not known."""
    return f"if you trust that key, put it into {SYSTEM_KEYS}, or beside your own"


def trusted_keys(config: Config, own: Mapping[str, bytes] | None = None) -> Keys:
    """The system's keys, those in the packager's own folders, and ``own``, which come first.

    The packager's own counts even where only its private half is there.
    """
    folders = [SYSTEM_KEYS, config.userdir]
    if config.packager_pubkey:
        folders.append(Path(config.packager_pubkey).parent)
    keys = {**load_keys(folders), **(own or {})}
    if config.packager_privkey and config.packager_pubkey.rpartition("/")[2] not in keys:
        from abuildpy.package.sign import load_signer

        try:
            signer = load_signer(config)
        except SigningError:
            return Keys(keys)
        keys[signer.name] = signer.public_pem
    return Keys(keys)


def load_keys(folders: Iterable[Path]) -> dict[str, bytes]:
    """All ``*.pub`` in the folders, by name; folders that are missing and files that cannot be read count for nothing."""
    keys: dict[str, bytes] = {}
    for folder in folders:
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".pub"))
        except OSError:
            continue
        for name in names:
            try:
                # O_NONBLOCK: a fifo of that name must not hang us.
                with open(os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
                    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                        keys[name] = file.read(_LARGEST_KEY)
            except OSError:
                continue
    return keys

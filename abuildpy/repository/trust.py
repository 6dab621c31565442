# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose signatures count: the public keys of the system and of the packager, and asking them about packages and indexes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.errors import RepositoryError, SigningError
from abuildpy.repository import apkfile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from abuildpy.config import Config

SYSTEM_KEYS = Path("/etc/apk/keys")
_LARGEST_KEY = 1 << 16


class Keys:
    """Public keys by name (the file's name, ``me-1234.rsa.pub``), PEM."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = keys

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
        raise RepositoryError(
            f"{path}: UNTRUSTED signature by {names}",
            hint=f"if you trust that key, put it into {SYSTEM_KEYS}, or beside your own",
        )

    def _is_right(self, signature: apkfile.Signature, content: bytes) -> bool:
        import hashlib

        kinds = {"RSA": "sha1", "RSA256": "sha256", "RSA512": "sha512"}
        key = _load(self._keys[signature.key])
        if key is None or signature.kind not in kinds:
            return False
        numbers = key.public_numbers()
        length = (numbers.n.bit_length() + 7) // 8
        digest = hashlib.new(kinds[signature.kind], content).digest()
        info = _DIGEST_INFO[signature.kind] + digest
        filling = length - len(info) - 3
        if len(signature.value) != length or filling < 8:
            return False
        # By hand, since hosts with a strict policy refuse SHA-1, which apk's default type is made of.
        found = pow(int.from_bytes(signature.value), numbers.e, numbers.n)
        return found == int.from_bytes(b"\x00\x01" + b"\xff" * filling + b"\x00" + info)


# What PKCS #1 v1.5 (RFC 8017, 9.2) puts before the digest to name its algorithm.
_DIGEST_INFO = {
    "RSA": bytes.fromhex("3021300906052b0e03021a05000414"),
    "RSA256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "RSA512": bytes.fromhex("3051300d060960864801650304020305000440"),
}


@lru_cache(maxsize=64)
def _load(pem: bytes) -> RSAPublicKey | None:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None


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
                with open(folder / name, "rb") as file:
                    keys[name] = file.read(_LARGEST_KEY)
            except OSError:
                continue
    return keys

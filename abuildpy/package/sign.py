# SPDX-License-Identifier: GPL-3.0-or-later
"""RSA signatures of packages and indexes.

abuild 3.18, packages: a signature is a PKCS #1 v1.5 signature over the *compressed* bytes of what follows it (the
control part of a package, or a whole unsigned index), with SHA-1 (type ``RSA``, the default) or SHA-256 (``RSA256``).
It is the only member, ``.SIGN.<type>.<file name of the public key>``, of a small tar archive that is compressed and put
in front.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from abuildpy.atomic import replacing
from abuildpy.errors import SigningError
from abuildpy.package.archive import signature_archive
from abuildpy.package.compress import gzip_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from abuildpy.config import Config

SignatureType = Literal["RSA", "RSA256"]
SIGNATURE_TYPES: Final[tuple[SignatureType, ...]] = ("RSA", "RSA256")

_DIGESTS: Final = {"RSA": "sha1", "RSA256": "sha256"}
# What PKCS #1 v1.5 (RFC 8017, 9.2) puts before the digest to name its algorithm.
_DIGEST_INFO: Final = {
    "RSA": bytes.fromhex("3021300906052b0e03021a05000414"),
    "RSA256": bytes.fromhex("3031300d060960864801650304020105000420"),
}
_INDEX: Final = "APKINDEX.tar.gz"
_CREATE_KEY: Final = "run 'abuild-keygen -a' to create a key"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and how its signatures are labelled: ``name`` is the public key's file name in /etc/apk/keys."""

    key: RSAPrivateKey
    name: str
    kind: SignatureType = "RSA"

    @property
    def member(self) -> str:
        """Name of the signature's archive member."""
        return f".SIGN.{self.kind}.{self.name}"

    @property
    def digest(self) -> str:
        """hashlib's name of the digest that is signed."""
        return _DIGESTS[self.kind]

    @property
    def public_pem(self) -> bytes:
        """The public half, whether there is a file of it or not."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, digest: bytes) -> bytes:
        """Return the raw signature of a digest made with :attr:`digest`. Raises SigningError."""
        return _sign(self.key, digest, self.kind)

    def sign_index(self, content: bytes, *, epoch: int | None = None) -> bytes:
        """Return an index, given as its file's bytes, with a signature in front (dated ``epoch``, by default now)."""
        digest = hashlib.new(self.digest, content).digest()
        return signature_member(self, digest, epoch=epoch) + content


def public_key_name(private: str, public: str = "") -> str:
    """Return the name that signatures carry: the file name of ``public``, or without it of ``<private>.pub``."""
    return (public or f"{private}.pub").rpartition("/")[2]


def load_signer(config: Config) -> Signer:
    """Return the packager's signer: ``PACKAGER_PRIVKEY``, ``PACKAGER_PUBKEY`` and ``sigtype``. Raises SigningError."""
    return make_signer(config.packager_privkey, public=config.packager_pubkey, kind=config.get("sigtype", "RSA"))


def make_signer(private: str, *, public: str = "", kind: str = "RSA") -> Signer:
    """Return a signer with the private key in the file ``private`` (PEM).

    ``public`` is the path or name of the public key, by default ``<private>.pub``; the file is not needed. Raises
    SigningError with a hint if the private key is missing or unusable.
    """
    if kind not in SIGNATURE_TYPES:
        raise SigningError(f"unknown signature type {kind!r}", hint="supported types are RSA and RSA256")
    if not private:
        raise SigningError("No private key found", hint=_CREATE_KEY)
    name = public_key_name(private, public)
    if not name:
        raise SigningError(f"{public}: not the name of a public key", hint="set PACKAGER_PUBKEY to a file's name")
    return Signer(load_private_key(Path(private)), name, kind)


def load_private_key(path: Path) -> RSAPrivateKey:
    """Read an RSA private key in PEM form. Raises SigningError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SigningError(f"{path}: the private key does not exist", hint=_CREATE_KEY) from None
    except OSError as error:
        raise SigningError(f"{path}: cannot read the private key: {error.strerror}") from None
    try:
        # The library would first prove that the key's numbers are prime, which takes longer than a small build. What such a
        # key signs is checked instead, see _sign.
        key = load_pem_private_key(content, password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        # That is how cryptography says that a password is needed.
        raise SigningError(
            f"{path}: the private key is protected by a passphrase",
            hint=f"write a copy without one: openssl rsa -in {path} -out NEWKEY",
        ) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{path}: not a usable private key in PEM form", hint=_CREATE_KEY, details=(str(error),)
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise SigningError(f"{path}: not an RSA key", hint=f"apk checks RSA signatures only; {_CREATE_KEY}")
    return key


def signature_member(signer: Signer, digest: bytes, *, epoch: int | None) -> bytes:
    """Return the compressed archive that goes in front of what was signed.

    ``digest`` is that content's; ``epoch`` dates the signature (None: now).
    """
    stamp = int(time.time()) if epoch is None else epoch
    return gzip_bytes(signature_archive(signer.member, signer.sign(digest), epoch=stamp))


def sign_file(path: str | Path, signer: Signer, *, epoch: int | None = None) -> Path:
    """Put a signature in front of a file, and return the file's real path.

    A folder stands for the index in it. The result has mode 0644 and replaces the file in one step; on failure the file
    is as before. ``epoch`` is the signature's time stamp, by default now. Raises SigningError, also for a missing file.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        target /= _INDEX
    try:
        with target.open("rb") as source:
            digest = hashlib.file_digest(source, signer.digest).digest()
            member = signature_member(signer, digest, epoch=epoch)
            source.seek(0)
            with replacing(target, 0o644) as file:
                file.write(member)
                shutil.copyfileobj(source, file, 1 << 20)
    except OSError as error:
        raise SigningError(f"failed to sign {target}: {error.strerror or error}") from None
    return target


def _sign(key: RSAPrivateKey, digest: bytes, kind: SignatureType) -> bytes:
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    algorithm = hashes.SHA1() if kind == "RSA" else hashes.SHA256()  # noqa: S303 -- apk's default type
    try:
        signature = key.sign(digest, PKCS1v15(), Prehashed(algorithm))
    except (UnsupportedAlgorithm, InternalError, ValueError):
        # Hosts with a strict crypto policy refuse SHA-1 signatures, which apk's default type is made of.
        signature = _sign_by_hand(key, digest, kind)
    public = key.public_key().public_numbers()
    if pow(int.from_bytes(signature), public.e, public.n) != int.from_bytes(_padded(digest, kind, len(signature))):
        raise SigningError("the private key is damaged: its parts do not belong together", hint=_CREATE_KEY)
    return signature


def _sign_by_hand(key: RSAPrivateKey, digest: bytes, kind: SignatureType) -> bytes:
    """RSASSA-PKCS1-v1_5 (RFC 8017, 8.2.1) with Python's integers."""
    numbers = key.private_numbers()
    public = numbers.public_numbers
    length = (public.n.bit_length() + 7) // 8
    message = int.from_bytes(_padded(digest, kind, length))
    first = pow(message, numbers.dmp1, numbers.p)
    second = pow(message, numbers.dmq1, numbers.q)
    signature = second + (first - second) * numbers.iqmp % numbers.p * numbers.q
    return (signature % public.n).to_bytes(length)


def _padded(digest: bytes, kind: SignatureType, length: int) -> bytes:
    """EMSA-PKCS1-v1_5 encoding (RFC 8017, 9.2)."""
    info = _DIGEST_INFO[kind] + digest
    filling = length - len(info) - 3
    if filling < 8:
        raise SigningError("the key is too short", hint=_CREATE_KEY)
    return b"\x00\x01" + b"\xff" * filling + b"\x00" + info

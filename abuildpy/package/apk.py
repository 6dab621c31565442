# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a package file: signature, control and data part, each one gzip member, in this order.

abuild 3.18, packages: the control part holds .PKGINFO, whose last line names the SHA-256 of the compressed data
part, then the install scripts; the signature covers the compressed control part and thereby everything.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from abuildpy.atomic import replacing
from abuildpy.errors import PackageError
from abuildpy.package.archive import ControlFile, Digests, control_archive, write_data
from abuildpy.package.compress import GzipWriter, gzip_bytes
from abuildpy.package.model import Tree
from abuildpy.package.sign import Signer, signature_member

_IN_MEMORY: Final = 4 << 20
"""Data parts up to this size need no temporary file."""


@dataclass(frozen=True, slots=True)
class Written:
    """A finished package: where it is, its size in bytes, and the SHA-256 of its data part and of all of it in hexadecimal.

    ``files`` are the checksums of its regular files, where they are asked for.
    """

    path: Path
    size: int
    datahash: str
    sha256: str
    files: tuple[Digests, ...] = ()


def write_apk(
    destination: Path,
    *,
    pkginfo: str,
    scripts: Mapping[str, bytes],
    tree: Tree,
    epoch: int,
    signer: Signer | None,
    on_step: Callable[[str], object],
    threads: int | None = None,
    list_files: bool = False,
) -> Written:
    """Write the package ``destination``; folders above it are made as needed.

    ``pkginfo`` is .PKGINFO without the datahash line; ``scripts`` maps names such as ``.post-install`` to contents, in
    the order in which they are stored; ``epoch`` is every member's time stamp; ``signer`` None leaves the package
    unsigned; ``on_step`` is told abuild's steps as they begin; ``threads`` compress (default: one per core); ``list_files``
    tells to give the checksums of its files.
    The file appears whole, with mode 0644, or not at all, and then an older one is as before.
    Raises PackageError and SigningError.
    """
    digests: list[Digests] = []
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(destination.parent)) as data:
            on_step("Compressing data...")
            with GzipWriter(cast(BinaryIO, data), threads=threads) as writer:
                write_data(tree, writer.write, epoch=epoch, digests=digests if list_files else None)
            on_step("Create checksum...")
            control = _control(pkginfo, writer.sha256, scripts, epoch)
            head = control if signer is None else _signature(signer, control, epoch) + control
            data.seek(0)
            with replacing(destination, 0o644) as file:
                whole = _Hashing(file)
                whole.write(head)
                shutil.copyfileobj(data, whole, 1 << 20)
    except OSError as error:
        hint = "free some space, then build again" if error.errno == errno.ENOSPC else None
        raise PackageError(f"{destination}: cannot write the package: {error.strerror or error}", hint=hint) from None
    return Written(destination, len(head) + writer.size, writer.sha256, whole.digest.hexdigest(), tuple(digests))


class _Hashing:
    """Writes to a file, and hashes what passes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Writes all of it."""
        self.digest.update(data)
        self._file.write(data)


def _control(pkginfo: str, datahash: str, scripts: Mapping[str, bytes], epoch: int) -> bytes:
    lines = pkginfo if not pkginfo or pkginfo.endswith("\n") else f"{pkginfo}\n"
    content = f"{lines}datahash = {datahash}\n".encode(errors="surrogateescape")
    files = [ControlFile(".PKGINFO", content)]
    files += [ControlFile(name, script, 0o755) for name, script in scripts.items()]
    return gzip_bytes(control_archive(files, epoch=epoch))


def _signature(signer: Signer, control: bytes, epoch: int) -> bytes:
    return signature_member(signer, hashlib.new(signer.digest, control).digest(), epoch=epoch)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a package file is sound, and one that a task may have produced."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path
from typing import IO

from abuildpy.atomic import replacing
from abuildpy.batch.model import Task
from abuildpy.errors import PackageError, RepositoryError
from abuildpy.package.sign import Signer, signature_member
from abuildpy.repository import apkfile
from abuildpy.repository.datapart import reading
from abuildpy.repository.index import IndexEntry
from abuildpy.repository.indexing import entry_of
from abuildpy.repository.trust import Keys

_CHECKSUM = "APK-TOOLS.checksum.SHA1"
_CHUNK = 1 << 20
_LINK_FIELD = 100
"""abuild-tar hashes what is in the link field of a symbolic link's header, so of longer targets the first part."""


def split_name(name: str, task: Task) -> tuple[str, str, str]:
    """Repository, architecture and file of a package named as ``main/x86_64/foo-1.0-r0.apk``.

    Raises PackageError for a name that leads elsewhere than to the task's own repository.
    """
    parts = name.split("/")
    repository = task.name.partition("/")[0]
    if len(parts) != 3 or "\0" in name or parts[2][:1] in ("", ".", "-") or not parts[2].endswith(".apk"):
        raise _refused(name, task, "that is no name of a package in a repository")
    if parts[0] != repository or parts[1] != task.arch:
        raise _refused(name, task, f"it belongs into {repository}/{task.arch}")
    return parts[0], parts[1], parts[2]


def require_sound(path: Path, name: str, task: Task, keys: Keys) -> tuple[IndexEntry, bool]:
    """The index entry of the package in a file, and whether it is signed; ``name`` is what to call it in errors.

    Its signature, if it has one, is by one of ``keys``; its files are those that its control part promises, each with its
    checksum; and name, version, architecture and origin are those of a package that the task makes. Raises PackageError.
    """
    try:
        return _sound(path, name, task, keys)
    except RepositoryError as error:
        text = error.message.replace(str(path), name)
        raise PackageError(f"{text} (from the build of {task.name})", hint=error.hint) from error


def _sound(path: Path, name: str, task: Task, keys: Keys) -> tuple[IndexEntry, bool]:
    apk = apkfile.read(path)
    if apk.signatures:
        keys.require(path, apk.signatures, apk.control)
    entry = entry_of(apk, arch=task.arch)
    for what, found, allowed in (
        ("pkgname", apk.name, task.packages or (task.pkgname,)),
        ("pkgver", apk.version, (task.version,)),
        ("arch", apk.arch, (task.arch, "noarch")),
        ("origin", entry.origin, (task.pkgname,)),
    ):
        if found not in allowed:
            raise _refused(name, task, f"its {what} is '{found}', not {' or '.join(allowed)}")
    if name.rpartition("/")[2] != entry.file_name:
        raise _refused(name, task, f"it holds {entry.file_name}")
    apkfile.verify_data(apk)
    _require_checksums(apk)
    return entry, bool(apk.signatures)


def sign_package(path: Path, signer: Signer, *, epoch: int) -> None:
    """Puts a signature over the control part in front of a package, dated ``epoch`` (its build's), as where it is built.

    Raises RepositoryError and SigningError.
    """
    apk = apkfile.read(path)
    member = signature_member(signer, hashlib.new(signer.digest, apk.control).digest(), epoch=epoch)
    with path.open("rb") as source, replacing(path, 0o644) as file:
        file.write(member)
        shutil.copyfileobj(source, file, _CHUNK)


def _refused(name: str, task: Task, why: str) -> PackageError:
    return PackageError(f"{name}, from the build of {task.name}, is refused: {why}", hint="build it again")


def _require_checksums(apk: apkfile.ApkFile) -> None:
    """Raises RepositoryError unless every file of the data part is what its checksum says, and stays in its place."""
    with reading(apk, bounded=False) as members:
        for member, content in members:
            _require_member(apk.path, member, content)


def _require_member(path: Path, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
    parts = member.name.split("/")
    if ".." in parts or parts[0] == "":
        raise RepositoryError(f"{path}: '{member.name}' leads out of the package", hint="build it again")
    promised = member.pax_headers.get(_CHECKSUM)
    if promised is None:
        return
    if content is not None:
        digest = hashlib.sha1(usedforsecurity=False)
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
        found = [digest.hexdigest()]
    else:
        target = member.linkname.encode("utf-8", "surrogateescape")
        found = [hashlib.sha1(t, usedforsecurity=False).hexdigest() for t in (target, target[:_LINK_FIELD])]
    if promised not in found:
        raise RepositoryError(f"{path}: '{member.name}' does not match its checksum", hint="build it again")

# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a build (buildinfo, SPDX documents, provenance) on their way with its packages through a batch.

What was built here comes with a statement that the packager's key has signed; it is kept if it tells of these very packages.
What was built on another machine comes with that machine's buildinfo and no signature: it is data, compared with what is
known here, and goes into records that are made and signed here and name it as that machine's claim. Records that make no
sense are left out, with a warning; packages need none.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from abuildpy.atomic import replacing
from abuildpy.batch.accepted import Accepted, StagedPackage, StagedRecord
from abuildpy.batch.model import Task
from abuildpy.errors import RepositoryError
from abuildpy.messages import Messages
from abuildpy.package.archive import Digests
from abuildpy.package.sign import Signer
from abuildpy.records.buildinfo import BuildInfo, Result, format_buildinfo, parse_buildinfo
from abuildpy.records.dsse import unseal
from abuildpy.records.form import shown
from abuildpy.records.making import make_records
from abuildpy.records.names import buildinfo_name, provenance_name, record_names
from abuildpy.records.provenance import read_statement
from abuildpy.records.spdx import Finished
from abuildpy.repository import apkfile
from abuildpy.repository.trust import Keys

_LARGEST = 64 << 20
_CHUNK = 1 << 20

Read = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a file that a build left beside its packages. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Vouching:
    """Takes the records of builds; ``keys`` are those whose signatures count."""

    signer: Signer
    keys: Keys
    log: Messages

    def take(self, task: Task, packages: Sequence[StagedPackage], folder: Path, read: Read) -> tuple[StagedRecord, ...]:
        """Writes a build's records into the folder of its verified packages. Raises SigningError, OSError."""
        names = record_names(task.pkgname, task.version, tuple(package.entry.name for package in packages))
        found = {name: content for name in names if (content := _content(read, name)) is not None}
        try:
            records = self._records(task, packages, folder, found)
        except (ValueError, OverflowError, RepositoryError) as error:
            self.log.warning(f"{task.name}: its records are left out: {error}")
            return ()
        for name, content in records.items():
            with replacing(folder / name, 0o644) as file:
                file.write(content)
        return tuple(StagedRecord(name, hashlib.sha256(content).hexdigest()) for name, content in records.items())

    def _records(
        self, task: Task, packages: Sequence[StagedPackage], folder: Path, found: Mapping[str, bytes]
    ) -> Mapping[str, bytes]:
        statement = found.get(provenance_name(task.pkgname, task.version))
        told = found.get(buildinfo_name(task.pkgname, task.version))
        if statement is not None:
            return self._kept(statement, packages, found)
        if told is None:
            return {}
        claim = parse_buildinfo(told)
        return make_records(*_own(claim, task, packages, folder), self.signer) if claim.claimed_by else {}

    def _kept(
        self, statement: bytes, packages: Sequence[StagedPackage], found: Mapping[str, bytes]
    ) -> Mapping[str, bytes]:
        """The records as they came, those that the statement does not name left out."""
        envelope = unseal(statement)
        if not self.keys.signers(envelope):
            raise ValueError("nobody who is trusted has signed the provenance")
        known = read_statement(envelope)
        if known.packages != {package.file: package.sha256 for package in packages}:
            raise ValueError("the provenance tells of other packages")
        return {
            name: content
            for name, content in found.items()
            if content is statement or known.records.get(name) == hashlib.sha256(content).hexdigest()
        }


def _content(read: Read, name: str) -> bytes | None:
    with contextlib.suppress(OSError), read(name) as file:
        content = file.read(_LARGEST + 1)
        if len(content) <= _LARGEST:
            return content
    return None


def claim_of(content: bytes, worker: str) -> bytes:
    """The buildinfo that a worker sent, with its name in it. Raises ValueError for what is none."""
    return format_buildinfo(replace(parse_buildinfo(content), claimed_by=shown(worker) or "unknown"))


def _own(
    claim: BuildInfo, task: Task, packages: Sequence[StagedPackage], folder: Path
) -> tuple[BuildInfo, list[Finished]]:
    """A worker's claim with what is known here in its place, and the packages. Raises ValueError where the two differ."""
    recipe = claim.recipe
    if (f"{recipe.repository}/{recipe.name}", recipe.version, claim.arch) != (task.name, task.version, task.arch):
        raise ValueError("the worker's buildinfo is of another build")
    if {package.entry.build_time for package in packages} != {claim.epoch}:
        raise ValueError("the worker's buildinfo has another date than its packages")
    for path, said in recipe.files.items():
        kind, _, digest = said.partition(":")
        if kind == "sha512" and _sha512(Path(task.folder), path) != digest:
            raise ValueError(f"the worker's recipe had another {path[:80]!r}")
    told = {result.name: result.datahash for result in claim.packages}
    finished = []
    for package in packages:
        apk = apkfile.read(folder / package.file)
        name, datahash = apk.name, apk.info.last("datahash")
        if told.pop(name, None) != datahash:
            raise ValueError(f"the worker's buildinfo tells of another {package.file}")
        result = Result(package.file, name, apk.arch, apk.size, package.sha256, datahash)
        finished.append(Finished(apk.info, _files(apk), result))
    if told:
        raise ValueError("the worker's buildinfo tells of more packages than came")
    order = {result.name: number for number, result in enumerate(claim.packages)}
    finished.sort(key=lambda each: order[each.result.name])
    return replace(claim, packages=tuple(each.result for each in finished)), finished


def _sha512(folder: Path, path: str) -> str:
    """Of a file of the recipe's folder, which may be a link to somewhere in the tree; empty if there is none."""
    real = Path(os.path.realpath(folder / path))
    if not real.is_relative_to(os.path.realpath(folder.parents[1])) or not real.is_file():
        return ""
    with open(real, "rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()


def _files(apk: apkfile.ApkFile) -> tuple[Digests, ...]:
    """Checksums of a verified package's regular files. Raises RepositoryError."""
    known: dict[str, tuple[str, str]] = {}
    found = []
    try:
        with apk.path.open("rb") as stream:
            stream.seek(apk.data_offset)
            with (
                gzip.GzipFile(fileobj=stream) as unpacked,
                tarfile.open(fileobj=unpacked, mode="r|", encoding="utf-8", errors="surrogateescape") as tar,
            ):
                for member in tar:
                    content = tar.extractfile(member) if member.isreg() else None
                    if content is not None:
                        known[member.name] = _digests(content)
                    elif not member.islnk() or member.linkname not in known:
                        continue
                    sums = known[member.name if content is not None else member.linkname]
                    found.append(Digests(os.fsencode(member.name), *sums))
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise RepositoryError(f"{apk.path}: its data part is damaged ({error})") from error
    return tuple(found)


def _digests(content: IO[bytes]) -> tuple[str, str]:
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    while chunk := content.read(_CHUNK):
        sha1.update(chunk)
        sha256.update(chunk)
    return sha1.hexdigest(), sha256.hexdigest()


# --- into the final repository -------------------------------------------------------------------------------------


def remove_stale(accepted: Accepted, folder: Path) -> None:
    """Removes what stands in a folder as records of a build and is not what was accepted: new packages are about to come."""
    known = {record.file: record.sha256 for record in accepted.records}
    pkgname = accepted.name.partition("/")[2]
    names = tuple(package.entry.name for package in accepted.packages)
    for name in record_names(pkgname, accepted.version, names):
        path = folder / name
        if path.is_file() and _sha256(path) != known.get(name):
            path.unlink()


def put_records(accepted: Accepted, staged: Path, folder: Path, scratch: Path) -> None:
    """Puts a build's records into a folder, whose packages are there. Those that are not what was accepted stay away."""
    for record in accepted.records:
        part = scratch / record.file
        try:
            shutil.copyfile(staged / record.file, part)
        except FileNotFoundError:
            continue
        if _sha256(part) == record.sha256:
            part.chmod(0o644)
            os.replace(part, folder / record.file)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Package files made by hand, and a staging repository before a final one, for the tests."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from abuildpy.batch.interface import Done, Work
from abuildpy.batch.model import Outcome, Task
from abuildpy.batch.staging import Final, Staging
from abuildpy.package.sign import Signer
from abuildpy.repository import apkfile
from abuildpy.repository.index import INDEX_NAME, IndexEntry, read_index
from abuildpy.repository.indexing import update_index
from abuildpy.repository.trust import Keys

ARCH = "x86_64"


@cache
def signer(name: str = "me.rsa.pub") -> Signer:
    """A key of that name, the same in all tests."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return Signer(rsa.generate_private_key(public_exponent=65537, key_size=2048), name)


@dataclass
class Log:
    """Keeps what is said."""

    lines: list[str] = field(default_factory=list)

    def msg(self, text: str) -> None:
        self.lines.append(text)

    msg2 = warning = warning2 = error = error2 = plain = msg


def tar(files: Mapping[str, bytes], *, cut: bool, sums: bool = False) -> bytes:
    """A tar of some files, with checksums in their headers if asked for."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if sums:
                info.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(content).hexdigest()}
            archive.addfile(info, io.BytesIO(content))
        size = archive.offset
    return buffer.getvalue()[:size] if cut else buffer.getvalue()


def package(
    name: str = "foo",
    version: str = "1.0-r0",
    *lines: str,
    origin: str = "foo",
    arch: str = ARCH,
    key: Signer | None = None,
    data: bytes | None = None,
    datahash: str = "",
    content: bytes = b"hello\n",
) -> bytes:
    """The bytes of a package; without a ``key`` it is not signed."""
    data = data or gzip.compress(tar({f"usr/share/{name}": content}, cut=False, sums=True), mtime=0)
    info = [f"pkgname = {name}", f"pkgver = {version}", f"arch = {arch}", f"origin = {origin}", "builddate = 7", *lines]
    info.append(f"datahash = {datahash or hashlib.sha256(data).hexdigest()}")
    control = gzip.compress(tar({".PKGINFO": "".join(f"{line}\n" for line in info).encode()}, cut=True), mtime=0)
    return (b"" if key is None else key.sign_index(control, epoch=7)[: -len(control)]) + control + data


def task(name: str = "main/foo", version: str = "1.0-r0", *packages: str) -> Task:
    """A task; without packages it makes the one that it is called like."""
    pkgname = name.partition("/")[2]
    return Task(name, f"/aports/{name}", pkgname, version, ARCH, packages or (pkgname,))


@dataclass
class Yard:
    """A staging repository, the final one, and places where builds put their packages."""

    base: Path
    log: Log = field(default_factory=Log)

    @property
    def final(self) -> Path:
        return self.base / "final"

    @property
    def folder(self) -> Path:
        return self.base / "staging"

    @property
    def keys(self) -> Keys:
        return Keys({signer().name: signer().public_pem})

    def staging(self) -> Staging:
        """Opened anew, as after a kill."""
        return Staging(self.folder, Final(self.final, self.index), signer=signer(), keys=self.keys, log=self.log)

    def index(self, folder: Path, arch: str, _recipe: Path) -> None:
        update_index(folder, arch=arch, description="", sign=signer().sign_index, log=self.log, mtime=0, keys=self.keys)

    def built(self, built: Task, files: Mapping[str, bytes], *, names: tuple[str, ...] | None = None) -> Done:
        """A build that gave packages: file names below the task's repository and architecture, and their bytes."""
        destination = self.base / f"built-{len(list(self.base.iterdir()))}"
        where = f"{built.name.partition('/')[0]}/{ARCH}"
        (destination / where).mkdir(parents=True)
        for name, content in files.items():
            (destination / where / name).write_bytes(content)
        work = Work(built, 1, 1, self.folder, destination, self.base / "log")
        apks = tuple(f"{where}/{name}" for name in files) if names is None else names
        return Done(work, Outcome(built.name, built.version, "built", apks=apks))

    def one(self, name: str = "main/foo", version: str = "1.0-r0", *lines: str, content: bytes = b"hello\n") -> Done:
        """A build that gave its one package, signed."""
        pkgname = name.partition("/")[2]
        made = package(pkgname, version, *lines, origin=pkgname, key=signer(), content=content)
        return self.built(task(name, version), {f"{pkgname}-{version}.apk": made})

    def publish(self, *builds: Done) -> None:
        """Gets builds into the final repository."""
        staging = self.staging()
        for done in builds:
            staging.accept(done)
        staging.publish()

    def final_index(self, repository: str = "main") -> dict[str, IndexEntry]:
        return indexed(self.final / repository / ARCH)

    def staged_index(self, repository: str = "main") -> dict[str, IndexEntry]:
        return indexed(self.folder / repository / ARCH)


def indexed(folder: Path) -> dict[str, IndexEntry]:
    """The index's entries by file name; its signature is right, and every file is there and what the index says."""
    path = folder / INDEX_NAME
    signatures, content = apkfile.signatures_of(path)
    assert apkfile.verify_signature(signatures[0], content, signer().public_pem)
    entries = {entry.file_name: entry for entry in read_index(path).entries}
    for name, entry in entries.items():
        assert apkfile.read(folder / name).identity == entry.identity
    return entries

# SPDX-License-Identifier: GPL-3.0-or-later
"""The three tar archives of a package: data, control and signature.

The data archive is, to the byte, what abuild 3.18 makes with ``find | sort -z | tar --no-recursion | abuild-tar
--hash``: members in the order of their paths' bytes, later names of a file that is already in the archive as hard
links, the SHA-1 of every regular file and symbolic link in its extended header, and GNU tar's padding at the end. The
other two have no end-of-archive blocks, so that apk reads the decompressed parts of a package as one archive.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from abuildpy.errors import PackageError
from abuildpy.package import paxtar
from abuildpy.package.model import Entry, Tree

Sink = Callable[[bytes | memoryview], object]
"""Takes the next bytes of an archive."""

_WHOLE: Final = 1 << 20
"""Files up to this size are read once; larger ones twice (checksum first, as it precedes the content)."""

_KINDS: Final = {
    "f": paxtar.REGULAR,
    "d": paxtar.DIRECTORY,
    "l": paxtar.SYMLINK,
    "c": paxtar.CHARACTER_DEVICE,
    "b": paxtar.BLOCK_DEVICE,
    "p": paxtar.FIFO,
}


@dataclass(frozen=True, slots=True)
class ControlFile:
    """A member of the control archive, e.g. ``.PKGINFO`` or ``.post-install``."""

    name: str
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Digests:
    """Checksums of a regular file, in hexadecimal."""

    path: bytes
    sha1: str
    sha256: str


def write_data(tree: Tree, sink: Sink, *, epoch: int, digests: list[Digests] | None = None) -> None:
    """Write the data archive of ``tree`` to ``sink``; every time stamp is ``epoch`` (seconds since 1970).

    Entries whose first path component starts with a dot are left out, as abuild leaves them out. File contents are read
    below ``tree.root`` without following any symbolic link. Raises PackageError if a file is not (or no longer) what
    its entry says, cannot be read, or cannot be stored. ``digests``, if given, gets those of every regular file, by each of
    its names.
    """
    written: dict[tuple[int, int], bytes] = {}
    known: dict[bytes, tuple[str, str]] = {}
    total = 0

    def put(data: bytes | memoryview) -> None:
        nonlocal total
        total += len(data)
        sink(data)

    with _Root(tree.root) as root:
        for entry in tree.entries:
            if not is_packed(entry):
                continue
            # GNU tar links later names of files and symbolic links, but stores devices and fifos again.
            first = written.setdefault(entry.inode, entry.path) if entry.kind in "fl" else entry.path
            if first is not entry.path:
                put(paxtar.header(_member(entry, epoch, kind=paxtar.HARDLINK, link=first)))
                if digests is not None and first in known:
                    digests.append(Digests(entry.path, *known[first]))
            elif entry.kind == "f":
                if digests is None:
                    _put_regular(entry, root, put, epoch)
                    continue
                sha256 = hashlib.sha256()
                sha1 = _put_regular(entry, root, put, epoch, sha256.update)
                known[entry.path] = sha1, sha256.hexdigest()
                digests.append(Digests(entry.path, *known[entry.path]))
            elif entry.kind == "l":
                # abuild-tar sees the header's link field only, so longer targets are hashed in part; apk does not mind.
                checksum = _sha1(entry.target[:100])
                put(paxtar.header(_member(entry, epoch, link=entry.target, checksum=checksum)))
            else:
                put(paxtar.header(_member(entry, epoch)))
    # At least two zero blocks end an archive, and whole records are written.
    sink(bytes(2 * paxtar.BLOCK + -(total + 2 * paxtar.BLOCK) % paxtar.RECORD))


def is_packed(entry: Entry) -> bool:
    """Whether abuild packs the entry: hidden ones directly under the package's root, and all below, it does not."""
    return not entry.path.startswith(b".")


def control_archive(files: Iterable[ControlFile], *, epoch: int) -> bytes:
    """Return the control archive: the files in the order given, owned by root."""
    return b"".join(
        paxtar.header(
            paxtar.Member(
                name=file.name.encode(),
                kind=paxtar.REGULAR,
                mode=file.mode,
                mtime=epoch,
                size=len(file.content),
                user=b"root",
                group=b"root",
            )
        )
        + paxtar.pad(file.content)
        for file in files
    )


def signature_archive(name: str, signature: bytes, *, epoch: int) -> bytes:
    """Return the archive with the single member ``name`` (``.SIGN.RSA.<key>``), owned by 0:0 without names."""
    member = paxtar.Member(name=os.fsencode(name), kind=paxtar.REGULAR, mode=0o644, mtime=epoch, size=len(signature))
    return paxtar.header(member) + paxtar.pad(signature)


def _member(
    entry: Entry, epoch: int, *, kind: bytes | None = None, link: bytes = b"", checksum: str = ""
) -> paxtar.Member:
    if kind is None:
        if entry.kind not in _KINDS:
            raise PackageError(f"{_show(entry.path)}: a package cannot hold this kind of file")
        kind = _KINDS[entry.kind]
    return paxtar.Member(
        name=entry.path + b"/" if entry.kind == "d" else entry.path,
        kind=kind,
        mode=entry.mode & 0o7777,
        mtime=epoch,
        size=entry.size if kind == paxtar.REGULAR else 0,
        link=link,
        uid=entry.uid,
        gid=entry.gid,
        user=entry.user.encode(),
        group=entry.group.encode(),
        device=entry.rdev if entry.kind in "cb" else (0, 0),
        capability=entry.capability if kind == paxtar.REGULAR else b"",
        checksum=checksum,
    )


def _put_regular(
    entry: Entry,
    root: _Root,
    put: Callable[[bytes | memoryview], None],
    epoch: int,
    read: Callable[[bytes], object] = lambda _: None,
) -> str:
    """Puts a file into the archive; returns its SHA-1. ``read`` gets its content."""
    with _reading(entry.path):
        descriptor = root.open(entry.path)
    try:
        with _reading(entry.path):
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode) or before.st_size != entry.size:
                raise _changed(entry.path)
            if entry.size <= _WHOLE:
                content = _read(descriptor, entry.size + 1)
                if len(content) != entry.size:
                    raise _changed(entry.path)
                checksum = _sha1(content)
            else:
                content = b""
                checksum = _sha1_of(descriptor, entry.size, entry.path)
        put(paxtar.header(_member(entry, epoch, checksum=checksum)))
        if entry.size <= _WHOLE:
            read(content)
            put(paxtar.pad(content))
            return checksum
        for piece in _pieces(descriptor, entry):
            read(piece)
            put(piece)
        put(bytes(-entry.size % paxtar.BLOCK))
        after = os.fstat(descriptor)
        if (after.st_mtime_ns, after.st_ctime_ns) != (before.st_mtime_ns, before.st_ctime_ns):
            raise _changed(entry.path)
        return checksum
    finally:
        os.close(descriptor)


def _pieces(descriptor: int, entry: Entry) -> Iterator[bytes]:
    """The content of a large file from its beginning."""
    offset = 0
    while offset < entry.size:
        with _reading(entry.path):
            piece = os.pread(descriptor, min(entry.size - offset, _WHOLE), offset)
        if not piece:
            raise _changed(entry.path)
        offset += len(piece)
        yield piece


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _sha1_of(descriptor: int, size: int, path: bytes) -> str:
    """SHA-1 of a large file; PackageError if it does not end after ``size`` bytes."""
    digest = hashlib.sha1(usedforsecurity=False)
    buffer = memoryview(bytearray(_WHOLE))
    seen = 0
    while count := os.readv(descriptor, [buffer]):
        digest.update(buffer[:count])
        seen += count
    if seen != size:
        raise _changed(path)
    return digest.hexdigest()


def _read(descriptor: int, limit: int) -> bytes:
    """Read up to ``limit`` bytes, however the kernel cuts them."""
    content = os.read(descriptor, limit)
    while 0 < len(content) < limit:
        piece = os.read(descriptor, limit - len(content))
        if not piece:
            break
        content += piece
    return content


class _Root:
    """Opens files below a folder, refusing symbolic links in every component of their path.

    Entries come sorted, so the folders down to the last one used stay open.
    """

    _FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    # A fifo put in a file's place must not block us.
    _FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

    def __init__(self, root: Path) -> None:
        try:
            self._descriptors = [os.open(root, self._FOLDER)]
        except OSError as error:
            raise PackageError(f"{root}: cannot read the package's files: {error.strerror}") from None
        self._names: list[bytes] = []
        self._folder = b""

    def __enter__(self) -> _Root:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)

    def open(self, path: bytes) -> int:
        """Open a file for reading; OSError if it is missing or a symbolic link is in the way."""
        folder, _, name = path.rpartition(b"/")
        if folder != self._folder:
            self._enter(folder)
        return os.open(name, self._FILE, dir_fd=self._descriptors[-1])

    def _enter(self, folder: bytes) -> None:
        names = folder.split(b"/") if folder else []
        common = 0
        for ours, theirs in zip(self._names, names, strict=False):
            if ours != theirs:
                break
            common += 1
        while len(self._names) > common:
            self._names.pop()
            os.close(self._descriptors.pop())
        # Should an open fail, what is open is still a folder's whole path.
        self._folder = b"/".join(self._names)
        for name in names[common:]:
            self._descriptors.append(os.open(name, self._FOLDER, dir_fd=self._descriptors[-1]))
            self._names.append(name)
            self._folder = b"/".join(self._names)


def _changed(path: bytes) -> PackageError:
    return PackageError(
        f"{_show(path)}: the file changed while it was being packed",
        hint="nothing may write to the package folder any more; look for a process that the recipe left running",
    )


@contextlib.contextmanager
def _reading(path: bytes) -> Iterator[None]:
    """Turns failures of the system calls inside into errors that name the file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENOENT):
            raise _changed(path) from None
        raise PackageError(f"{_show(path)}: cannot read the file: {error.strerror}") from None


def _show(path: bytes) -> str:
    return path.decode(errors="backslashreplace")

# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating files below one folder and nowhere else, whatever names and symbolic links an archive holds.

Every path is walked component by component from the folder's descriptor without following links. A link on the way is
resolved by hand, and only as long as it stays below the folder; a link that leads out may exist but nothing is written
through it, which is what real archives need (links to /usr/share/automake are common) and attacks do not survive.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_OPEN_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_LINKS = 40  # as the kernel
_KEPT_OPEN = 64
_UMASK = 0o022
_LATEST = 1 << 40  # seconds; beyond, file systems disagree


class Escape(Exception):
    """A name would leave the folder, or cannot be created for what is in its way."""


class TooMuch(Exception):
    """More would be written than is allowed; the number is that of the bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class Budget:
    """How many bytes may still be unpacked (None: any). Each name costs as much as the smallest file takes on a disk."""

    _NAME = 4096

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._left = most or 0

    def spend(self, count: int) -> None:
        """Raises TooMuch when nothing is left."""
        if self._most is not None:
            self._left -= count
            if self._left < 0:
                raise TooMuch(self._most)

    def spend_name(self) -> None:
        """For one file, folder or link."""
        self.spend(self._NAME)


class Inside:
    """Writes below ``root`` (bytes or text path of an existing folder). A context manager.

    Names are bytes relative to the root. Methods raise Escape for names that are not allowed and OSError for the
    system's refusals. Existing files are replaced, never written through; existing folders are kept.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._folders: OrderedDict[bytes, int] = OrderedDict()
        self._finish: dict[bytes, tuple[int, int]] = {}

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._forget()
        os.close(self._root)

    def file(self, name: bytes, pieces: Iterable[memoryview | bytes], mode: int, mtime_ns: int) -> None:
        """A regular file. Of ``mode`` only the permission bits count, less the umask 022."""
        folder, leaf = self._parent(name)
        fd = self._fresh(leaf, folder)
        try:
            for piece in pieces:
                write_all(fd, piece)
            finish_file(fd, mode, mtime_ns)
        finally:
            os.close(fd)

    def sparse_file(
        self, name: bytes, parts: Iterable[tuple[int, memoryview]], size: int, mode: int, mtime_ns: int
    ) -> None:
        """A regular file with holes: pieces with their offsets, and the size."""
        folder, leaf = self._parent(name)
        fd = self._fresh(leaf, folder)
        try:
            for offset, piece in parts:
                os.lseek(fd, offset, os.SEEK_SET)
                write_all(fd, piece)
            os.ftruncate(fd, size)
            finish_file(fd, mode, mtime_ns)
        finally:
            os.close(fd)

    def symlink(self, name: bytes, target: bytes, mtime_ns: int) -> None:
        """A symbolic link; ``target`` may be anything, since nothing here follows it outwards."""
        folder, leaf = self._parent(name)
        if not target:
            raise Escape("it is a symbolic link to nothing")
        try:
            os.symlink(target, leaf, dir_fd=folder)
        except FileExistsError:
            self._remove(leaf, folder)
            os.symlink(target, leaf, dir_fd=folder)
        with suppress(OSError):  # not every file system keeps times of links
            os.utime(leaf, ns=_times(mtime_ns), dir_fd=folder, follow_symlinks=False)

    def hard_link(self, name: bytes, target: bytes) -> None:
        """A second name for ``target``, which is a name below the root as well."""
        try:
            from_folder, from_leaf = self._parent(target, create=False)
            source = os.stat(from_leaf, dir_fd=from_folder, follow_symlinks=False)
        except FileNotFoundError:
            raise Escape("it is a link to a file that is not in the archive")
        from_folder = os.dup(from_folder)  # the cache may close it while the other path is walked
        try:
            folder, leaf = self._parent(name)
            try:
                existing = os.stat(leaf, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                pass
            else:
                if os.path.samestat(source, existing):
                    return
                self._remove(leaf, folder)
            os.link(from_leaf, leaf, src_dir_fd=from_folder, dst_dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(from_folder)

    def folder(self, name: bytes, mode: int, mtime_ns: int) -> None:
        """A folder; its permissions and time are set by :meth:`finish`, when nothing more is written into it."""
        parts = split(name)
        if parts:
            self._walk(parts, create=True)
            self._finish[b"/".join(parts)] = (mode, mtime_ns)

    def exists(self, name: bytes) -> bool:
        """Whether something (even a dangling link) has that name."""
        parts = split(name)
        if not parts:
            return True
        try:
            folder, leaf = self._parent(name, create=False)
            os.stat(leaf, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def finish(self) -> None:
        """Give the folders their permissions and times, the deepest first."""
        for name in sorted(self._finish, key=lambda n: n.count(b"/"), reverse=True):
            mode, mtime_ns = self._finish[name]
            path = self._walk(split(name), create=False)
            fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=path)
            try:
                finish_file(fd, mode, mtime_ns)
            finally:
                os.close(fd)

    def _parent(self, name: bytes, *, create: bool = True) -> tuple[int, bytes]:
        """Descriptor of the folder that ``name`` lies in, good until the next call, and its last component."""
        head, _, leaf = name.rpartition(b"/")
        plain = leaf not in (b"", b".", b"..") and not name.startswith(b"/") and b"\0" not in leaf
        if plain and (cached := self._folders.get(head)) is not None:
            self._folders.move_to_end(head)
            return cached, leaf
        parts = split(name)
        if not parts:
            raise Escape("it has no name")
        return self._cached(b"/".join(parts[:-1]), parts[:-1], create=create), parts[-1]

    def _walk(self, parts: list[bytes], *, create: bool) -> int:
        return self._cached(b"/".join(parts), parts, create=create)

    def _cached(self, key: bytes, parts: list[bytes], *, create: bool) -> int:
        fd = self._folders.get(key)
        if fd is None:
            fd = self._descend(parts, create=create)
            self._folders[key] = fd
            if len(self._folders) > _KEPT_OPEN:
                os.close(self._folders.popitem(last=False)[1])
        else:
            self._folders.move_to_end(key)
        return fd

    def _descend(self, parts: list[bytes], *, create: bool) -> int:
        stack = [os.dup(self._root)]
        todo = parts[::-1]
        links = 0
        try:
            while todo:
                part = todo.pop()
                if part in (b"", b"."):
                    continue
                if part == b"..":  # only from a link: names with it are refused
                    if len(stack) == 1:
                        raise Escape("it would be written through a symbolic link that leads outside")
                    os.close(stack.pop())
                    continue
                try:
                    stack.append(self._enter(part, stack[-1], create=create))
                except OSError as error:
                    if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                        raise
                    target = _link_target(part, stack[-1])
                    links += 1
                    if target.startswith(b"/") or links > _MOST_LINKS:
                        raise Escape("it would be written through a symbolic link that leads outside")
                    todo += target.split(b"/")[::-1]
            return stack.pop()
        finally:
            for fd in stack:
                os.close(fd)

    @staticmethod
    def _enter(part: bytes, folder: int, *, create: bool) -> int:
        try:
            return os.open(part, _OPEN_FOLDER, dir_fd=folder)
        except FileNotFoundError:
            if not create:
                raise
        os.mkdir(part, 0o755, dir_fd=folder)
        return os.open(part, _OPEN_FOLDER, dir_fd=folder)

    def _fresh(self, leaf: bytes, folder: int) -> int:
        try:
            return os.open(leaf, _CREATE, 0o600, dir_fd=folder)
        except FileExistsError:
            self._remove(leaf, folder)
            return os.open(leaf, _CREATE, 0o600, dir_fd=folder)

    def _remove(self, leaf: bytes, folder: int) -> None:
        kind = os.stat(leaf, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISDIR(kind):
            raise Escape("a folder of that name is in its way")
        os.unlink(leaf, dir_fd=folder)
        if stat.S_ISLNK(kind):
            # Paths through that link are remembered; ``folder`` itself must stay open for the caller.
            self._forget(but=folder)

    def _forget(self, but: int | None = None) -> None:
        for key, fd in list(self._folders.items()):
            if fd != but:
                os.close(fd)
                del self._folders[key]


def split(name: bytes) -> list[bytes]:
    """Components of a relative name, without empty ones and ``.``; Escape if it is absolute, has ``..`` or a NUL."""
    if name.startswith(b"/"):
        raise Escape("its name is absolute")
    if b"\0" in name:
        raise Escape("its name contains a NUL byte")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise Escape("its name contains '..'")
    return parts


def write_all(fd: int, data: memoryview | bytes) -> None:
    """Write everything."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def finish_file(fd: int, mode: int, mtime_ns: int) -> None:
    """Set permissions (never set-id or sticky, as if under umask 022) and time."""
    os.fchmod(fd, mode & 0o777 & ~_UMASK)
    os.utime(fd, ns=_times(mtime_ns))


def _times(mtime_ns: int) -> tuple[int, int]:
    bounded = min(max(mtime_ns, 0), _LATEST * 10**9)
    return bounded, bounded


def _link_target(part: bytes, folder: int) -> bytes:
    try:
        return os.readlink(part, dir_fd=folder)
    except OSError:
        raise Escape("a part of its path is a file")

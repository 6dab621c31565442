# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a finished package tree: lists it, finds things in it, opens files of it.

Such a tree was made by code that nobody trusts. So nothing here follows a symbolic link out of it:
directories and files are opened one component at a time with ``O_NOFOLLOW``, and links are resolved on the
list of entries, never by the kernel.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from types import TracebackType

from abuildpy.errors import PackageError
from abuildpy.package.model import Entry, Owner, Tree

# Each level of nesting costs one open descriptor and one frame; real packages stay below 60 levels.
_MAX_DEPTH = 300
# A file of which less than one part in so many has been written is nearly all hole. A package holds every byte of it: terabytes
# that take no room in pkg/ would be read and compressed for days.
_HOLLOW = 64
_WORTH_A_LOOK = 1 << 24
_MOST_HOLLOW = 4 << 30
# As many links as Linux follows before it says ELOOP.
_MAX_LINKS = 40

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: should a file have become a fifo meanwhile, opening it must not wait for a writer.
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
}
# What fakeroot's mknod leaves on the disk for these is an empty regular file.
_FAKED_KINDS = frozenset((stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO))


def show(path: bytes) -> str:
    """A path as text for messages: invalid UTF-8 and control characters become visible escapes."""
    text = path.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def scan(
    root: Path,
    owners: Mapping[tuple[int, int], Owner],
    user_name: Callable[[int], str],
    group_name: Callable[[int], str],
    mapped_users: frozenset[str],
    mapped_groups: frozenset[str],
    capabilities: Mapping[bytes, bytes],
) -> Tree:
    """List the tree below ``root`` as it will be packed.

    ``owners`` is keyed by (st_dev, st_ino); what it does not name belongs to root:root and has its real
    mode. ``user_name`` and ``group_name`` translate a number, giving "" (or KeyError) for one that has no
    name. Owners named in ``mapped_users`` and ``mapped_groups`` (pkgusers, pkggroups) keep their name and
    get the number 0, as abuild's archives have it; others keep number and name. ``capabilities`` maps a
    path to its raw ``security.capability`` value.

    Raises PackageError for a socket, nesting deeper than 300 levels, gigabytes of holes in files, and whatever cannot be read.
    """
    scanner = _Scanner(
        owners,
        _Names(user_name, mapped_users),
        _Names(group_name, mapped_groups),
        capabilities,
    )
    try:
        fd = os.open(root, _OPEN_DIRECTORY)
    except OSError as error:
        raise PackageError(f"{root}: cannot read the package's folder: {error.strerror}") from None
    try:
        scanner.walk(fd, b"", 0)
    finally:
        os.close(fd)
    scanner.entries.sort(key=attrgetter("path"))
    return Tree(root, tuple(scanner.entries))


class _Names:
    """Number → (number, name) as stored in the archive, remembered."""

    def __init__(self, lookup: Callable[[int], str], mapped: frozenset[str]) -> None:
        self._lookup = lookup
        self._mapped = mapped
        self._known: dict[int, tuple[int, str]] = {0: (0, "root")}

    def __getitem__(self, number: int) -> tuple[int, str]:
        known = self._known.get(number)
        if known is None:
            try:
                name = self._lookup(number)
            except KeyError:
                name = ""
            known = (0 if name and name in self._mapped else number, name)
            self._known[number] = known
        return known


class _Scanner:
    def __init__(
        self,
        owners: Mapping[tuple[int, int], Owner],
        users: _Names,
        groups: _Names,
        capabilities: Mapping[bytes, bytes],
    ) -> None:
        self.entries: list[Entry] = []
        self._owners = owners
        self._users = users
        self._groups = groups
        self._capabilities = capabilities
        self._hollow = 0

    def walk(self, fd: int, prefix: bytes, depth: int) -> None:
        """Add everything below the directory that ``fd`` is open on; ``prefix`` is its path with a final
        slash.
        """
        if depth > _MAX_DEPTH:
            raise PackageError(f"{show(prefix)}: folders nested more than {_MAX_DEPTH} deep")
        directories: list[bytes] = []
        try:
            with os.scandir(fd) as found:
                for item in found:
                    name = os.fsencode(item.name)
                    entry = self._entry(fd, name, prefix + name, item.stat(follow_symlinks=False))
                    self.entries.append(entry)
                    if entry.kind == "d":
                        directories.append(name)
            for name in directories:
                below = os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
                try:
                    self.walk(below, prefix + name + b"/", depth + 1)
                finally:
                    os.close(below)
        except OSError as error:
            raise PackageError(f"/{show(prefix)}: cannot read the package's files: {error}") from None

    def _entry(self, fd: int, name: bytes, path: bytes, status: os.stat_result) -> Entry:
        mode = status.st_mode
        form = stat.S_IFMT(mode)
        rdev = (os.major(status.st_rdev), os.minor(status.st_rdev))
        uid = gid = 0
        inode = (status.st_dev, status.st_ino)
        owner = self._owners.get(inode)
        if owner is not None:
            recorded = stat.S_IFMT(owner.mode)
            if recorded == form or (form == stat.S_IFREG and recorded in _FAKED_KINDS):
                if recorded != form:
                    rdev = owner.rdev
                mode, form, uid, gid = owner.mode, recorded, owner.uid, owner.gid
            # Otherwise the record is a removed file's whose inode was used again, and says nothing about this one.
        kind = _KINDS.get(form)
        if kind is None:
            raise PackageError(
                f"/{show(path)}: a socket cannot be packed",
                hint="remove it in package(); programs create their sockets when they start",
            )
        if kind == "f" and status.st_size > _WORTH_A_LOOK and _is_hollow(name, fd, status):
            self._hollow += status.st_size
            if self._hollow > _MOST_HOLLOW:
                raise PackageError(
                    f"/{show(path)}: files that are nearly all holes come to more than {_MOST_HOLLOW >> 30} GiB",
                    hint="a package holds every byte of them; make them where they are used",
                )
        uid, user = self._users[uid]
        gid, group = self._groups[gid]
        return Entry(
            path=path,
            kind=kind,
            mode=0o777 if kind == "l" else stat.S_IMODE(mode),
            uid=uid,
            gid=gid,
            user=user,
            group=group,
            size=status.st_size if kind == "f" else 0,
            target=os.readlink(name, dir_fd=fd) if kind == "l" else b"",
            inode=inode,
            nlink=status.st_nlink,
            rdev=rdev if kind in "cb" else (0, 0),
            capability=self._capabilities.get(path, b"") if kind == "f" else b"",
        )


def _is_hollow(name: bytes, folder: int, status: os.stat_result) -> bool:
    """Whether a file is nearly all hole. The number of its blocks alone does not tell: file systems compress, and count late."""
    if status.st_blocks * 512 * _HOLLOW >= status.st_size:
        return False
    fd = os.open(name, _OPEN_FILE, dir_fd=folder)
    try:
        written = end = 0
        while written * _HOLLOW < status.st_size:
            start = os.lseek(fd, end, os.SEEK_DATA)
            end = os.lseek(fd, start, os.SEEK_HOLE)
            written += end - start
    except OSError as error:
        return error.errno == errno.ENXIO  # there is no more of it
    finally:
        os.close(fd)
    return False


class TreeIndex:
    """Answers questions about the paths of a tree, resolving symbolic links inside it as if it were ``/``."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.by_path: dict[bytes, Entry] = {entry.path: entry for entry in tree.entries}
        self._children: dict[bytes, list[Entry]] | None = None

    def real(self, path: bytes) -> bytes | None:
        """Where ``path`` leads to, all links followed: the path of an entry that is no link, b"" for the
        root, None if nothing is there (also for loops).
        """
        pending = path.split(b"/")[::-1]
        at = b""
        links = 0
        while pending:
            part = pending.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                at = at.rpartition(b"/")[0]
                continue
            step = at + b"/" + part if at else part
            entry = self.by_path.get(step)
            if entry is None:
                return None
            if entry.kind == "l":
                links += 1
                if links > _MAX_LINKS:
                    return None
                if entry.target.startswith(b"/"):
                    at = b""
                pending += entry.target.split(b"/")[::-1]
            elif entry.kind != "d" and any(p not in (b"", b".") for p in pending):
                return None
            else:
                at = step
        return at

    def exists(self, path: bytes) -> bool:
        """Whether ``path`` leads to something (a dangling link does not)."""
        return self.real(path) is not None

    def present(self, path: bytes) -> bool:
        """Whether there is an entry of that name, be it a dangling link; links in its parent folders are
        followed.
        """
        head, _, tail = path.strip(b"/").rpartition(b"/")
        parent = self.real(head)
        return parent is not None and (parent + b"/" + tail if parent else tail) in self.by_path

    def is_directory(self, path: bytes) -> bool:
        """Whether ``path`` leads to a directory."""
        real = self.real(path)
        return real is not None and (real == b"" or self.by_path[real].kind == "d")

    def is_file(self, path: bytes) -> bool:
        """Whether ``path`` leads to a regular file."""
        real = self.real(path)
        return bool(real) and real is not None and self.by_path[real].kind == "f"

    def children(self, path: bytes, *, hidden: bool = False) -> tuple[Entry, ...]:
        """What is in the directory that ``path`` leads to, sorted; empty if there is none. Like a shell's
        ``*`` it leaves out names that begin with a dot, unless ``hidden``.
        """
        real = self.real(path)
        if real is None:
            return ()
        if self._children is None:
            self._children = {}
            for entry in self.tree.entries:
                self._children.setdefault(entry.path.rpartition(b"/")[0], []).append(entry)
        start = len(real) + 1 if real else 0
        return tuple(e for e in self._children.get(real, ()) if hidden or not e.path.startswith(b".", start))

    def below(self, path: bytes) -> Iterator[Entry]:
        """Every entry below ``path``, at any depth, links not followed (as ``find`` without a final slash
        lists it).
        """
        prefix = path + b"/" if path else b""
        return (entry for entry in self.tree.entries if entry.path.startswith(prefix))


class TreeReader:
    """Opens files of a tree safely, quick for many in the order of their paths; a context manager."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack: list[tuple[bytes, int]] = []

    def __enter__(self) -> TreeReader:
        self._stack.append((b"", os.open(self._root, _OPEN_DIRECTORY)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._stack:
            os.close(self._stack.pop()[1])

    def open(self, path: bytes) -> int:
        """Descriptor (the caller closes it) of the file at ``path``, a tree path without links in it;
        OSError otherwise.
        """
        *directories, name = path.split(b"/")
        kept = 1
        while kept < len(self._stack) and kept <= len(directories) and self._stack[kept][0] == directories[kept - 1]:
            kept += 1
        while len(self._stack) > kept:
            os.close(self._stack.pop()[1])
        for directory in directories[kept - 1 :]:
            self._stack.append((directory, os.open(directory, _OPEN_DIRECTORY, dir_fd=self._stack[-1][1])))
        return os.open(name, _OPEN_FILE, dir_fd=self._stack[-1][1])

    def read(self, path: bytes, limit: int) -> bytes:
        """The first ``limit`` bytes of the file at ``path``; raises PackageError if it cannot be read."""
        try:
            fd = self.open(path)
            try:
                return os.pread(fd, limit, 0)
            finally:
                os.close(fd)
        except OSError as error:
            raise PackageError(f"/{show(path)}: cannot be read: {error.strerror}") from None

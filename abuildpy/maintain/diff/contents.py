# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the files of a package as far as they are compared, as a stream. What is kept of them in memory is limited."""

from __future__ import annotations

import hashlib
import struct
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from abuildpy.package.elf import MAGIC, ElfInfo, frame_of
from abuildpy.package.elf import parse as parse_elf
from abuildpy.package.symbols import Symbol, SymbolError, read_symbols
from abuildpy.repository import apkfile
from abuildpy.repository.apkfile import ApkFile
from abuildpy.repository.datapart import reading

_PIECE: Final = 1 << 20
_ELF_FRONT: Final = 64 << 20
"""So much of an ELF file is kept: all but the largest whole, of these all that the dynamic linker reads."""
_HEAD: Final = 1 << 16
_MOST_SYMBOLS: Final = 1_000_000
_DEBUG: Final = "usr/lib/debug/"
_XATTR: Final = "SCHILY.xattr."
_CAPABILITY: Final = "security.capability"


@dataclass(frozen=True, slots=True)
class File:
    """One file system object of a package; ``path`` has no slash at its end.

    ``kind`` is ``f`` regular, ``d`` directory, ``l`` symbolic link, ``c``/``b`` device, ``p`` fifo; ``target`` where a
    symbolic link points, or the numbers of a device; ``digest`` the SHA-256 of the content. A hard link has its target's size
    and digest, and ``link`` names that. ``xattrs`` are names and values of extended attributes, capabilities apart.
    """

    path: str
    kind: str
    mode: int
    owner: str
    size: int = 0
    target: str = ""
    digest: str = ""
    link: str = ""
    capability: str = ""
    xattrs: tuple[tuple[str, str], ...] = ()
    mtime: float = 0


@dataclass(frozen=True, slots=True)
class Library:
    """An ELF file that can be loaded. ``symbols`` is None where they cannot be read."""

    path: str
    info: ElfInfo
    symbols: tuple[Symbol, ...] | None


@dataclass(frozen=True, slots=True)
class Contents:
    """A package as far as it is compared; ``unseen`` tells what could not be looked at, and why."""

    apk: ApkFile
    files: Mapping[str, File]
    libraries: Mapping[str, Library] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()


def read_contents(path: Path) -> Contents:
    """Reads a package file.

    Raises RepositoryError, naming the file, if it cannot be read, is no package, is damaged, or unpacks to absurdly much.
    """
    apk = apkfile.read(path)
    reader = _Reader()
    with reading(apk) as members:
        for member, stream in members:
            reader.add(member, stream)
    return Contents(apk, reader.files, reader.libraries, tuple(reader.unseen))


def read_texts(apk: ApkFile, paths: Mapping[str, int], *, most: int) -> dict[str, bytes]:
    """The contents of some regular files, by path; with the sizes that they have. ``most`` bytes are kept of all together:
    those that do not fit are left out. Raises RepositoryError as read_contents does.
    """
    found: dict[str, bytes] = {}
    left = most
    with reading(apk) as members:
        for member, stream in members:
            name = member.name.rstrip("/")
            if stream is not None and name in paths and member.size <= left:
                found[name] = b"".join(_pieces(stream))
                left -= len(found[name])
    return found


class _Reader:
    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.libraries: dict[str, Library] = {}
        self.unseen: list[str] = []
        self._symbols_left = _MOST_SYMBOLS

    def add(self, member: tarfile.TarInfo, stream: IO[bytes] | None) -> None:
        """Takes in one member."""
        path = member.name.rstrip("/")
        digest, size, target, link = "", 0, "", ""
        if stream is not None:
            digest, size = self._content(path, member, stream), member.size
        elif member.islnk():
            link = member.linkname
            if link in self.files:
                digest, size = self.files[link].digest, self.files[link].size
            if link in self.libraries:
                self.libraries[path] = replace(self.libraries[link], path=path)
        elif member.issym():
            target = member.linkname
        elif member.ischr() or member.isblk():
            target = f"{member.devmajor}:{member.devminor}"
        capability, xattrs = _xattrs(member)
        owner = f"{member.uname or member.uid}:{member.gname or member.gid}"
        mode = member.mode & 0o7777
        self.files[path] = File(
            path, _kind(member), mode, owner, size, target, digest, link, capability, xattrs, member.mtime
        )

    def _content(self, path: str, member: tarfile.TarInfo, stream: IO[bytes]) -> str:
        """Its digest; what it is as an ELF file is noted."""
        digest = hashlib.sha256()
        head = stream.read(min(member.size, _HEAD))
        digest.update(head)
        if not head.startswith(MAGIC) or path.startswith(_DEBUG):
            for piece in _pieces(stream):
                digest.update(piece)
            return digest.hexdigest()
        kept = _Kept(head, member.size)
        for piece in _pieces(stream):
            digest.update(piece)
            kept.add(piece)
        self._library(path, kept.read, member.size)
        return digest.hexdigest()

    def _library(self, path: str, read: Callable[[int, int], bytes], size: int) -> None:
        info = parse_elf(read, size)
        if info is None or not info.is_loadable:
            return
        symbols: tuple[Symbol, ...] | None = None
        try:
            symbols = read_symbols(read, size, most=self._symbols_left)
            self._symbols_left -= len(symbols)
        except SymbolError as error:
            self.unseen.append(f"{path}: its symbols were not compared: {error}")
        self.libraries[path] = Library(path, info, symbols)


class _Kept:
    """The parts of a large ELF file that tell about its symbols, while the whole of it passes by."""

    def __init__(self, head: bytes, size: int) -> None:
        self._front = [head]
        self._at = len(head)
        self._late: list[bytes] = []
        frame = frame_of(lambda offset, count: head[offset : offset + count], size)
        at, length = frame.dynamic_range if frame is not None and size > _ELF_FRONT else (0, 0)
        self._range = (max(at, _ELF_FRONT), at + length)
        self._joined: tuple[bytes, bytes] | None = None

    def add(self, piece: bytes) -> None:
        at, self._at = self._at, self._at + len(piece)
        if at < _ELF_FRONT:
            self._front.append(piece[: _ELF_FRONT - at])
        start, end = self._range
        if at < end and self._at > start:
            self._late.append(piece[max(0, start - at) : end - at])

    def read(self, offset: int, count: int) -> bytes:
        """What is kept at a place; nothing, if not all that was asked for is."""
        if self._joined is None:
            self._joined = (b"".join(self._front), b"".join(self._late))
            self._front.clear()
            self._late.clear()
        front, late = self._joined
        start = self._range[0]
        if offset + count <= len(front) or self._at <= len(front):
            return front[offset : offset + count]
        if offset >= start:
            return late[offset - start : offset - start + count]
        if start == len(front):  # the dynamic section begins in the front
            return front[offset:] + late[: offset + count - start]
        return b""


# --- members -----------------------------------------------------------------------------------------------------


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        yield piece


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "d"
    if member.issym():
        return "l"
    if member.ischr():
        return "c"
    if member.isblk():
        return "b"
    return "p" if member.isfifo() else "f"


def _xattrs(member: tarfile.TarInfo) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Capabilities in words, and the other extended attributes."""
    capability = ""
    others = []
    for key, value in sorted(member.pax_headers.items()):
        if key == _XATTR + _CAPABILITY:
            capability = capability_text(value.encode("utf-8", "surrogateescape"))
        elif key.startswith(_XATTR):
            others.append((key.removeprefix(_XATTR), value))
    return capability, tuple(others)


def capability_text(raw: bytes) -> str:
    """``cap_net_bind_service,cap_net_raw+ep``, or the value in hexadecimal where it is of no known form (capability(7))."""
    from abuildpy.sandbox.fakeroot import CAPABILITIES

    if len(raw) not in (20, 24):
        return f"0x{raw.hex()}"
    magic, low, inherited_low, high, inherited_high = struct.unpack("<5I", raw[:20])
    permitted, inherited = low | high << 32, inherited_low | inherited_high << 32
    effective = "e" if magic & 1 else ""
    sets: dict[str, list[str]] = {}
    for bit in range(64):
        flags = effective + ("i" if inherited >> bit & 1 else "") + ("p" if permitted >> bit & 1 else "")
        if flags != effective:
            name = f"cap_{CAPABILITIES[bit]}" if bit < len(CAPABILITIES) else f"cap_{bit}"
            sets.setdefault(flags, []).append(name)
    return " ".join(f"{','.join(names)}+{flags}" for flags, names in sets.items()) or "none"

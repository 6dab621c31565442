# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the linker wrote into an ELF file, as far as packaging cares.

An own reader of some hundred bytes per file, because the general library takes longer to import than a
whole package takes here. It believes nothing: every count and offset is bounded by the file's size, and
what does not make sense is left out. The answers are those of pax-utils' ``scanelf``, which abuild asks.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from abuildpy.errors import PackageError
from abuildpy.package.model import Tree
from abuildpy.package.tree import TreeReader, show

MAGIC = b"\x7fELF"
OSABI_STANDALONE = 255

_TYPES = {0: "ET_NONE", 1: "ET_REL", 2: "ET_EXEC", 3: "ET_DYN", 4: "ET_CORE"}

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_STRSZ, _DT_SONAME, _DT_RPATH = 0, 1, 5, 10, 14, 15
_DT_TEXTREL, _DT_RUNPATH, _DT_FLAGS, _DT_FLAGS_1 = 22, 29, 30, 0x6FFFFFFB
_DF_TEXTREL = 0x4
_DF_1_PIE = 0x08000000

# Far above anything a linker makes (a large browser's dynamic section has some 80 entries).
_MAX_DYNAMIC = 1 << 20
_MAX_STRING = 4096
_MAX_NEEDED = 4096

Read = Callable[[int, int], bytes]
"""(offset, count) → at most that many bytes."""


@dataclass(frozen=True, slots=True)
class ElfInfo:
    """Facts of one ELF file. Texts are decoded as UTF-8 with surrogateescape; missing ones are empty."""

    etype: str
    """``ET_EXEC``, ``ET_DYN``, ``ET_REL``, ``ET_CORE``, ``ET_NONE``, or the number as text."""
    machine: int
    """e_machine: 62 x86_64, 183 aarch64, …"""
    bits: int
    """32 or 64."""
    little_endian: bool
    osabi: int
    soname: str = ""
    needed: tuple[str, ...] = ()
    """DT_NEEDED in the file's order."""
    rpaths: tuple[str, ...] = ()
    """The raw strings of DT_RPATH and DT_RUNPATH (colon-separated lists), without empty ones and
    repetitions.
    """
    textrel: bool = False
    interpreter: str = ""
    pie: bool = False
    """A program that can be loaded anywhere."""

    @property
    def is_loadable(self) -> bool:
        """ET_DYN or ET_EXEC: what can be stripped and has dependencies."""
        return self.etype in ("ET_DYN", "ET_EXEC")


def find_elf(tree: Tree) -> dict[bytes, ElfInfo]:
    """Facts of every ELF file of the tree, by path; hard links share them. Raises PackageError for
    unreadable files.
    """
    found: dict[bytes, ElfInfo] = {}
    seen: dict[tuple[int, int], ElfInfo | None] = {}
    try:
        with TreeReader(tree.root) as reader:
            for entry in tree.entries:
                # 52 is the smallest ELF header.
                if entry.kind != "f" or entry.size < 52:
                    continue
                if entry.nlink > 1 and entry.inode in seen:
                    info = seen[entry.inode]
                else:
                    info = _read(reader, entry.path, entry.size)
                    seen[entry.inode] = info
                if info is not None:
                    found[entry.path] = info
    except OSError as error:
        raise PackageError(f"{tree.root}: cannot read the package's folder: {error.strerror}") from None
    return found


def _read(reader: TreeReader, path: bytes, size: int) -> ElfInfo | None:
    try:
        fd = reader.open(path)
        try:
            head = os.pread(fd, 64, 0)
            if not head.startswith(MAGIC):
                return None
            return parse(lambda offset, count: os.pread(fd, count, offset), size)
        finally:
            os.close(fd)
    except OSError as error:
        raise PackageError(f"/{show(path)}: cannot be read: {error.strerror}") from None


def parse(read: Read, size: int) -> ElfInfo | None:
    """Facts of the ELF file of ``size`` bytes behind ``read``; None if it is none. Damaged parts count as
    missing.
    """
    frame = frame_of(read, size)
    if frame is None:
        return None
    facts = _Strings(frame)
    flags = {tag: value for tag, value in frame.dynamic if tag in (_DT_FLAGS, _DT_FLAGS_1)}
    rpaths = facts.of(_DT_RPATH) + facts.of(_DT_RUNPATH)
    soname = facts.of(_DT_SONAME)
    return ElfInfo(
        etype=_TYPES.get(frame.etype, str(frame.etype)),
        machine=frame.machine,
        bits=frame.bits,
        little_endian=frame.order == "<",
        osabi=frame.osabi,
        soname=soname[0] if soname else "",
        needed=tuple(facts.of(_DT_NEEDED)),
        rpaths=tuple(dict.fromkeys(rpaths)),
        textrel=bool(flags.get(_DT_FLAGS, 0) & _DF_TEXTREL) or any(tag == _DT_TEXTREL for tag, _ in frame.dynamic),
        interpreter=frame.interpreter,
        pie=frame.etype == 3 and (bool(frame.interpreter) or bool(flags.get(_DT_FLAGS_1, 0) & _DF_1_PIE)),
    )


@dataclass(frozen=True, slots=True)
class Frame:
    """What an ELF file's header and program headers say, and its dynamic section.

    ``read`` answers nothing for places outside the file; ``order`` is struct's sign for the byte order; ``loads`` has
    (address, size in the file, offset) of what is loaded, ``dynamic`` (tag, value) of each entry of the dynamic section,
    which is at ``dynamic_range`` (offset, size).
    """

    read: Read
    order: str
    bits: int
    etype: int
    machine: int
    osabi: int
    loads: Sequence[tuple[int, int, int]]
    dynamic: Sequence[tuple[int, int]]
    dynamic_range: tuple[int, int]
    interpreter: str

    def place(self, address: int) -> int | None:
        """Where in the file an address is; None if it is in no part that is loaded from it."""
        for base, length, offset in self.loads:
            if base <= address < base + length:
                return offset + address - base
        return None


def frame_of(read: Read, size: int) -> Frame | None:
    """The frame of the ELF file of ``size`` bytes behind ``read``; None if it is none. Damaged parts count as missing."""
    head = read(0, 64)
    if len(head) < 52 or head[:4] != MAGIC or head[4] not in (1, 2) or head[5] not in (1, 2):
        return None
    bits = 64 if head[4] == 2 else 32
    order = "<" if head[5] == 1 else ">"
    layout = order + ("HHIQQQIHHH" if bits == 64 else "HHIIIIIHHH")
    if len(head) < 16 + struct.calcsize(layout):
        return None
    etype, machine, _, _, phoff, _, _, _, phentsize, phnum = struct.unpack_from(layout, head, 16)
    bounded = _Bounded(read, size)
    loads: list[tuple[int, int, int]] = []
    dynamic: list[tuple[int, int]] = []
    dynamic_range = (0, 0)
    interpreter = ""
    for kind, offset, address, length in _program_headers(bounded, order, bits, phoff, phentsize, phnum):
        if kind == _PT_LOAD:
            loads.append((address, length, offset))
        elif kind == _PT_DYNAMIC and not dynamic:
            dynamic_range = (offset, min(length, _MAX_DYNAMIC))
            dynamic = _dynamic(bounded, order, bits, *dynamic_range)
        elif kind == _PT_INTERP and not interpreter:
            interpreter = _text(bounded(offset, min(length, _MAX_STRING)))
    return Frame(bounded, order, bits, etype, machine, head[7], loads, dynamic, dynamic_range, interpreter)


class _Bounded:
    """``read`` that answers nothing for places outside the file (pread refuses offsets above 2^63)."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size

    def __call__(self, offset: int, count: int) -> bytes:
        if offset >= self._size or count <= 0:
            return b""
        return self._read(offset, min(count, self._size - offset))


def _program_headers(
    read: Read, order: str, bits: int, start: int, entry_size: int, count: int
) -> Iterable[tuple[int, int, int, int]]:
    """(type, offset, address, size in the file) of each program header."""
    # type, [flags], offset, vaddr, paddr, filesz
    layout = struct.Struct(order + ("IIQQQQ16x" if bits == 64 else "IIIII12x"))
    if entry_size != layout.size:
        return
    data = read(start, count * entry_size)
    for fields in layout.iter_unpack(data[: len(data) // entry_size * entry_size]):
        if bits == 64:
            yield fields[0], fields[2], fields[3], fields[5]
        else:
            yield fields[0], fields[1], fields[2], fields[4]


def _dynamic(read: Read, order: str, bits: int, start: int, length: int) -> list[tuple[int, int]]:
    """(tag, value) of each entry of the dynamic section, up to its end mark."""
    layout = struct.Struct(order + ("QQ" if bits == 64 else "II"))
    data = read(start, length)
    entries: list[tuple[int, int]] = []
    for tag, value in layout.iter_unpack(data[: len(data) // layout.size * layout.size]):
        if tag == _DT_NULL:
            break
        entries.append((tag, value))
    return entries


class _Strings:
    """The texts that a dynamic section points to."""

    def __init__(self, frame: Frame) -> None:
        self._read = frame.read
        self._dynamic = frame.dynamic
        values = dict(frame.dynamic)
        self._size = values.get(_DT_STRSZ, 0)
        address = values.get(_DT_STRTAB)
        self._start = None if address is None else frame.place(address)

    def of(self, wanted: int) -> list[str]:
        """Every non-empty text with that tag, in order."""
        if self._start is None:
            return []
        places = [value for tag, value in self._dynamic if tag == wanted and value < self._size]
        texts = []
        for place in places[:_MAX_NEEDED]:
            text = _text(self._read(self._start + place, min(_MAX_STRING, self._size - place)))
            if text:
                texts.append(text)
        return texts


def _text(data: bytes) -> str:
    """The text up to the first NUL; empty if there is none within reach."""
    end = data.find(b"\0")
    return data[:end].decode("utf-8", "surrogateescape") if end > 0 else ""

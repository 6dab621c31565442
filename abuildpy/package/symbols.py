# SPDX-License-Identifier: GPL-3.0-or-later
"""The symbols that an ELF file exports: its dynamic symbol table with versions, as the dynamic linker sees it.

Found by way of the program headers, as at run time, so a stripped file, or one without section headers, is as good as any.
Nothing is believed: counts are bounded by the file's size and by limits that no real library comes near. Sources: System V
ABI (gABI 4.1, dynamic linking); the GNU hash section and symbol versioning as binutils 2.40 writes them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from abuildpy.package.elf import Frame, Read, frame_of

_DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT = 4, 5, 6, 10, 11
_DT_GNU_HASH, _DT_VERSYM = 0x6FFFFEF5, 0x6FFFFFF0
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF

_KINDS: Final = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "COMMON", 6: "TLS", 10: "IFUNC"}
_BINDINGS: Final = {1: "GLOBAL", 2: "WEAK", 10: "UNIQUE"}
_SECTION, _FILE = 3, 4
_ABSOLUTE = 0xFFF1
_DEFAULT, _PROTECTED = 0, 3
_HIDDEN_VERSION = 0x8000

# Machines whose System V hash table has words of eight bytes in 64-bit files: S/390 and Alpha.
_WIDE_HASHES: Final = (22, 0x9026)

_MOST_SYMBOLS: Final = 1_000_000
_MOST_TEXT: Final = 128 << 20
_LONGEST_NAME: Final = 1 << 16
_MOST_VERSIONS: Final = 1 << 15


@dataclass(frozen=True, slots=True)
class Symbol:
    """An exported symbol.

    ``version`` is empty for those of no version; ``default`` tells that it is the one that programs are linked with
    (``name@@version``; always so without a version, never so of a copy of another file's symbol). ``kind`` is ``FUNC``,
    ``OBJECT``, ``TLS``, ``IFUNC``, ``NOTYPE``, ``COMMON`` or a number; ``binding`` ``GLOBAL``, ``WEAK``, ``UNIQUE`` or a
    number; ``absolute`` that it is a plain number: so linkers note the names of versions.
    """

    name: str
    version: str
    default: bool
    kind: str
    binding: str
    size: int
    absolute: bool = False

    def __str__(self) -> str:
        at = "@@" if self.default else "@"
        return f"{self.name}{at}{self.version}" if self.version else self.name


class SymbolError(Exception):
    """The symbols cannot be read; the text says why, and is to stand behind the file's name."""


def read_symbols(read: Read, size: int, *, most: int = _MOST_SYMBOLS) -> tuple[Symbol, ...]:
    """The symbols that the ELF file of ``size`` bytes behind ``read`` exports, in the order of its table; none if it has no
    such table.

    Left out are undefined and local ones, and those that are hidden from other files. Raises SymbolError if the table is
    damaged, or has more than ``most``.
    """
    frame = frame_of(read, size)
    if frame is None:
        return ()
    values = dict(frame.dynamic)
    if _DT_SYMTAB not in values:
        return ()
    return _Table(frame, values).symbols(most)


class _Table:
    def __init__(self, frame: Frame, values: dict[int, int]) -> None:
        self._frame = frame
        self._values = values
        self._names: dict[int, str] = {}
        self._text = 0
        self._strings = self._whole(_DT_STRTAB, min(values.get(_DT_STRSZ, 0), _MOST_TEXT))

    def symbols(self, most: int) -> tuple[Symbol, ...]:
        """All symbols of the table. Raises SymbolError where there are more, or they make no sense."""
        wide = self._frame.bits == 64
        # name, info, other, section, value, size; or name, value, size, info, other, section
        layout = struct.Struct(self._frame.order + ("IBBHQQ" if wide else "IIIBBH"))
        if self._values.get(_DT_SYMENT, layout.size) != layout.size:
            raise SymbolError("its symbols have an unknown form")
        count = self._count()
        if count > most:
            raise SymbolError(f"it has more than {most:,} symbols")
        table = self._whole(_DT_SYMTAB, count * layout.size)
        marks = self._marks(count)
        versions = self._versions() if marks else {}
        found = []
        for index, fields in enumerate(layout.iter_unpack(table)):
            name, info, other, section, _, size = (
                fields if wide else (fields[0], fields[3], fields[4], fields[5], 0, fields[2])
            )
            binding, kind = info >> 4, info & 15
            if not section or not binding or kind in (_SECTION, _FILE) or (other & 3) not in (_DEFAULT, _PROTECTED):
                continue
            mark = marks[index] if marks else 1
            version, own = versions.get(mark & ~_HIDDEN_VERSION, ("", True))
            found.append(
                Symbol(
                    self._name(name),
                    version,
                    own and not (version and mark & _HIDDEN_VERSION),
                    _KINDS.get(kind, str(kind)),
                    _BINDINGS.get(binding, str(binding)),
                    size,
                    section == _ABSOLUTE,
                )
            )
        return tuple(found)

    def _count(self) -> int:
        """How many symbols there are: the table itself does not say, but the hash tables do."""
        at = self._place(_DT_HASH)
        if at is not None:
            wide = self._frame.bits == 64 and self._frame.machine in _WIDE_HASHES
            words = self._numbers(at, 2, "Q" if wide else "I")
            return words[1]
        at = self._place(_DT_GNU_HASH)
        if at is None:
            raise SymbolError("it has no hash table, so nobody knows how many symbols it has")
        buckets, first, blooms, _ = self._numbers(at, 4)
        begin = at + 16 + blooms * (self._frame.bits // 8)
        if buckets > _MOST_SYMBOLS or blooms > _MOST_SYMBOLS:
            raise SymbolError("its hash table is absurdly large")
        last = max(self._numbers(begin, buckets), default=0)
        if last < first:
            return first
        chain = begin + 4 * (buckets - first)
        while True:  # the last one of a chain has the lowest bit set
            part = self._frame.read(chain + 4 * last, 4096)
            if len(part) < 4 or last > _MOST_SYMBOLS:
                raise SymbolError("its hash table is damaged")
            for (word,) in struct.iter_unpack(self._frame.order + "I", part[: len(part) // 4 * 4]):
                last += 1
                if word & 1:
                    return last

    def _marks(self, count: int) -> tuple[int, ...]:
        """For each symbol the number of its version, and whether that is hidden."""
        at = self._place(_DT_VERSYM)
        return () if at is None else self._numbers(at, count, "H")

    def _versions(self) -> dict[int, tuple[str, bool]]:
        """Names of the versions, by number: those defined here (True), and those that copies of others' symbols have."""
        found: dict[int, tuple[str, bool]] = {}
        order = self._frame.order
        at = self._place(_DT_VERDEF)
        for _ in range(min(self._values.get(_DT_VERDEFNUM, 0), _MOST_VERSIONS) if at is not None else 0):
            _, flags, number, _, _, names, following = struct.unpack(order + "HHHHIII", self._exact(at or 0, 20))
            if not flags & 1:  # that is the file's own name
                (name,) = struct.unpack(order + "I", self._exact((at or 0) + names, 4))
                found[number & ~_HIDDEN_VERSION] = (self._name(name), True)
            at = (at or 0) + following
            if not following:
                break
        self._needed_versions(found)
        return found

    def _needed_versions(self, found: dict[int, tuple[str, bool]]) -> None:
        order = self._frame.order
        at = self._place(_DT_VERNEED)
        left = _MOST_VERSIONS
        for _ in range(min(self._values.get(_DT_VERNEEDNUM, 0), _MOST_VERSIONS) if at is not None else 0):
            _, count, _, names, following = struct.unpack(order + "HHIII", self._exact(at or 0, 16))
            entry = (at or 0) + names
            for _ in range(min(count, left)):
                left -= 1
                _, _, number, name, further = struct.unpack(order + "IHHII", self._exact(entry, 16))
                found.setdefault(number & ~_HIDDEN_VERSION, (self._name(name), False))
                entry += further
                if not further:
                    break
            at = (at or 0) + following
            if not following:
                break

    def _name(self, at: int) -> str:
        known = self._names.get(at)
        if known is not None:
            return known
        end = self._strings.find(b"\0", at, at + _LONGEST_NAME)
        if end < 0:
            raise SymbolError("a name of its symbols has no end")
        self._text += end - at
        if self._text > _MOST_TEXT:
            raise SymbolError("the names of its symbols are absurdly long")
        name = self._names[at] = self._strings[at:end].decode("utf-8", "surrogateescape")
        return name

    # --- reading -------------------------------------------------------------------------------------------------

    def _place(self, tag: int) -> int | None:
        address = self._values.get(tag)
        return None if address is None else self._frame.place(address)

    def _whole(self, tag: int, size: int) -> bytes:
        at = self._place(tag)
        if at is None:
            raise SymbolError("its symbols are not where it says")
        return self._exact(at, size)

    def _exact(self, at: int, size: int) -> bytes:
        data = self._frame.read(at, size) if size else b""
        if len(data) != size:
            raise SymbolError("its symbols are cut off")
        return data

    def _numbers(self, at: int, count: int, kind: str = "I") -> tuple[int, ...]:
        layout = f"{self._frame.order}{count}{kind}"
        if count > _MOST_SYMBOLS:
            raise SymbolError(f"it has more than {_MOST_SYMBOLS:,} symbols")
        return struct.unpack(layout, self._exact(at, struct.calcsize(layout)))

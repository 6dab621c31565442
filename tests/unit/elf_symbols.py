# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared libraries made by hand, with a dynamic symbol table and versions, for tests: any class, byte order and hash table."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

BASE = 0x10000
KINDS = {"NOTYPE": 0, "OBJECT": 1, "FUNC": 2, "SECTION": 3, "TLS": 6, "IFUNC": 10}
BINDINGS = {"LOCAL": 0, "GLOBAL": 1, "WEAK": 2, "UNIQUE": 10}


@dataclass(frozen=True)
class Sym:
    """``version`` is ``V1`` (the default one), ``@V1`` (hidden) or empty."""

    name: str
    kind: str = "FUNC"
    size: int = 0
    version: str = ""
    binding: str = "GLOBAL"
    section: int = 1
    other: int = 0


@dataclass(frozen=True)
class Layout:
    bits: int = 64
    order: str = "<"
    machine: int = 62
    hashes: tuple[str, ...] = ("gnu",)


def library(
    symbols: Sequence[Sym], soname: str = "libx.so.1", needed: Sequence[str] = (), layout: Layout | None = None
) -> bytes:
    """One segment that holds everything, and no section headers: as ``sstrip`` leaves a library."""
    layout = layout or Layout()
    order, wide = layout.order, layout.bits == 64
    symbols = sorted(symbols, key=lambda each: each.section != 0)
    strings = _Strings()
    names = [strings.add(each.name) for each in symbols]
    versions = list(dict.fromkeys(each.version.removeprefix("@") for each in symbols if each.version))
    tags: list[tuple[int, int]] = [(1, strings.add(name)) for name in needed]
    tags += [(14, strings.add(soname))] if soname else []
    parts: dict[int, bytes] = {}
    entries = [bytes(24 if wide else 16)]
    for each, name in zip(symbols, names, strict=True):
        info = BINDINGS[each.binding] << 4 | KINDS[each.kind]
        if wide:
            entries.append(struct.pack(order + "IBBHQQ", name, info, each.other, each.section, 0x1234, each.size))
        else:
            entries.append(struct.pack(order + "IIIBBH", name, 0x1234, each.size, info, each.other, each.section))
    parts[6] = b"".join(entries)
    if "sysv" in layout.hashes:
        word = "Q" if wide and layout.machine == 22 else "I"
        parts[4] = struct.pack(f"{order}2{word}", 1, len(entries)) + bytes(struct.calcsize(word) * (1 + len(entries)))
    if "gnu" in layout.hashes:
        first = 1 + sum(each.section == 0 for each in symbols)
        count = len(entries) - first
        chain = [2 * number for number in range(count)]
        if chain:
            chain[-1] |= 1
        table = struct.pack(order + "4I", 1, first, 1, 0) + bytes(8 if wide else 4)
        table += struct.pack(order + "I", first if count else 0) + struct.pack(f"{order}{count}I", *chain)
        parts[0x6FFFFEF5] = table
    if versions:
        marks = [0]
        for each in symbols:
            number = versions.index(each.version.removeprefix("@")) + 2 if each.version else 1
            marks.append(number | (0x8000 if each.version.startswith("@") else 0))
        parts[0x6FFFFFF0] = struct.pack(f"{order}{len(marks)}H", *marks)
        definitions = [struct.pack(order + "HHHHIIIII", 1, 1, 1, 1, 0, 20, 28, strings.add(soname), 0)]
        for number, version in enumerate(versions):
            following = 28 if number + 1 < len(versions) else 0
            definitions.append(
                struct.pack(order + "HHHHIIIII", 1, 0, number + 2, 1, 0, 20, following, strings.add(version), 0)
            )
        parts[0x6FFFFFFC] = b"".join(definitions)
        tags.append((0x6FFFFFFD, len(definitions)))
    parts[5] = strings.text
    tags += [(10, len(strings.text)), (11, 24 if wide else 16)]
    return _file(layout, parts, tags)


def _file(layout: Layout, parts: dict[int, bytes], tags: list[tuple[int, int]]) -> bytes:
    order, wide = layout.order, layout.bits == 64
    at = 64 + 2 * 56
    body = b""
    for tag, part in parts.items():
        body += bytes(-(at + len(body)) % 8)
        tags.append((tag, BASE + at + len(body)))
        body += part
    body += bytes(-(at + len(body)) % 8)
    dynamic_at = at + len(body)
    dynamic = b"".join(struct.pack(order + ("QQ" if wide else "II"), *tag) for tag in [*tags, (0, 0)])
    total = dynamic_at + len(dynamic)
    head = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    if wide:
        head += struct.pack(order + "HHIQQQIHHHHHH", 3, layout.machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
        loads = struct.pack(order + "IIQQQQQQ", 1, 5, 0, BASE, BASE, total, total, 8)
        loads += struct.pack(order + "IIQQQQQQ", 2, 4, dynamic_at, BASE, BASE, len(dynamic), len(dynamic), 8)
    else:
        head += struct.pack(order + "HHIIIIIHHHHHH", 3, layout.machine, 1, 0, 52, 0, 0, 52, 32, 2, 0, 0, 0)
        loads = struct.pack(order + "8I", 1, 0, BASE, BASE, total, total, 5, 8)
        loads += struct.pack(order + "8I", 2, dynamic_at, BASE, BASE, len(dynamic), len(dynamic), 4, 8)
    front = head + loads
    return front + bytes(at - len(front)) + body + dynamic


class _Strings:
    def __init__(self) -> None:
        self.text = b"\0"

    def add(self, text: str) -> int:
        at = len(self.text)
        self.text += text.encode() + b"\0"
        return at

# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes small package trees and ELF files for the tests of this folder."""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.package.elf import find_elf
from abuildpy.package.model import Entry, Metadata, Tree
from abuildpy.package.pkgconfig import find_pc
from abuildpy.package.trace import Traceable
from abuildpy.package.tree import scan

TRIPLET = "x86_64-alpine-linux-musl"
MUSL = "/lib/ld-musl-x86_64.so.1"


@dataclass(frozen=True)
class File:
    content: bytes = b""
    mode: int = 0o644


@dataclass(frozen=True)
class Program(File):
    mode: int = 0o755


@dataclass(frozen=True)
class Link:
    target: str


@dataclass(frozen=True)
class Folder:
    mode: int = 0o755


@dataclass(frozen=True)
class Hard:
    """Another name of a file made before."""

    other: str


Item = File | Link | Folder | Hard


def make_tree(root: Path, items: Mapping[str, Item], capabilities: Mapping[bytes, bytes] | None = None) -> Tree:
    root.mkdir(parents=True, exist_ok=True)
    for name, item in items.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(item, File):
            path.write_bytes(item.content)
            path.chmod(item.mode)
        elif isinstance(item, Link):
            path.symlink_to(item.target)
        elif isinstance(item, Hard):
            os.link(root / item.other, path)
        else:
            path.mkdir(exist_ok=True)
            path.chmod(item.mode)
    return scan(root, {}, str, str, frozenset(), frozenset(), capabilities or {})


def entry(path: str, kind: str = "f", mode: int = 0o644, size: int = 0, number: int = 0) -> Entry:
    """An entry without a file behind it."""
    return Entry(path.encode(), kind, mode, 0, 0, "root", "root", size, b"", (1, number or hash(path)), 1)


def metadata(name: str = "foo", **changes: object) -> Metadata:
    values: dict[str, object] = {
        "name": name,
        "version": "1.0-r0",
        "origin": "foo",
        "pkgdesc": "a test",
        "url": "https://example.org",
        "arch": "x86_64",
        "license": "MIT",
    }
    values.update(changes)
    return Metadata(**values)  # type: ignore[arg-type]


def traceable(
    root: Path,
    items: Mapping[str, Item],
    meta: Metadata | None = None,
    overrides: Mapping[str, tuple[str, ...]] | None = None,
    triplet: str = TRIPLET,
) -> Traceable:
    tree = make_tree(root, items)
    return Traceable(meta or metadata(), tree, find_elf(tree), find_pc(tree), triplet, overrides or {})


def elf(
    *,
    etype: int = 3,
    bits: int = 64,
    little: bool = True,
    machine: int = 62,
    osabi: int = 0,
    soname: str = "",
    needed: tuple[str, ...] = (),
    rpath: str = "",
    runpath: str = "",
    textrel: bool = False,
    flags: int = 0,
    flags_1: int = 0,
    interpreter: str = "",
) -> bytes:
    """A file with program headers and a dynamic section, as a linker makes them, but no code."""
    order = "<" if little else ">"
    word = "Q" if bits == 64 else "I"
    header_size, segment_size = (64, 56) if bits == 64 else (52, 32)
    base = 0x10000
    strings = b"\0"
    tags: list[tuple[int, int]] = []
    for tag, texts in ((1, needed), (14, (soname,)), (15, (rpath,)), (29, (runpath,))):
        for text in texts:
            if text:
                tags.append((tag, len(strings)))
                strings += text.encode() + b"\0"
    if textrel:
        tags.append((22, 0))
    if flags:
        tags.append((30, flags))
    if flags_1:
        tags.append((0x6FFFFFFB, flags_1))
    segments = 3 if interpreter else 2
    at_strings = header_size + segments * segment_size
    at_interpreter = at_strings + len(strings)
    loader = interpreter.encode() + b"\0"
    at_dynamic = at_interpreter + len(loader)
    tags += [(5, base + at_strings), (10, len(strings)), (0, 0)]
    dynamic = b"".join(struct.pack(order + word * 2, tag, value) for tag, value in tags)
    total = at_dynamic + len(dynamic)

    def segment(kind: int, offset: int, length: int) -> bytes:
        address = base + offset
        if bits == 64:
            return struct.pack(order + "IIQQQQQQ", kind, 4, offset, address, address, length, length, 8)
        return struct.pack(order + "IIIIIIII", kind, offset, address, address, length, length, 4, 4)

    headers = segment(1, 0, total) + segment(2, at_dynamic, len(dynamic))
    if interpreter:
        headers += segment(3, at_interpreter, len(loader))
    identity = b"\x7fELF" + bytes((2 if bits == 64 else 1, 1 if little else 2, 1, osabi)) + bytes(8)
    header = identity + struct.pack(
        f"{order}HHI{word * 3}IHHHHHH",
        etype,
        machine,
        1,
        0,
        header_size,
        0,
        0,
        header_size,
        segment_size,
        segments,
        0,
        0,
        0,
    )
    return header + headers + strings + loader + dynamic

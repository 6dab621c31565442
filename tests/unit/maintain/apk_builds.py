# SPDX-License-Identifier: GPL-3.0-or-later
"""Small package files and shared libraries for the tests of comparing."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Symlink:
    target: str


@dataclass(frozen=True)
class Hardlink:
    target: str


Content = bytes | Symlink | Hardlink | None
"""What stands at a path: a file's bytes, a link, or (None) a folder."""


def write_apk(
    path: Path, name: str, version: str, files: Mapping[str, Content], *, size: int = 0, signed: bool = True
) -> Path:
    info = f"pkgname = {name}\npkgver = {version}\narch = x86_64\nsize = {size}\n".encode()
    parts = [_part({".PKGINFO": info, ".post-install": b"#!/bin/sh\n"}, cut=True), _part(files, cut=False)]
    if signed:
        parts.insert(0, _part({".SIGN.RSA.me.rsa.pub": b"x"}, cut=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts))
    return path


def _part(files: Mapping[str, Content], *, cut: bool) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, Symlink):
                member.type, member.linkname = tarfile.SYMTYPE, content.target
            elif isinstance(content, Hardlink):
                member.type, member.linkname = tarfile.LNKTYPE, content.target
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
        end = archive.offset
    return gzip.compress(buffer.getvalue()[:end] if cut else buffer.getvalue(), mtime=0)


def library(soname: str) -> bytes:
    """A 64-bit shared library that has a dynamic section and nothing else."""
    strings = b"\0" + soname.encode() + b"\0"
    at_strings, base = 64 + 2 * 56, 0x1000
    at_dynamic = at_strings + len(strings)
    tags = [(5, base + at_strings), (10, len(strings)), (0, 0)]
    if soname:
        tags.insert(0, (14, 1))
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    total = at_dynamic + len(dynamic)
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, base, base, total, total, 8)
    where = base + at_dynamic
    section = struct.pack("<IIQQQQQQ", 2, 4, at_dynamic, where, where, len(dynamic), len(dynamic), 8)
    return header + load + section + strings + dynamic

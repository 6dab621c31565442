# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages with all that comparing them looks at: modes, owners, capabilities, scripts, and hostile ones."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Item:
    """One member of a package's data part."""

    content: bytes = b""
    mode: int = 0o644
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    owner: tuple[str, str] = ("root", "root")
    xattrs: Mapping[str, bytes] = field(default_factory=dict)
    mtime: int = 0


def folder(mode: int = 0o755) -> Item:
    return Item(mode=mode, kind=tarfile.DIRTYPE)


def symlink(target: str) -> Item:
    return Item(mode=0o777, kind=tarfile.SYMTYPE, target=target)


def hardlink(target: str) -> Item:
    return Item(kind=tarfile.LNKTYPE, target=target)


def package(
    where: Path,
    name: str = "foo",
    version: str = "1.0-r0",
    files: Mapping[str, Item | bytes] | None = None,
    *,
    info: Sequence[str] = (),
    scripts: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes ``name-version.apk`` into a folder; ``info`` are further lines of ``.PKGINFO``."""
    lines = [f"pkgname = {name}", f"pkgver = {version}", "arch = x86_64", "datahash = 0", *info]
    if not any(line.startswith("origin = ") for line in lines):
        lines.append(f"origin = {name}")
    control = {".PKGINFO": ("\n".join(lines) + "\n").encode(), **(scripts or {})}
    where.mkdir(parents=True, exist_ok=True)
    path = where / f"{name}-{version}.apk"
    path.write_bytes(gzip.compress(tar(control, cut=True), mtime=0) + gzip.compress(tar(files or {}), mtime=0))
    return path


def tar(files: Mapping[str, Item | bytes], *, cut: bool = False) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, errors="surrogateescape") as archive:
        for name, given in files.items():
            item = given if isinstance(given, Item) else Item(given)
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.linkname, member.mtime = item.kind, item.mode, item.target, item.mtime
            member.uname, member.gname = item.owner
            member.size = len(item.content)
            member.pax_headers = {
                f"SCHILY.xattr.{key}": value.decode("utf-8", "surrogateescape") for key, value in item.xattrs.items()
            }
            archive.addfile(member, io.BytesIO(item.content))
        end = archive.offset
    return buffer.getvalue()[:end] if cut else buffer.getvalue()

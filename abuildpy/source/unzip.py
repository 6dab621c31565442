# SPDX-License-Identifier: GPL-3.0-or-later
"""Extracting a zip archive as ``unzip -n -q`` does: what exists stays, links and Unix permissions are honoured."""

from __future__ import annotations

import stat
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from abuildpy.regular import regular
from abuildpy.source.decompress import Damaged
from abuildpy.source.inside import Escape, Inside
from abuildpy.source.zipdata import content

if TYPE_CHECKING:
    from zipfile import ZipInfo

_UTF8_NAME = 0x800
_DOS, _UNIX = 0, 3
_LONGEST_LINK = 4096


def unzip(
    archive: Path, inside: Inside, at_member: Callable[[bytes], None], spend: Callable[[int], None] = lambda _: None
) -> None:
    """Create every member below ``inside`` that does not exist yet.

    ``at_member`` is told each name before work on it begins, ``spend`` the number of bytes in each piece.

    Raises Damaged, Escape, or OSError.
    """
    import zipfile

    try:
        with open(regular(archive), "rb") as file, zipfile.ZipFile(file) as zipped:
            for info in zipped.infolist():
                name = _name(info)
                at_member(name)
                _extract(file, info, name, inside, spend)
        inside.finish()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise Damaged(f"it is not a sound zip archive ({error})")


def _extract(file: BinaryIO, info: ZipInfo, name: bytes, inside: Inside, spend: Callable[[int], None]) -> None:
    unix = info.create_system == _UNIX and info.external_attr >> 16
    mode = info.external_attr >> 16 if unix else 0
    if name.endswith(b"/"):
        if not inside.exists(name):
            inside.folder(name, mode or 0o755, _mtime(info))
        return
    if inside.exists(name):
        return
    if stat.S_ISLNK(mode):
        if info.file_size > _LONGEST_LINK:
            raise Damaged("it has a symbolic link of absurd length")
        inside.symlink(name, b"".join(content(file, info)), _mtime(info))
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        if not unix:
            mode = 0o444 if info.create_system == _DOS and info.external_attr & 1 else 0o644
        inside.file(name, _counted(content(file, info), spend), mode, _mtime(info))
    else:
        raise Escape("it is neither a file, a folder nor a symbolic link")


def _counted(pieces: Iterator[bytes], spend: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        spend(len(piece))
        yield piece


def _name(info: ZipInfo) -> bytes:
    """The name's bytes: UTF-8 where the archive says so, as stored if Unix wrote it, else from DOS code page 437."""
    if info.flag_bits & _UTF8_NAME:
        return info.orig_filename.encode("utf-8", "surrogateescape")
    raw = info.orig_filename.encode("cp437")
    unicode_path = _extra(info, 0x7075)  # version, CRC-32 of the plain name, name in UTF-8
    if len(unicode_path) > 5 and unicode_path[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
        return unicode_path[5:]
    if info.create_system == _UNIX:
        return raw
    if b"/" not in raw:
        raw = raw.replace(b"\\", b"/")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437").encode("utf-8")
    return raw


def _mtime(info: ZipInfo) -> int:
    """Nanoseconds: the "UT" extra field has UTC seconds, the header only local time in steps of two seconds."""
    field = _extra(info, 0x5455)
    if len(field) >= 5 and field[0] & 1:
        return int(struct.unpack("<i", field[1:5])[0]) * 10**9
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1))) * 10**9
    except (ValueError, OverflowError):
        return 0


def _extra(info: ZipInfo, wanted: int) -> bytes:
    rest = info.extra
    while len(rest) >= 4:
        kind, size = struct.unpack("<HH", rest[:4])
        if kind == wanted:
            return rest[4 : 4 + size]
        rest = rest[4 + size :]
    return b""

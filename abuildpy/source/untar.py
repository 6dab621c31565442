# SPDX-License-Identifier: GPL-3.0-or-later
"""Extracting a tar stream. ``tarfile`` reads the headers; writing is ours, since Python 3.11.2 has no safe filters."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import IO, cast

from abuildpy.source.decompress import Damaged, ForwardReader
from abuildpy.source.inside import Escape, Inside

_VOLUME_LABEL = b"V"
_BLOCK = 512
_MOST_SHARED = 1000
"""Fields that one header sets for all members after it, each of which gets a copy: real ones set a comment."""
_TIME = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,30})?")


def untar(blocks: Iterator[bytes], inside: Inside, at_member: Callable[[bytes], None]) -> None:
    """Create every member below ``inside``.

    ``at_member`` is told each name before work on it begins, for messages. Raises Damaged, Escape, or OSError.
    """
    reader = ForwardReader(blocks)
    for member in _members(reader):
        name = _bytes(member.name)
        at_member(name)
        _extract(member, name, reader, inside)
    reader.drain()
    inside.finish()


def _members(reader: ForwardReader) -> Iterator[tarfile.TarInfo]:
    try:
        archive = tarfile.TarFile(
            fileobj=cast("IO[bytes]", reader), encoding="utf-8", errors="surrogateescape", debug=0
        )
        while (member := archive.next()) is not None:
            # The library keeps all members, and would keep whole archives of them.
            archive.members.clear()  # type: ignore[attr-defined]
            if len(archive.pax_headers) > _MOST_SHARED:
                raise Damaged("it has a header of absurd length")
            yield member
            reader.next_member()
    except (tarfile.TarError, ValueError, LookupError, OverflowError, RecursionError) as error:
        raise Damaged(f"it is not a sound tar archive ({error})")
    # An archive ends with blocks of zeros, which some writers leave out. tarfile takes any other rubbish for the
    # end as well.
    if reader.last and reader.last != bytes(_BLOCK):
        raise Damaged("it has an invalid or incomplete header")


def _extract(member: tarfile.TarInfo, name: bytes, reader: ForwardReader, inside: Inside) -> None:
    if member.issym():
        inside.symlink(name, _bytes(member.linkname), _mtime(member))
    elif member.islnk():
        inside.hard_link(name, _bytes(member.linkname))
    elif member.isdir():
        inside.folder(name, member.mode, _mtime(member))
    elif member.issparse():
        regions = cast("list[tuple[int, int]]", member.sparse)
        inside.sparse_file(name, _regions(reader, regions), member.size, member.mode, _mtime(member))
    elif member.isreg():
        inside.file(name, _data(reader, member.size), member.mode, _mtime(member))
    elif member.type == _VOLUME_LABEL:
        return
    else:
        kinds = {tarfile.CHRTYPE: "a device", tarfile.BLKTYPE: "a device", tarfile.FIFOTYPE: "a named pipe"}
        raise Escape(f"it is {kinds.get(member.type, f'of the unknown type {member.type!r}')}")


def _data(reader: ForwardReader, size: int) -> Iterator[memoryview]:
    for piece in reader.pieces(size):
        size -= len(piece)
        yield piece
    if size:
        raise Damaged("it ends early")


def _regions(reader: ForwardReader, regions: list[tuple[int, int]]) -> Iterator[tuple[int, memoryview]]:
    for offset, size in regions:
        at = offset
        for piece in _data(reader, size):
            yield at, piece
            at += len(piece)


def _bytes(name: str) -> bytes:
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise Damaged("it has a member name that is no text")


def _mtime(member: tarfile.TarInfo) -> int:
    """Nanoseconds; exact where the archive is, since make compares the times of generated files."""
    text = member.pax_headers.get("mtime")
    try:
        if text:
            return int(Decimal(text) * 10**9) if _TIME.fullmatch(text) else 0
        return int(member.mtime) * 10**9
    except (ValueError, OverflowError):
        return 0

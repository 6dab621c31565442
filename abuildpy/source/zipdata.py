# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of one member of a zip archive, in pieces of bounded size.

``zipfile`` reads the list of members and is trusted with that. It decompresses whole chunks at a time, however much is in
them: three kilobytes of bzip2 are four gigabytes in memory then.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from abuildpy.source.decompress import Damaged, Decoder, Deflated

if TYPE_CHECKING:
    from zipfile import ZipInfo

# PKWARE's APPNOTE.TXT 6.3.10: 4.3.7 local file header, 4.4.4 flags, 4.4.5 methods, 5.8 LZMA.
_HEADER = struct.Struct("<4s5H3I2H")
_SIGNATURE = b"PK\3\4"
_UTF8_NAME = 0x800
_LOCKED = 0x2061
"""Flags: encrypted, patched data, strong encryption, masked headers."""
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
_INPUT = 1 << 18
_OUTPUT = 1 << 20


def content(file: BinaryIO, info: ZipInfo) -> Iterator[bytes]:
    """The bytes of a member, at most 1 MiB at a time and never more than the list of members says.

    Raises Damaged for what is cut short or does not match its checksum, and for what cannot be read.
    """
    if info.flag_bits & _LOCKED:
        raise Damaged("it cannot be unpacked (it needs a password, or is a patch)")
    if info.compress_type not in (_STORED, *_DECODERS):
        raise Damaged(f"it cannot be unpacked (compression method {info.compress_type})")
    file.seek(info.header_offset)
    _skip_header(file, info)
    checksum, left = 0, info.file_size
    try:
        for piece in _decoded(file, info):
            checksum, left = zlib.crc32(piece, checksum), left - len(piece)
            yield piece
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise Damaged(f"it cannot be decompressed ({error})")
    if left:
        raise Damaged("it ends early")
    if checksum != info.CRC:
        raise Damaged("its contents do not match its checksum")


def _skip_header(file: BinaryIO, info: ZipInfo) -> None:
    """Goes to where a member's data begin; Damaged if another member is there than the list says."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise Damaged("it ends early")
    signature, *_, name_length, extra_length = _HEADER.unpack(header)
    name = file.read(name_length)
    listed = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_NAME else "cp437", "surrogateescape")
    if signature != _SIGNATURE or name != listed:
        raise Damaged("its list of members does not fit its members")
    file.seek(extra_length, 1)


def _decoded(file: BinaryIO, info: ZipInfo) -> Iterator[bytes]:
    stored, left = info.compress_size, info.file_size
    if info.compress_type == _STORED:
        while left and (data := file.read(min(left, _OUTPUT))):
            left -= len(data)
            yield data
        return
    start = 9 if info.compress_type == _LZMA else 0
    decoder = _DECODERS[info.compress_type](file.read(min(start, stored)))
    stored -= start
    while left and not decoder.eof:
        data = file.read(min(stored, _INPUT)) if decoder.needs_input and stored > 0 else b""
        stored -= len(data)
        if not data and decoder.needs_input:
            return
        out = decoder.decompress(data, min(left, _OUTPUT))
        left -= len(out)
        if out:
            yield out


def _lzma(start: bytes) -> lzma.LZMADecompressor:
    """Two bytes of version, two that say how long the properties are, which are those of an .lzma file without its size."""
    if len(start) < 9 or start[2:4] != b"\x05\x00" or start[4] >= 9 * 5 * 5:
        raise Damaged("its LZMA header is invalid")
    rest, lc = divmod(start[4], 9)
    pb, lp = divmod(rest, 5)
    size = int.from_bytes(start[5:9], "little")
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(size, 1 << 12), "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=filters)


_DECODERS: dict[int, Callable[[bytes], Decoder]] = {
    _DEFLATED: lambda _: Deflated(wbits=-15),
    _BZIP2: lambda _: bz2.BZ2Decompressor(),
    _LZMA: _lzma,
}

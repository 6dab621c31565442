# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a tar stream as GNU tar writes it into one for a package: checksums for apk in every file, no end-of-archive blocks.

What :mod:`abuildpy.package.archive` does while it writes, this does to the output of another program.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final

from abuildpy.errors import PackageError
from abuildpy.package.paxtar import BLOCK, EXTENDED, REGULAR, SYMLINK, extended_header, record

if TYPE_CHECKING:
    from hashlib import _Hash

_GLOBAL_OR_GNU: Final = (b"g", b"L", b"K")
_FILES: Final = (REGULAR, b"\0", b"7")
_WITHOUT_CONTENT: Final = tuple(b"%d" % kind for kind in range(1, 7))
_IN_MEMORY: Final = 16 << 20
"""Files above this size wait on disk for their checksum, which precedes them in the archive."""
_MAX_RECORDS: Final = 64 << 20
_PIECE: Final = 1 << 20


def digest_named(name: str) -> str | None:
    """The name that OpenSSL prints for a digest (``sha1`` → ``SHA1``); None for one that is not known here."""
    try:
        digest = hashlib.new(name, usedforsecurity=False)
    except ValueError:
        return None
    if not digest.digest_size:
        return None  # of no fixed length: not a checksum
    plain = digest.name.upper().replace("_", "-")
    return {"BLAKE2B": "BLAKE2b512", "BLAKE2S": "BLAKE2s256"}.get(plain, plain)


def filter_tar(source: BinaryIO, sink: BinaryIO, *, digest: str | None, cut: bool) -> bool:
    """Copies an archive in the posix format from ``source`` to ``sink``; returns whether there was anything.

    With ``digest`` (an OpenSSL name) every file and symbolic link gets a record ``APK-TOOLS.checksum.DIGEST`` at the end
    of its extended header; a link's checksum is that of the first 100 bytes of its target. With ``cut`` the end of the
    archive and what comes after it is left out. Raises PackageError for a damaged archive, OSError.
    """
    return _Filter(source, sink, digest, cut).run()


class _Filter:
    def __init__(self, source: BinaryIO, sink: BinaryIO, digest: str | None, cut: bool) -> None:
        self._source, self._sink, self._digest, self._cut = source, sink, digest, cut
        self._extended: tuple[bytes, bytes] | None = (
            None  # header block and records, held back for the member they describe
        )

    def run(self) -> bool:
        any_input = False
        while block := self._source.read(BLOCK):
            any_input = True
            if len(block) < BLOCK:
                raise _damaged("it ends in the middle of a header")
            if block[0] == 0:
                self._release()
                self._end(block)
                break
            self._member(block)
        self._release()
        self._sink.flush()
        return any_input

    def _end(self, block: bytes) -> None:
        """The first block without a name: the archive is over. All input is read, so that its writer need not die."""
        if not self._cut:
            self._sink.write(block)
        while piece := self._source.read(_PIECE):
            if not self._cut:
                self._sink.write(piece)

    def _member(self, block: bytes) -> None:
        kind = block[156:157]
        if kind == EXTENDED:
            self._release()
            size = _size(block)
            if size > _MAX_RECORDS:
                raise _damaged("an extended header is absurdly large")
            self._extended = block, self._exactly(size)
            self._exactly(-size % BLOCK)
            return
        if kind in _GLOBAL_OR_GNU:
            self._release()
        size = 0 if kind in _WITHOUT_CONTENT else self._content_size(block)
        if self._digest is None or not (kind in _FILES or kind == SYMLINK):
            self._release()
            self._sink.write(block)
            self._copy(size + -size % BLOCK, self._sink.write)
        elif kind == SYMLINK:
            self._write_hashed(block, hashlib.new(self._digest, _text(block[157:257]), usedforsecurity=False))
        else:
            self._write_file(block, size, self._digest)

    def _write_file(self, block: bytes, size: int, name: str) -> None:
        digest = hashlib.new(name, usedforsecurity=False)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:

            def take(piece: bytes) -> None:
                digest.update(piece)
                content.write(piece)

            self._copy(size, take)
            self._write_hashed(block, digest)
            content.seek(0)
            while piece := content.read(_PIECE):
                self._sink.write(piece)
        self._copy(-size % BLOCK, self._sink.write)

    def _write_hashed(self, block: bytes, digest: _Hash) -> None:
        key = f"APK-TOOLS.checksum.{self._digest}".encode()
        added = record(key, digest.hexdigest().encode())
        if self._extended is None:
            name = _text(block[345:500]) + b"/" if block[345:346] != b"\0" else b""
            self._sink.write(extended_header(name + _text(block[:100]), added, _number(block[136:148])))
        else:
            header, records = self._extended
            self._extended = None
            records += added
            self._sink.write(_resized(header, len(records)) + records + bytes(-len(records) % BLOCK))
        self._sink.write(block)

    def _content_size(self, block: bytes) -> int:
        for line in self._extended[1].split(b"\n") if self._extended else ():
            _, _, field = line.partition(b" ")
            if field.startswith(b"size=") and field[5:].isdigit():
                return int(field[5:])
        return _size(block)

    def _release(self) -> None:
        """Writes an extended header that was held back and stays as it was."""
        if self._extended is not None:
            header, records = self._extended
            self._extended = None
            self._sink.write(header + records + bytes(-len(records) % BLOCK))

    def _copy(self, count: int, take: Callable[[bytes], object]) -> None:
        while count:
            piece = self._exactly(min(count, _PIECE))
            take(piece)
            count -= len(piece)

    def _exactly(self, count: int) -> bytes:
        data = self._source.read(count)
        if len(data) < count:
            raise _damaged("it ends in the middle of a file")
        return data


def _damaged(what: str) -> PackageError:
    return PackageError(f"the tar archive cannot be read: {what}", hint="did the program that makes it fail?")


def _text(field: bytes) -> bytes:
    return field.split(b"\0", 1)[0]


def _size(block: bytes) -> int:
    return _number(block[124:136])


def _number(field: bytes) -> int:
    """A number of a header: octal digits, or GNU tar's big-endian binary, marked by the highest bit."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise _damaged("a size is not a number (is it a tar archive, uncompressed?)") from None


def _resized(header: bytes, size: int) -> bytes:
    """A header block with another size and the checksum that goes with it, counted with eight blanks in its place."""
    plain = header[:124] + b"%011o\0" % size + header[136:148] + b" " * 8 + header[156:]
    return plain[:148] + b"%06o\0 " % sum(plain) + plain[156:]

# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed tar archives as one forward-only stream, decompressed a little ahead in a thread.

gzip, bzip2, xz and lzma are the standard library's, lzip is unwrapped here around its LZMA decoder; only zstd needs a
program. Whatever is wrong with the data raises :class:`Damaged`.
"""

from __future__ import annotations

import bz2
import lzma
import os
import queue
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from abuildpy.regular import regular

_INPUT = 1 << 18
_OUTPUT = 1 << 20  # most that one step may yield, so that a bomb fills no memory
_AHEAD = 4  # blocks decompressed in advance
_LONGEST_HEADER = 1 << 22
"""The headers of one member of a tar archive, all of them: names and extended attributes come to some kilobytes, the map of
a sparse file may have thousands of lines, and more is an attack."""
_TAR_BLOCK = 512
_DIGITS = re.compile(rb"[0-9]{256}")
"""Numbers are shorter, and names have fewer: over so many some versions of ``tarfile`` brood for hours."""


class Damaged(Exception):
    """The archive cannot be what its name says, or is cut short."""


class MissingProgram(Exception):
    """A decompressor that is not installed; the text is its name."""


class Decoder(Protocol):
    """What bz2's and lzma's decoders have in common: at most ``max_length`` bytes come out of one step."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream has come."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out of what was put in."""

    @property
    def unused_data(self) -> bytes:
        """What came after the end of the stream."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes."""


class Deflated:
    """zlib's decoder with the manners of lzma's and bz2's; ``wbits`` says what is around the data, by default gzip's header."""

    def __init__(self, wbits: int = 31) -> None:
        self._zlib = zlib.decompressobj(wbits=wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the end of the stream has come."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What came after that."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next bytes, at most ``max_length`` of them."""
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = len(out) < max_length
        return out


class _Lzip:
    """One lzip member: six bytes of header, raw LZMA with an end marker, CRC-32, size of the data, of the member."""

    _TRAILER = 20

    def __init__(self) -> None:
        self._raw: lzma.LZMADecompressor | None = None
        self._pending = b""
        self._crc = 0
        self._size = 0
        self.eof = False
        self.unused_data = b""

    @property
    def needs_input(self) -> bool:
        return self._raw is None or self._raw.eof or self._raw.needs_input

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = b""
        if self._raw is None:
            self._pending += data
            if len(self._pending) < 6:
                return b""
            self._raw = self._start(self._pending[:6])
            data, self._pending = self._pending[6:], b""
        if self._raw.eof:
            self._pending += data
        else:
            out = self._raw.decompress(data, max_length)
            self._crc = zlib.crc32(out, self._crc)
            self._size += len(out)
            if self._raw.eof:
                self._pending = self._raw.unused_data
        if self._raw.eof and len(self._pending) >= self._TRAILER:
            self._finish()
        return out

    def _start(self, header: bytes) -> lzma.LZMADecompressor:
        if header[:4] != b"LZIP" or header[4] != 1:
            raise Damaged("it is not in lzip format")
        base = 1 << (header[5] & 31)
        size = base - base // 16 * (header[5] >> 5)
        if not 1 << 12 <= size <= 1 << 29:
            raise Damaged("its lzip header is invalid")
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": size, "lc": 3, "lp": 0, "pb": 2}]
        return lzma.LZMADecompressor(format=lzma.FORMAT_RAW, filters=filters)

    def _finish(self) -> None:
        trailer, self.unused_data = self._pending[: self._TRAILER], self._pending[self._TRAILER :]
        if trailer[:12] != self._crc.to_bytes(4, "little") + self._size.to_bytes(8, "little"):
            raise Damaged("its contents do not match its checksum")
        self.eof = True


def open_blocks(archive: Path, compression: str) -> Iterator[bytes]:
    """The decompressed bytes in blocks of at most 1 MiB.

    ``compression`` is one of ``"" gz bz2 lz lzma xz zst``. Raises OSError if the file cannot be read, Damaged while
    iterating.
    """
    if compression == "zst":
        return _program(("zstd", "-dcq"), archive)
    return _file_blocks(archive, compression)


def _file_blocks(archive: Path, compression: str) -> Iterator[bytes]:
    with open(regular(archive), "rb", buffering=0) as file:
        match compression:
            case "":
                yield from iter(lambda: file.read(_OUTPUT), b"")
            case "gz":
                yield from _members(file, Deflated, b"\x1f\x8b")
            case "bz2":
                yield from _members(file, bz2.BZ2Decompressor, b"BZh")
            case "lz":
                yield from _members(file, _Lzip, b"LZIP")
            case _:  # xz, lzma
                yield from _members(file, lzma.LZMADecompressor, b"\xfd7zXZ\x00")


def _members(file: BinaryIO, new: Callable[[], Decoder], magic: bytes) -> Iterator[bytes]:
    """Decode one compressed member after the other. What follows the last one and is none is ignored, as gzip does."""
    data = file.read(_INPUT)
    if not data:
        raise Damaged("it is empty")
    while True:
        decoder = new()
        while not decoder.eof:
            if not data and decoder.needs_input:
                data = file.read(_INPUT)
                if not data:
                    raise Damaged("it ends early")
            try:
                out = decoder.decompress(data, _OUTPUT)
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
                raise Damaged(f"it cannot be decompressed ({error})")
            data = b""
            if out:
                yield out
        data = decoder.unused_data.lstrip(b"\0")
        while len(data) < len(magic) and (more := file.read(_INPUT)):
            data = (data + more).lstrip(b"\0")
        if not data.startswith(magic):
            return


def _program(command: tuple[str, ...], archive: Path) -> Iterator[bytes]:
    import subprocess
    import tempfile

    with open(regular(archive), "rb") as file, tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=complaints)
        except FileNotFoundError:
            raise MissingProgram(command[0])
        with process:
            assert process.stdout is not None  # noqa: S101
            try:
                while out := os.read(process.stdout.fileno(), _OUTPUT):
                    yield out
            except GeneratorExit:
                process.kill()
                raise
        if process.returncode:
            complaints.seek(0)
            text = complaints.read(500).decode(errors="replace").strip()
            raise Damaged(f"it cannot be decompressed ({text or f'{command[0]} failed'})")


class Ahead:
    """Runs an iterator of blocks in a thread, a few blocks in advance. A context manager; iterate once inside."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decompress", daemon=True)

    def __enter__(self) -> Iterator[bytes]:
        self._thread.start()
        return self._received()

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        while self._thread.is_alive():
            try:  # make room, should the thread be waiting for some
                self._queue.get(timeout=0.02)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            for block in self._blocks:
                self._queue.put(block)
                if self._stop.is_set():
                    break
        except BaseException as error:  # handed to the other thread
            last = error
        finally:
            close = getattr(self._blocks, "close", None)
            if close is not None:
                close()
            self._queue.put(last)

    def _received(self) -> Iterator[bytes]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item


class ForwardReader:
    """A file object over blocks that can only move forward: as much of one as ``tarfile`` needs to read headers."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._block = b""
        self._at = 0
        self._position = 0
        self._headers = 0
        self.last = b""
        """What the last ``read`` returned: shows how an archive ended."""

    def read(self, size: int = -1, /) -> bytes:
        """``size`` bytes, fewer at the end only. Damaged if more are asked for than a member's headers may have."""
        self._headers += size
        if size < 0 or self._headers > _LONGEST_HEADER:
            raise Damaged("it has a header of absurd length")
        end = self._at + size
        if end <= len(self._block):
            self.last = self._block[self._at : end]
            self._at = end
            self._position += size
        else:
            self.last = b"".join(self.pieces(size))
        if size > _TAR_BLOCK and _DIGITS.search(self.last):
            raise Damaged("it has a header with a number of absurd length")
        return self.last

    def next_member(self) -> None:
        """What is read from here on are the headers of another member."""
        self._headers = 0

    def tell(self) -> int:
        """Bytes read or skipped so far."""
        return self._position

    def seek(self, position: int, _whence: int = 0, /) -> int:
        """Skip to ``position``; Damaged if that lies behind."""
        if position < self._position:
            raise Damaged("its headers point backwards")
        for _ in self.pieces(position - self._position):
            pass
        return self._position

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next ``size`` bytes, fewer at the end only, in pieces that are not copied."""
        while size > 0:
            if self._at == len(self._block):
                self._block, self._at = next(self._blocks, b""), 0
                if not self._block:
                    return
            piece = memoryview(self._block)[self._at : self._at + size]
            self._at += len(piece)
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def drain(self) -> None:
        """Read to the end, so that a checksum there is checked."""
        for block in self._blocks:
            self._position += len(block)
        self._block, self._at = b"", 0

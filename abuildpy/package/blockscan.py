# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a finished deflate stream one that another can follow.

A deflate stream (RFC 1951) is a row of blocks whose last one has its first bit set. To continue it, that bit is
cleared and an empty stored block brings the end to a byte's boundary, which is what zlib's sync flush does too. Only
a decoder can tell where the last block begins: zlib's ``inflate`` can stop at every block, but Python's ``zlib`` does
not offer that, so the library is called through ctypes (which lets other threads run meanwhile).
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Callable
from typing import Final

_Z_BLOCK: Final = 5
_Z_STREAM_END: Final = 1
_Z_OK: Final = 0

# z_stream.data_type after inflate(): unused bits of the last byte, and two flags.
_UNUSED_BITS: Final = 0x3F
_IN_LAST_BLOCK: Final = 0x40
_AT_BOUNDARY: Final = 0x80

_SPARE: Final = 64 * 1024


class _Stream(ctypes.Structure):
    """``z_stream`` of zlib.h."""

    _fields_ = (
        ("next_in", ctypes.c_void_p),
        ("avail_in", ctypes.c_uint),
        ("total_in", ctypes.c_ulong),
        ("next_out", ctypes.c_void_p),
        ("avail_out", ctypes.c_uint),
        ("total_out", ctypes.c_ulong),
        ("msg", ctypes.c_char_p),
        ("state", ctypes.c_void_p),
        ("zalloc", ctypes.c_void_p),
        ("zfree", ctypes.c_void_p),
        ("opaque", ctypes.c_void_p),
        ("data_type", ctypes.c_int),
        ("adler", ctypes.c_ulong),
        ("reserved", ctypes.c_ulong),
    )


Scanner = Callable[[bytes, int], tuple[int, int]]
"""Takes a raw deflate stream and the size of its content; returns the bits where its last block begins and ends."""


def load() -> Scanner | None:
    """Return a scanner, or None where no zlib can be called that does what is needed."""
    library = _library()
    if library is None:
        return None

    def scan(stream: bytes, size: int) -> tuple[int, int]:
        return _last_block(library, stream, size)

    # Try it once: a stream of two blocks, the last one (bits 40 to 49) empty with fixed codes.
    try:
        works = scan(b"\x00\x00\x00\xff\xff\x03\x00", 0) == (40, 50)
    except (ValueError, AttributeError):
        return None
    return scan if works else None


def continued(stream: bytes, size: int, scan: Scanner) -> bytes:
    """Return ``stream``, which decompresses to ``size`` bytes, without an end and filled up to a whole byte."""
    start, end = scan(stream, size)
    data = bytearray(stream[: (end + 7) // 8])
    data[start // 8] &= ~(1 << start % 8)
    # An empty stored block: three zero bits, zeros up to the byte's end, then its length 0 and the complement of that.
    data.extend(bytes((end + 3 + 7) // 8 - len(data)))
    data += b"\x00\x00\xff\xff"
    return bytes(data)


def _library() -> ctypes.CDLL | None:
    """The zlib that Python itself uses, wherever it is linked to it, or the system's."""
    for name in (getattr(zlib, "__file__", None), None, "libz.so.1"):
        try:
            library = ctypes.CDLL(name)
            library.inflateInit2_.argtypes = (
                ctypes.POINTER(_Stream),
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_int,
            )
            library.inflate.argtypes = (ctypes.POINTER(_Stream), ctypes.c_int)
            library.inflateEnd.argtypes = (ctypes.POINTER(_Stream),)
        except (OSError, AttributeError):
            continue
        return library
    return None


def _last_block(library: ctypes.CDLL, data: bytes, size: int) -> tuple[int, int]:
    stream = _Stream()
    # The spare room lets the decoder reach the end without ever being asked for more output.
    target = ctypes.create_string_buffer(size + _SPARE)
    if library.inflateInit2_(stream, -15, zlib.ZLIB_RUNTIME_VERSION.encode(), ctypes.sizeof(stream)) != _Z_OK:
        raise ValueError("zlib refuses to decompress")
    try:
        stream.next_in = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)
        stream.avail_in = len(data)
        stream.next_out = ctypes.addressof(target)
        stream.avail_out = len(target)
        start = end = 0
        while True:
            result = library.inflate(stream, _Z_BLOCK)
            if stream.data_type & _AT_BOUNDARY:
                bit = stream.total_in * 8 - (stream.data_type & _UNUSED_BITS)
                if stream.data_type & _IN_LAST_BLOCK:
                    end = bit
                else:
                    start = bit
            if result == _Z_STREAM_END:
                return start, end
            if result != _Z_OK:
                raise ValueError("not a deflate stream")
    finally:
        library.inflateEnd(stream)

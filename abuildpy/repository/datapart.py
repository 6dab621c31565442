# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the data part of a package as a stream: nothing is unpacked, and nothing is believed.

A package may come from anywhere. So there are limits to how much it may unpack to, how many files it may have, and how large
the headers are that are held in memory; real packages are far below them.
"""

from __future__ import annotations

import gzip
import struct
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast

from abuildpy.errors import RepositoryError
from abuildpy.repository.apkfile import ApkFile, open_regular

_PIECE: Final = 1 << 20
_MOST_FILES: Final = 1_000_000
_ALWAYS: Final = 1 << 30
"""So many bytes may come out of any package; beyond that no more than this many times its size."""
_MOST_TIMES: Final = 100
_ANY: Final = 1 << 62
_LARGEST_HEADER: Final = 1 << 20
"""Of an extended header, which is held in memory: a kilobyte of package can hold a megabyte of it."""
_EXTENDED: Final = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, *tarfile.GNU_TYPES)


@contextmanager
def reading(apk: ApkFile, *, bounded: bool = True) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]]:
    """Gives each member of the data part, in order, with its content to read if it is a regular file.

    Raises RepositoryError, naming the file, for a part that is damaged or absurdly large; unless it is ``bounded`` it may
    unpack to anything, which costs whoever keeps nothing of it only time.
    """
    try:
        with open_regular(apk.path) as file:
            file.seek(apk.data_offset)
            with gzip.GzipFile(fileobj=file) as unpacked:
                limited = _Limited(unpacked, max(_ALWAYS, _MOST_TIMES * apk.size) if bounded else _ANY)
                with tarfile.open(
                    fileobj=cast(IO[bytes], limited),
                    mode="r|",
                    bufsize=_PIECE,
                    tarinfo=_Member,
                    encoding="utf-8",
                    errors="surrogateescape",
                ) as tar:
                    yield _each(tar)
    except _TooMuchError as error:
        raise RepositoryError(
            f"{apk.path} is refused: {error}", hint="real packages are far from that: do not install it"
        ) from None
    except (
        tarfile.TarError,
        EOFError,
        zlib.error,
        gzip.BadGzipFile,
        ValueError,
        OverflowError,
        RecursionError,
        struct.error,
    ) as error:
        raise RepositoryError(
            f"{apk.path}: its data part is damaged ({error})", hint="build it or fetch it again"
        ) from error
    except OSError as error:
        raise RepositoryError(f"cannot read {apk.path}: {error.strerror or error}") from error


def _each(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    count = 0
    while (member := tar.next()) is not None:
        vars(tar)["members"].clear()  # it would keep them all
        count += 1
        if count > _MOST_FILES:
            raise _TooMuchError(f"it has more than {_MOST_FILES:,} files")
        if member.issparse():  # a few bytes can stand for terabytes; abuild never makes them
            raise tarfile.ReadError(f"{member.name} is a sparse file")
        yield member, tar.extractfile(member) if member.isreg() else None


class _TooMuchError(Exception):
    """A package is larger inside than any real one."""


class _Limited:
    """A stream that refuses to give more than so many bytes."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream = stream
        self._most = self._left = most

    def read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self._left -= len(data)
        if self._left < 0:
            raise _TooMuchError(f"it unpacks to more than {self._most:,} bytes")
        return data


class _Member(tarfile.TarInfo):
    """A header that does not announce an extended one of absurd size, which would be read into memory whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        """The header in a block. Raises ReadError."""
        member = super().frombuf(buf, encoding, errors)
        if member.size > _LARGEST_HEADER and member.type in _EXTENDED:
            raise tarfile.ReadError("an extended header is absurdly large")
        return member

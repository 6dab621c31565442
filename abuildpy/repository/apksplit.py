# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes an ``.apk`` (version 2) apart into its gzip members, to the byte as they are stored."""

from __future__ import annotations

import contextlib
import os
import zlib
from pathlib import Path
from typing import IO, BinaryIO, Final

from abuildpy.errors import RepositoryError

SIGNATURES, CONTROL, DATA = "signatures.tar.gz", "control.tar.gz", "data.tar.gz"

_BLOCK: Final = 512
_READ: Final = 256 << 10
_DEEPEST: Final = 64 << 10
"""A member's name is looked for this far behind an extended header."""


class NoControlPart(RepositoryError):
    """A member that could only be the control part is none."""

    exit_status = 2


def split_apk(source: BinaryIO, folder: Path) -> None:
    """Writes ``signatures.tar.gz``, ``control.tar.gz`` and ``data.tar.gz``, those there are, into ``folder``.

    All signatures go into the one file. A member's kind follows from the name of its first file: ``.SIGN.…``,
    ``.PKGINFO``, anything else once for data. The files appear when all of the
    package was good; others of these names are left alone. Raises RepositoryError, and NoControlPart for a second data
    part; OSError.
    """
    with contextlib.ExitStack() as cleanup:
        parts: dict[str, IO[bytes]] = {}
        buffer = source.read(_READ)
        if not buffer:
            raise _damaged("it is empty")
        while buffer:
            buffer = _member(source, buffer, _Sorter(folder, parts, cleanup))
        for name, part in parts.items():
            part.close()
            os.rename(part.name, folder / name)


class _Sorter:
    """Receives one member, raw and unpacked, and finds the file that it belongs to as soon as its first header is there."""

    def __init__(self, folder: Path, parts: dict[str, IO[bytes]], cleanup: contextlib.ExitStack) -> None:
        self._folder, self._parts, self._cleanup = folder, parts, cleanup
        self._header = b""
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None

    def take(self, raw: bytes, content: bytes) -> None:
        if self._file is not None:
            self._file.write(raw)
            return
        self._held.append(raw)
        self._header += content[: _DEEPEST - len(self._header)]
        if len(self._header) >= _until_name(self._header):
            self.finish()

    def finish(self) -> None:
        """The member's kind has to be decided now."""
        if self._file is None:
            self._file = self._open(self._kind())
            self._file.write(b"".join(self._held))

    def _kind(self) -> str:
        header = self._header[_until_name(self._header) - _BLOCK :]
        name = header[:100].split(b"\0", 1)[0].rpartition(b"/")[2]
        if name.startswith(b".SIGN."):
            return SIGNATURES
        kind = CONTROL if name.startswith(b".PKGINFO") else DATA
        if kind in self._parts:
            raise NoControlPart("Failed to find .PKGINFO section", hint=f"the package has two parts for {kind}")
        return kind

    def _open(self, name: str) -> IO[bytes]:
        if name not in self._parts:
            path = self._folder / f".{name}.{os.getpid()}.part"
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o777)
            self._cleanup.callback(path.unlink, missing_ok=True)
            self._parts[name] = self._cleanup.enter_context(_named(descriptor, path))
        return self._parts[name]


def _until_name(header: bytes) -> int:
    """How many bytes of a tar there must be to know its first member's name, as far as these bytes tell."""
    if header[156:157] != b"x":
        return _BLOCK
    try:
        size = int(header[124:136].strip(b" \0") or b"0", 8)
    except ValueError:
        return _BLOCK
    after = 2 * _BLOCK + size + -size % _BLOCK
    return after if after <= _DEEPEST else _BLOCK


def _named(descriptor: int, path: Path) -> IO[bytes]:
    return open(path, "wb", opener=lambda _path, _flags: descriptor)


def _member(source: BinaryIO, buffer: bytes, sorter: _Sorter) -> bytes:
    """Reads one gzip member that begins with ``buffer``; returns what was read beyond it."""
    inflater = zlib.decompressobj(wbits=31)
    while True:
        try:
            content = inflater.decompress(buffer, _READ)
            while inflater.unconsumed_tail and not inflater.eof:
                # Only the beginning is looked at, but all is unpacked: it tells where the member ends, and that it is good.
                sorter.take(b"", content)
                content = inflater.decompress(inflater.unconsumed_tail, _READ)
        except zlib.error as error:
            raise _damaged(str(error)) from None
        rest = inflater.unused_data
        sorter.take(buffer[: len(buffer) - len(rest)], content)
        if inflater.eof:
            sorter.finish()
            return rest or source.read(_READ)
        buffer = source.read(_READ)
        if not buffer:
            raise _damaged("it ends too early")


def _damaged(what: str) -> RepositoryError:
    return RepositoryError(f"Failed to inflate input: {what}", hint="is it a whole .apk file?")

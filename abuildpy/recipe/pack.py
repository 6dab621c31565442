# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluations of a whole repository folder in one file, laid out so that thousands are back in milliseconds.

A pack is valid for one state of what all its recipes share: the shell library, and the values of all variables of the
configuration and the environment that any of its recipes names (``shelf.py``). Each record belongs to one content of
one recipe: it is taken if the file's size, inode, time of change and of modification are what they were, and were not
too young to be trusted then; else if its bytes have the same digest.

Layout, numbers in this machine's order: magic, the lengths of eight sections, their checksum, the sections, the rest.
Texts are joined by NUL, which no variable can hold. The columns of :data:`HOT` are one section, as nearly every reader
wants some of them for all recipes; all other variables are one text a recipe, read when they are asked for.
"""

from __future__ import annotations

import os
from array import array
from zlib import crc32

from abuildpy.errors import RecipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC = b"abuildpy pack 2\n"
_NUMBERS = 9
_PIECE = 1 << 20
HEAD = len(MAGIC) + 8 * _NUMBERS

HOT = (
    "pkgname pkgver pkgrel pkgdesc url arch license options depends makedepends makedepends_build makedepends_host "
    "checkdepends subpackages linguas source provides replaces install_if install pkgusers pkggroups triggers pkgarch repo"
).split()
"""Variables that are at hand for all recipes at once."""
WIDTH = len(HOT)
COLUMN = {name: at for at, name in enumerate(HOT)}
AS_BEFORE = "\x01"
UNSET = "\x02"
FAILED = "\x03"

Signature = tuple[int, int, int, int]
"""Size, inode, modification time and change time (nanoseconds) of a file; all zero where it was too young to trust."""
Watched = tuple[tuple[str, Signature], ...]
"""Other files (absolute paths) that an evaluation depends on."""


class Kept:
    """What a recipe changed, out of a pack."""

    __slots__ = ("_all", "_at", "_pack", "failed")

    def __init__(self, pack: Pack, at: int) -> None:
        self._pack = pack
        self._at = at
        self.failed = pack.hot[at * WIDTH] == FAILED
        """Whether the recipe could not be evaluated."""
        self._all: tuple[frozenset[str], dict[str, str | None]] | None = None

    def get(self, name: str) -> tuple[bool, str | None]:
        """Whether the recipe changed a variable, and to what."""
        column = COLUMN.get(name)
        if column is None:
            changes = self._read()[1]
            return (True, changes[name]) if name in changes else (False, None)
        value = self._pack.hot[self._at * WIDTH + column]
        if value == AS_BEFORE:
            return False, None
        return True, None if value == UNSET else value

    @property
    def functions(self) -> frozenset[str]:
        """Functions that the recipe defines."""
        return self._read()[0]

    @property
    def error(self) -> RecipeError | None:
        """Why the recipe could not be evaluated; None where it could."""
        if not self.failed:
            return None
        message, _, hint = self._pack.rest(self._at).decode("utf-8", "surrogateescape").partition("\0")
        return RecipeError(message, hint=hint or None)

    def changes(self) -> dict[str, str | None]:
        """All variables that the recipe changed; None where it unset one."""
        start = self._at * WIDTH
        found = {
            name: None if value == UNSET else value
            for name, value in zip(HOT, self._pack.hot[start : start + WIDTH], strict=True)
            if value != AS_BEFORE
        }
        return {**found, **self._read()[1]}

    def _read(self) -> tuple[frozenset[str], dict[str, str | None]]:
        if self._all is None:
            functions, *pairs = self._pack.rest(self._at).decode("utf-8", "surrogateescape").split("\0")
            changes: dict[str, str | None] = {}
            for pair in pairs:
                name, equals, value = pair.partition("=")
                changes[name] = value if equals else None
            self._all = frozenset(functions.split()), changes
        return self._all


class Pack:
    """A pack that was read. ``key`` and ``names`` say what it is valid for; the rest goes by record number."""

    def __init__(self, file: int) -> None:
        """Reads from an open descriptor, which is its own from now on. Raises ValueError if that is no whole pack, OSError."""
        self._file = file
        head = os.pread(file, HEAD, 0)
        if len(head) != HEAD or not head.startswith(MAGIC):
            raise ValueError("no pack")
        sizes = array("q", head[len(MAGIC) :])
        key, names, members, signatures, digests, watched, hot, offsets, checksum = sizes
        if min(sizes[:-1]) < 0 or sum(sizes[:-1]) > os.fstat(file).st_size or offsets % 8:
            raise ValueError("no whole pack")
        body = os.pread(file, sum(sizes[:-1]), HEAD)
        self._offsets = array("q", body[len(body) - offsets :])
        self._rest_at = HEAD + len(body)
        if (
            len(body) != sum(sizes[:-1])
            or not self._offsets
            or checksum_of(sizes[:-1], body, self._pieces()) != checksum
        ):
            raise ValueError("no whole pack")
        at = 0

        def take(size: int) -> bytes:
            nonlocal at
            at += size
            return body[at - size : at]

        self.key = take(key)
        self.asked = take(names)
        self.names = _split(take(members))
        self.signatures = array("q", take(signatures))
        self._digests = take(digests)
        self.watched = _watched(_split(take(watched)))
        self.hot = _split(take(hot))

    def _pieces(self) -> Iterator[bytes]:
        """What follows the sections, piece by piece."""
        at, end = self._rest_at, self._rest_at + self._offsets[-1]
        while at < end:
            piece = os.pread(self._file, min(_PIECE, end - at), at)
            if not piece:
                return
            yield piece
            at += len(piece)

    def __del__(self) -> None:
        os.close(self._file)

    def digest(self, at: int) -> bytes:
        """Of the bytes of the recipe with that number."""
        return self._digests[16 * at : 16 * at + 16]

    def rest(self, at: int) -> bytes:
        """Functions and variables that are no columns. Raises OSError."""
        start, end = self._offsets[at : at + 2]
        return os.pread(self._file, end - start, self._rest_at + start)

    def all_rest(self) -> list[bytes]:
        """What :meth:`rest` gives, for all recipes. Raises OSError."""
        blob = os.pread(self._file, self._offsets[-1], self._rest_at)
        return [blob[start:end] for start, end in zip(self._offsets, self._offsets[1:], strict=False)]


def checksum_of(sizes: array[int], body: bytes, pieces: Iterable[bytes]) -> int:
    """Of the sections' sizes, the sections, and what follows them."""
    found = crc32(body, crc32(sizes.tobytes()))
    for piece in pieces:
        found = crc32(piece, found)
    return found


def _split(section: bytes) -> list[str]:
    return section.decode("utf-8", "surrogateescape").split("\0") if section else []


def _watched(lines: list[str]) -> dict[int, Watched]:
    found: dict[int, list[tuple[str, Signature]]] = {}
    for line in lines:
        at, size, inode, modified, changed, path = line.split(" ", 5)
        found.setdefault(int(at), []).append((path, (int(size), int(inode), int(modified), int(changed))))
    return {at: tuple(files) for at, files in found.items()}

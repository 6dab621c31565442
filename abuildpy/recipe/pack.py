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
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from abuildpy.errors import RecipeError

_MAGIC = b"abuildpy pack 1\n"
_NUMBERS = 9
_HEAD = len(_MAGIC) + 8 * _NUMBERS

HOT = (
    "pkgname pkgver pkgrel pkgdesc url arch license options depends makedepends makedepends_build makedepends_host "
    "checkdepends subpackages linguas source provides replaces install_if install pkgusers pkggroups triggers pkgarch repo"
).split()
"""Variables that are at hand for all recipes at once."""
_WIDTH = len(HOT)
_COLUMN = {name: at for at, name in enumerate(HOT)}
_AS_BEFORE = "\x01"
_UNSET = "\x02"
_FAILED = "\x03"

Signature = tuple[int, int, int, int]
"""Size, inode, modification time and change time (nanoseconds) of a file; all zero where it was too young to trust."""
Watched = tuple[tuple[str, Signature], ...]
"""Other files (absolute paths) that an evaluation depends on."""


class Record(NamedTuple):
    """One recipe's evaluation, ready to be kept."""

    name: str
    """Path of the recipe below the repository folder."""
    signature: Signature
    digest: bytes
    """Of its bytes, 16 bytes."""
    hot: Sequence[str]
    rest: bytes
    watched: Watched = ()


class Kept:
    """What a recipe changed, out of a pack."""

    __slots__ = ("_all", "_at", "_pack", "failed")

    def __init__(self, pack: Pack, at: int) -> None:
        self._pack = pack
        self._at = at
        self.failed = pack.hot[at * _WIDTH] == _FAILED
        """Whether the recipe could not be evaluated."""
        self._all: tuple[frozenset[str], dict[str, str | None]] | None = None

    def get(self, name: str) -> tuple[bool, str | None]:
        """Whether the recipe changed a variable, and to what."""
        column = _COLUMN.get(name)
        if column is None:
            changes = self._read()[1]
            return (True, changes[name]) if name in changes else (False, None)
        value = self._pack.hot[self._at * _WIDTH + column]
        if value == _AS_BEFORE:
            return False, None
        return True, None if value == _UNSET else value

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
        start = self._at * _WIDTH
        found = {
            name: None if value == _UNSET else value
            for name, value in zip(HOT, self._pack.hot[start : start + _WIDTH], strict=True)
            if value != _AS_BEFORE
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


def record(
    name: str,
    signature: Signature,
    digest: bytes,
    functions: Iterable[str],
    changes: Mapping[str, str | None],
    watched: Watched = (),
) -> Record:
    """Puts an evaluation into the form that packs have."""
    hot = [_AS_BEFORE] * _WIDTH
    rest = [" ".join(functions)]
    for variable, value in changes.items():
        column = _COLUMN.get(variable)
        if column is not None:
            hot[column] = _UNSET if value is None else value
        else:
            rest.append(variable if value is None else f"{variable}={value}")
    return Record(name, signature, digest, hot, "\0".join(rest).encode("utf-8", "surrogateescape"), watched)


def record_of_failure(name: str, signature: Signature, digest: bytes, error: RecipeError, watched: Watched) -> Record:
    """The same for a recipe that cannot be evaluated."""
    rest = f"{error.message}\0{error.hint or ''}".encode("utf-8", "surrogateescape")
    return Record(name, signature, digest, [_FAILED] + [_AS_BEFORE] * (_WIDTH - 1), rest, watched)


class Pack:
    """A pack that was read. ``key`` and ``names`` say what it is valid for; the rest goes by record number."""

    def __init__(self, file: int) -> None:
        """Reads from an open descriptor, which is its own from now on. Raises ValueError where that holds no whole pack, OSError."""
        self._file = file
        head = os.pread(file, _HEAD, 0)
        if len(head) != _HEAD or not head.startswith(_MAGIC):
            raise ValueError("no pack")
        sizes = array("q", head[len(_MAGIC) :])
        key, names, members, signatures, digests, watched, hot, offsets, checksum = sizes
        body = os.pread(file, sum(sizes[:-1]), _HEAD)
        if len(body) != sum(sizes[:-1]) or crc32(body) != checksum:
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
        self._offsets = array("q", take(offsets))
        self._rest_at = _HEAD + at

    def __del__(self) -> None:
        os.close(self._file)

    def digest(self, at: int) -> bytes:
        """Of the bytes of the recipe with that number."""
        return self._digests[16 * at : 16 * at + 16]

    def rest(self, at: int) -> bytes:
        """Functions and variables that are no columns. Raises OSError."""
        start, end = self._offsets[at : at + 2]
        return os.pread(self._file, end - start, self._rest_at + start)

    def records(self, numbers: Iterable[int], signatures: array[int]) -> list[Record]:
        """Records in the form in which they are written, with newer signatures."""
        end = self._offsets[-1]
        blob = os.pread(self._file, end, self._rest_at)
        return [
            Record(
                self.names[at],
                tuple(signatures[4 * at : 4 * at + 4]),  # type: ignore[arg-type]
                self.digest(at),
                self.hot[_WIDTH * at : _WIDTH * (at + 1)],
                blob[self._offsets[at] : self._offsets[at + 1]],
                self.watched.get(at, ()),
            )
            for at in numbers
        ]


def write_pack(path: str, key: bytes, asked: bytes, records: Sequence[Record]) -> None:
    """Writes a pack beside its name and renames it, so that readers see the old or the new one. Raises OSError."""
    signatures = array("q", [number for each in records for number in each.signature])
    offsets = array("q", [0])
    for each in records:
        offsets.append(offsets[-1] + len(each.rest))
    sections = (
        key,
        asked,
        "\0".join([each.name for each in records]).encode("utf-8", "surrogateescape"),
        signatures.tobytes(),
        b"".join([each.digest for each in records]),
        "\0".join(
            f"{at} {' '.join(map(str, signature))} {path}"
            for at, each in enumerate(records)
            for path, signature in each.watched
        ).encode("utf-8", "surrogateescape"),
        "\0".join([value for each in records for value in each.hot]).encode("utf-8", "surrogateescape"),
        offsets.tobytes(),
    )
    body = b"".join(sections)
    head = array("q", [*map(len, sections), crc32(body)])
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    from abuildpy.atomic import replacing  # not needed where all is known, and dear

    with replacing(path, 0o600) as file:
        file.write(_MAGIC + head.tobytes() + body)
        file.write(b"".join([each.rest for each in records]))


def _split(section: bytes) -> list[str]:
    return section.decode("utf-8", "surrogateescape").split("\0") if section else []


def _watched(lines: list[str]) -> dict[int, Watched]:
    found: dict[int, list[tuple[str, Signature]]] = {}
    for line in lines:
        at, size, inode, modified, changed, path = line.split(" ", 5)
        found.setdefault(int(at), []).append((path, (int(size), int(inode), int(modified), int(changed))))
    return {at: tuple(files) for at, files in found.items()}

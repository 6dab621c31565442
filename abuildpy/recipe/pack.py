# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluations of a whole repository folder in one file, laid out so that thousands are back in milliseconds.

A pack is valid for one state of what all its recipes share: the shell library, and the values of all variables of the
configuration and the environment that any of its recipes names (``shelf.py``). Each record belongs to one content of
one recipe: it is taken if the file's size, inode, time of change and of modification are what they were, and were not
too young to be trusted then; else if its bytes have the same digest.

Layout, numbers in this machine's order: magic, the lengths of ten sections, their checksum, the sections, the rest, of
which each recipe's part has a checksum of its own.
Texts are joined by NUL, which no variable can hold. The columns of :data:`HOT` are one section, column by column, as nearly
every reader wants some of them for all recipes; all other variables are one text a recipe, read when they are asked for. What the
shell library makes of a usual recipe stands there once, for all (see :data:`USUAL`).
"""

from __future__ import annotations

import os
import sys
from zlib import crc32

from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import Variables
from abuildpy.recipe.signatures import Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAGIC = b"abuildpy pack 7\n"
_NUMBERS = 11
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
USUAL = "\x04"
"""Stands after the functions of a recipe for which the shell library did nothing but the usual: its variables are the pack's
``derived``, where marks stand for what is this recipe's own, besides those that it has itself."""
SIGNS = AS_BEFORE + UNSET + FAILED + USUAL
_SIGNS = tuple(sign.encode() for sign in SIGNS)
MARK_STARTDIR, MARK_PKGNAME, MARK_PKGVER, MARK_SUBPACKAGES = (f"\x02{letter}" for letter in "dnvs")

Watched = tuple[tuple[str, Signature], ...]
"""Other files (absolute paths) that an evaluation depends on."""


def has_sign(text: bytes) -> bool:
    """Whether the text has a sign in it that stands for something else in packs."""
    return any(sign in text for sign in _SIGNS)


class _Packed(Variables):
    """Variables of which the hot ones are at hand, and all others in a text that is read when it is first asked for."""

    __slots__ = ("_others",)

    def _read(self) -> tuple[frozenset[str], dict[str, str | None]]:
        raise NotImplementedError

    def _other(self, name: str, default: str) -> str:
        """A variable that is not hot; ``default`` where it is unset."""
        changes = self._read()[1]
        value = changes[name] if name in changes else self._before.get(name)
        return default if value is None else value

    def _with_others(self, hot: Iterable[tuple[str, str]]) -> dict[str, str | None]:
        """All variables that the recipe changed, out of the hot ones as packs have them."""
        changed = {name: None if value == UNSET else value for name, value in hot if value != AS_BEFORE}
        return {**changed, **self._read()[1]}

    @property
    def functions(self) -> frozenset[str]:
        """Functions that the recipe defines."""
        return self._read()[0]


class Told(_Packed):
    """The variables of one recipe in the form that packs keep."""

    __slots__ = ("_derived", "_path", "hot", "rest")

    def __init__(self, path: str, before: Mapping[str, str], hot: Sequence[str], rest: bytes, derived: str) -> None:
        """``path`` is the APKBUILD, ``hot`` the columns, ``rest`` what is in no column, ``derived`` what usual recipes have."""
        self._path = path
        self._before = before
        self.hot = hot
        self.rest = rest
        self._derived = derived
        self._others: tuple[frozenset[str], dict[str, str | None]] | None = None

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """A variable's value; ``default`` where it is unset."""
        column = COLUMN.get(name)
        if column is None:
            return self._other(name, default)
        found = self.hot[column]
        if found == AS_BEFORE:
            return self._before.get(name, default)
        return default if found == UNSET else found

    def changes(self) -> dict[str, str | None]:
        """All variables that the recipe changed; None where it unset one."""
        return self._with_others(zip(HOT, self.hot, strict=True))

    def _read(self) -> tuple[frozenset[str], dict[str, str | None]]:
        if self._others is None:
            self._others = _read_rest(self.rest, self._derived, self._path, self.get)
        return self._others


class Kept(_Packed):
    """The variables of one recipe out of a pack."""

    __slots__ = ("_at", "_columns", "_shared")

    def __init__(self, shared: Shared, at: int) -> None:
        self._shared = shared
        self._columns = shared.columns
        self._at = at
        self._others: tuple[frozenset[str], dict[str, str | None]] | None = None

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """A variable's value; ``default`` where it is unset."""
        column = self._columns.get(name)
        if column is None:
            if name not in COLUMN:
                return self._other(name, default)
            column = self._shared.column(name)
        found = column[self._at]
        return default if found == UNSET else found

    def changes(self) -> dict[str, str | None]:
        """All variables that the recipe changed; None where it unset one."""
        return self._with_others((name, self._shared.unresolved(name)[self._at]) for name in HOT)

    @property
    def _before(self) -> Mapping[str, str]:  # type: ignore[override]
        return self._shared.before

    def _read(self) -> tuple[frozenset[str], dict[str, str | None]]:
        if self._others is None:
            shared = self._shared
            pack = shared.pack
            path = f"{shared.folder}/{pack.names[self._at]}"
            try:
                self._others = _read_rest(pack.rest(self._at), pack.derived, path, self.get)
            except (OSError, ValueError):
                anew = shared.evaluate(path)
                self._others = anew.functions, {n: v for n, v in anew.changes().items() if n not in COLUMN}
        return self._others


class Shared:
    """What the recipes of one pack share."""

    __slots__ = ("_unresolved", "before", "columns", "evaluate", "folder", "pack")

    def __init__(
        self, pack: Pack, folder: str, before: Mapping[str, str], evaluate: Callable[[str], Variables]
    ) -> None:
        """``folder`` is the repository's, ``before`` are the variables of a shell that has read no recipe yet; ``evaluate``
        evaluates a recipe (path of the APKBUILD) of which the pack has a damaged part.
        """
        self.pack = pack
        self.evaluate = evaluate
        self.folder = folder
        self.before = before
        self.columns: dict[str, list[str]] = {}
        """Those that somebody has asked for."""
        self._unresolved: dict[str, list[str]] = {}

    def column(self, name: str) -> list[str]:
        """One of :data:`HOT`, for all recipes; :data:`UNSET` where it is unset."""
        found = self.columns.get(name)
        if found is None:
            found = self.columns[name] = self.pack.column(name, self.before.get(name, UNSET))
        return found

    def unresolved(self, name: str) -> list[str]:
        """The same, with :data:`AS_BEFORE` for the recipes that left it as it was."""
        found = self._unresolved.get(name)
        if found is None:
            found = self._unresolved[name] = self.pack.column(name)
        return found


def _read_rest(
    own: bytes, derived: str, path: str, get: Callable[[str], str]
) -> tuple[frozenset[str], dict[str, str | None]]:
    functions, *pairs = own.decode("utf-8", "surrogateescape").split("\0")
    changes: dict[str, str | None] = {}
    if functions.endswith(USUAL):
        functions = functions[: -len(USUAL)]
        for mark, value in (
            (MARK_STARTDIR, path.rpartition("/")[0]),
            (MARK_PKGNAME, get("pkgname")),
            (MARK_PKGVER, get("pkgver")),
            (MARK_SUBPACKAGES, get("subpackages")),
        ):
            derived = derived.replace(mark, value)
        for field in derived.split("\0"):
            name, equals, value = field.partition("=")
            if equals:
                changes[name] = value
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if value or name not in changes:  # an empty builddir is as good as none
            changes[name] = value if equals else None
    return frozenset(functions.split()), changes


class Pack:
    """A pack that was read. ``key`` and ``names`` say what it is valid for; the rest goes by record number."""

    def __init__(self, file: int) -> None:
        """Reads from an open descriptor, which is its own from now on. Raises ValueError if that is no whole pack, OSError."""
        self._file = file
        head = os.pread(file, HEAD, 0)
        if len(head) != HEAD or not head.startswith(MAGIC):
            raise ValueError("no pack")
        sizes = _numbers(head[len(MAGIC) :])
        key, names, members, signatures, digests, watched, listing, derived, hot, offsets, checksum = sizes
        if min(sizes[:-1]) < 0 or sum(sizes[:-1]) > os.fstat(file).st_size or offsets % 8:
            raise ValueError("no whole pack")
        body = os.pread(file, sum(sizes[:-1]), HEAD)
        self._rest_at = HEAD + len(body)
        view = memoryview(body)
        if len(body) != sum(sizes[:-1]) or checksum_of(head[len(MAGIC) : -8], body) != checksum:
            raise ValueError("no whole pack")
        # Where each part of the rest begins, and its checksum; at last the end.
        self._parts = view[len(body) - offsets :].cast("q")
        if not self._parts or self._rest_at + self._parts[-1] > os.fstat(file).st_size:
            raise ValueError("no whole pack")
        at = 0

        def take(size: int) -> bytes:
            nonlocal at
            at += size
            return bytes(view[at - size : at])

        self.key = take(key)
        self.asked = take(names)
        self.names = _split(take(members))
        self.signatures: Sequence[int] = _numbers(take(signatures))
        self._digests = take(digests)
        self.watched = _watched(_split(take(watched)))
        state, *self.others = _split(take(listing)) or [""]
        """Recipes that are below the folder, or could be, and are not in the pack."""
        self.folder = tuple(map(int, state.split()))
        """The signature of the repository folder, while which is the same no recipe has come to it."""
        self.derived = take(derived).decode("utf-8", "surrogateescape")
        """What usual recipes have, see :data:`USUAL`."""
        self._hot = view[at : at + hot]
        first = self._text(HOT[0])
        numbers = enumerate(first.split("\0")) if FAILED in first else ()
        self.failed = frozenset(at for at, value in numbers if value == FAILED)
        """Numbers of the recipes that could not be evaluated."""

    def __del__(self) -> None:
        os.close(self._file)

    def column(self, name: str, before: str = AS_BEFORE) -> list[str]:
        """One of :data:`HOT`, for all recipes, with ``before`` for those that left it as it was."""
        text = self._text(name)
        return text.replace(AS_BEFORE, before).split("\0") if self.names else []  # no value has a sign in it

    def _text(self, name: str) -> str:
        number = COLUMN[name]
        lengths = _numbers(self._hot[: 8 * WIDTH])
        start = 8 * WIDTH + sum(lengths[:number])
        return str(self._hot[start : start + lengths[number]], "utf-8", "surrogateescape")

    def digest(self, at: int) -> bytes:
        """Of the bytes of the recipe with that number."""
        return self._digests[16 * at : 16 * at + 16]

    def rest(self, at: int) -> bytes:
        """Functions and variables that are no columns. Raises OSError, ValueError if they are damaged."""
        start, checksum, end = self._parts[2 * at : 2 * at + 3]
        found = os.pread(self._file, end - start, self._rest_at + start)
        if crc32(found) != checksum:
            raise ValueError("damaged")
        return found

    def error(self, at: int) -> RecipeError:
        """Why a recipe could not be evaluated that is one of :attr:`failed`. Raises OSError, ValueError as :meth:`rest`."""
        message, _, hint = self.rest(at).decode("utf-8", "surrogateescape").partition("\0")
        return RecipeError(message, hint=hint or None)


def checksum_of(sizes: bytes, body: bytes) -> int:
    """Of the sections' sizes and the sections."""
    return crc32(body, crc32(sizes))


def _numbers(raw: bytes | memoryview) -> list[int]:
    # The module array would do it without a list, but loading it takes longer than all of this.
    return memoryview(raw).cast("q").tolist()


def _split(section: bytes) -> list[str]:
    return section.decode("utf-8", "surrogateescape").split("\0") if section else []


def hot_section(rows: Iterable[Sequence[str]]) -> bytes:
    """The section of the columns, out of them recipe by recipe."""
    columns = ["\0".join(column).encode("utf-8", "surrogateescape") for column in zip(*rows, strict=True)] or [
        b""
    ] * WIDTH
    return b"".join((*(len(column).to_bytes(8, sys.byteorder) for column in columns), *columns))


def _watched(lines: list[str]) -> dict[int, Watched]:
    found: dict[int, list[tuple[str, Signature]]] = {}
    for line in lines:
        at, size, inode, modified, changed, path = line.split(" ", 5)
        found.setdefault(int(at), []).append((path, (int(size), int(inode), int(modified), int(changed))))
    return {at: tuple(files) for at, files in found.items()}

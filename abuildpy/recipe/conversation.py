# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to a shell that reads many recipes, and how its answers are told apart (see pool.sh).

The shell gets *units* of work. A unit is one recipe in a subshell of its own, traced; or a group of plain recipes
(``plain.py``) that share a subshell, which is put back after each as it was before, because a subshell costs more than
the reading of a recipe. On descriptor 8 come NUL-ended fields. Of a recipe alone: variables, functions. Of each recipe of a
group, in the form that packs keep (``pack.py``), so that next to nothing is left to do for us: the values of the hot
variables, a word that no recipe can know, ``NAME=VALUE`` of what else it may have changed (``NAME`` if it is unset), and the
word again; of a whole group at last all variables, which must be as they were before. At a unit's end comes ``=WORD
STATUS``. On standard error that word tells the end of a unit, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from abuildpy.config import PACKAGE_DIR, RUNTIME_DIR
from abuildpy.recipe.library import PASSING, library_functions
from abuildpy.recipe.pack import (
    AS_BEFORE,
    FAILED,
    HOT,
    MARK_PKGNAME,
    MARK_PKGVER,
    MARK_STARTDIR,
    MARK_SUBPACKAGES,
    has_sign,
)
from abuildpy.recipe.plain import Plain
from abuildpy.shell import parse_exported, parse_variables

_MARK = b'. "$APKBUILD"\n'
_LINE = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*='[^'\n]*'")
_SET = re.compile(rb"(?:^\t*(?:export )?|[ ]|\$\{(?=\w+:=))([A-Za-z_][A-Za-z0-9_]*):?=", re.MULTILINE)
_HOT = frozenset(name.encode() for name in HOT)
_DERIVING = b"# What follows is known beforehand"
_IN_DERIVING = frozenset({b"DEFAULT_DBG", b"DEBUG", b"sha256sums", b"subpkgname"})
"""What makes more than the usual of a recipe, if it is not empty."""
_CHANGED_FOR_DBG = frozenset({b"CFLAGS", b"CXXFLAGS", b"DFLAGS"})
_USUAL = frozenset({b"sha512sums"})
"""What so many recipes set that it is told with the rest of what all have."""
_PLACE = (b"APKBUILD", b"PWD")
_END = FAILED.encode()
"""Ends everything that is told of a plain recipe, as its texts have none of the packs' signs in them."""


@dataclass(frozen=True, slots=True)
class Base:
    """How a shell is before it reads any recipe."""

    variables: Mapping[str, str]
    exported: frozenset[str]
    lines: Mapping[bytes, str]
    """The lines that say so, and of what variable."""
    passing: frozenset[str]
    """Variables that mean nothing to a recipe."""


def _assigned(script: bytes) -> frozenset[bytes]:
    return frozenset(_SET.findall(script))


def read_base(variables: bytes, exported: bytes) -> Base:
    """The first two fields that a shell sends."""
    values = parse_variables(variables)
    passing = PASSING.union(name for name in (*values, "_ab_word", "_ab_trace") if name.startswith("_ab_"))
    lines = {line: line.partition(b"=")[0].decode() for line in variables.split(b"\n") if _LINE.fullmatch(line)}
    return Base(values, frozenset(parse_exported(exported)), lines, passing)


class Scripts:
    """Writes what a shell is to do."""

    def __init__(self, base: Base) -> None:
        self._base = base
        with open(f"{RUNTIME_DIR}/recipe.sh", "rb") as file:
            library = file.read()
        before, _, after = library.partition(_MARK)
        self._before = before[: before.rindex(b"\n", 0, -1) + 1]  # without the line that starts tracing
        self._after = after[after.index(b"\n") + 1 :]  # and the one that ends it
        self._deciding, line, self._deriving = self._after.partition(_DERIVING)
        self._deriving = line + self._deriving
        first, last = _assigned(self._before), _assigned(self._deriving)
        self._set_by_library = first | last | _assigned(self._deciding)
        self._functions = library_functions()
        self._always = self._set_by_library | _HOT | _USUAL
        self._usually = first | _HOT | _USUAL
        # A value of the environment that looks like one of a pack's signs could not be told from it.
        self._told_apart = not any(map(has_sign, map(os.fsencode, base.variables.values())))
        values = {name.encode(): os.fsencode(value) for name, value in base.variables.items()}
        unset = {name for name in self._set_by_library if name not in values}
        self._as_before = frozenset(b"%b=%b" % pair for pair in values.items()) | unset
        self._clean = b""
        self._unusual = (first | last | _IN_DERIVING) - _HOT - _USUAL - {b"builddir"} - _CHANGED_FOR_DBG
        self._ask_for_more = any(values.get(name) for name in _IN_DERIVING)
        self.derived: str | None = None
        """What usual recipes have, as packs keep it; None before the shell told it."""

    def prelude(self) -> bytes:
        """Defines what groups need, and has the shell tell what usual recipes have."""
        hot = [b"${%b-%b}" % (name.encode(), AS_BEFORE.encode()) for name in HOT]
        often = b"".join(b"${%b+%b=$%b%b}" % (name, name, name, _END) for name in sorted(_USUAL))
        others = [_pair(name) for name in (*sorted(self._set_by_library - _HOT), *_PLACE)]
        start = b"() {\nAPKBUILD=$1\n%b%b" % (self._before, _MARK)
        print_fields = b'printf %%s "%b"\n'
        marks = {
            b"pkgname": MARK_PKGNAME,
            b"pkgver": MARK_PKGVER,
            b"subpackages": MARK_SUBPACKAGES,
            b"APKBUILD": f"{MARK_STARTDIR}/APKBUILD",
        }
        without_cd = self._before.replace(b'cd "$startdir"\n', b"")
        return b"".join(
            (
                b"_ab_plain",
                start,
                self._after,
                print_fields % _END.join((*hot, b"$2", *others, often)),
                self._put_back(sorted(self._always)),
                b"}\n_ab_usual",
                start,
                self._deciding,
                print_fields % _END.join((*hot, b"$2", often)),
                self._put_back(sorted(self._usually)),
                b"}\n(\nset -e\n",
                *(b"%b='%b'\n" % (name, mark.encode()) for name, mark in marks.items()),
                without_cd,
                self._deriving,
                b"PWD=$startdir\n",
                print_fields % _END.join(others),
                b")>&8\nprintf '\\0' >&8\n",
            )
        )

    def learn(self, derived: bytes) -> None:
        """Takes what the shell told after the prelude."""
        fields = [each for each in derived.split(_END) if each not in self._as_before]
        self.derived = b"\0".join(fields).decode("utf-8", "surrogateescape")

    def is_usual(self, plain: Plain) -> bool:
        """Whether what the library makes of a recipe is what it makes of any."""
        return not (plain.debug or self._ask_for_more) and self._unusual.isdisjoint(plain.assigned)

    def fits(self, plain: Plain) -> bool:
        """Whether a plain recipe leaves all functions of the library alone."""
        return self._told_apart and self._functions.isdisjoint(plain.functions)

    def group(self, token: bytes, recipes: Iterable[tuple[str, Plain]]) -> bytes:
        """A unit that reads plain recipes (path of the APKBUILD, what it leaves behind), one after the other."""
        parts = [b"(\nset -e\n"]
        for path, plain in recipes:
            usual = self.is_usual(plain)
            own = plain.assigned - (self._usually if usual else self._always)
            parts += b"_ab_usual " if usual else b"_ab_plain ", _quoted(path), b" ", token
            parts += b'\nprintf %s "', *(_pair(name) + _END for name in own), token, _END, b'"\n'
            if own:
                parts.append(self._put_back(own))
            if plain.functions:
                parts += b"unset -f ", b" ".join(plain.functions), b"\n"
        parts += b"cd /\nunset -v APKBUILD OLDPWD\nset\n) </dev/null >&8\n", _end(token)
        return b"".join(parts)

    def told(self, data: bytes, token: bytes) -> tuple[list[tuple[bytes, bytes]], frozenset[bytes]]:
        """What was told of the recipes of a group: for each that was told whole, the hot variables and the others as packs
        keep them. And the names of variables that were not as before at the end, which should be none.
        """
        parts = data.split(token + _END)
        listing = parts.pop()
        known = self._as_before
        records = [
            (hot[:-1].replace(_END, b"\0"), b"\0".join([each for each in rest[:-1].split(_END) if each not in known]))
            for hot, rest in zip(parts[::2], parts[1::2], strict=False)
        ]
        if listing == self._clean:
            return records, frozenset()
        left = frozenset(name.encode() for name in changes(listing, self._base) if name != "PWD")
        if not left:
            self._clean = listing
        return records, left

    def alone(self, token: bytes, path: str, candidates: Sequence[bytes]) -> bytes:
        """A unit that reads one recipe; ``candidates`` are names that may be functions."""
        return b"".join(
            (
                b"(\nset -e\nAPKBUILD=",
                _quoted(path),
                b" _ab_trace=1 PS4='+ABUILDPY:$LINENO: '\n",
                b'. "$_ab_runtime/recipe.sh" 8>&-\n_ab_tell_recipe',
                *(b" " + _quoted(name) for name in candidates),
                b"\n) </dev/null >&2\n",
                _end(token),
            )
        )

    def _put_back(self, names: Iterable[bytes]) -> bytes:
        gone: list[bytes] = []
        parts: list[bytes] = []
        for name in names:
            gone.append(name)
            text = name.decode()
            value = self._base.variables.get(text)
            if value is not None:
                parts += b"export " if text in self._base.exported else b"", name, b"=", _quoted(value), b"\n"
        return b"".join((b"unset -v ", b" ".join(gone), b"\n", *parts))


def shell_start() -> bytes:
    """The first thing that a shell is told."""
    return b"_ab_runtime=%s\n. %s\n" % (_quoted(RUNTIME_DIR), _quoted(f"{PACKAGE_DIR}/recipe/pool.sh"))


Changes = dict[str, str | None]
"""What a recipe changed, by variable: its new value; None where it is unset now."""


def changes(listing: bytes, base: Base) -> Changes:
    """What a recipe changed, out of what ``set`` printed after it."""
    lines = listing.split(b"\n")
    as_before = base.lines
    # No such line can be in the middle of a value, as there ash writes a quote in another way.
    here = parse_variables(b"\n".join([line for line in lines if line not in as_before]))
    before, passing = base.variables, base.passing
    found: Changes = {n: value for n, value in here.items() if n not in passing and before.get(n) != value}
    same = {as_before[line] for line in lines if line in as_before}
    found.update((name, None) for name in before.keys() - same - here.keys() - passing)
    return found


def _end(token: bytes) -> bytes:
    return b"printf '=%b %%s\\0' \"$?\" >&8\nprintf '\\000%b\\0' >&2\n" % (token, token)


def _pair(name: bytes) -> bytes:
    return b"%b${%b+=$%b}" % (name, name, name)


def _quoted(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return b"'" + raw.replace(b"'", b"'\\''") + b"'"

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said to a shell that reads many recipes, and how its answers are told apart (see pool.sh).

The shell gets *units* of work. A unit is one recipe in a subshell of its own, traced; or a group of plain recipes
(``plain.py``) that share a subshell, which is put back after each as it was before, because a subshell costs more than
the reading of a recipe. On descriptor 8 come NUL-ended fields: one for each recipe of a group (its variables), two for
a recipe alone (variables, functions), and at a unit's end ``=WORD STATUS`` with a word that no recipe can
know. On standard error that word tells the end of a unit, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from abuildpy.config import PACKAGE_DIR, RUNTIME_DIR
from abuildpy.recipe.library import PASSING, library_functions, library_names
from abuildpy.recipe.plain import OWN, Plain
from abuildpy.shell import parse_exported, parse_variables

_MARK = b'. "$APKBUILD"\n'
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=((?:'[^']*'|\"'+\")*)\n")
_LINE = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*='[^'\n]*'")
_SET = re.compile(rb"^\t*(?:export )?([A-Za-z_][A-Za-z0-9_]*)=|[ ]([A-Za-z_][A-Za-z0-9_]*)=", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Base:
    """How a shell is before it reads any recipe."""

    variables: Mapping[str, str]
    exported: frozenset[str]
    lines: frozenset[bytes]
    """Lines that say so, one variable each."""
    long: Mapping[str, str]
    """Variables that take more than a line of their own, or quotes."""
    passing: frozenset[str]
    """Variables that mean nothing to a recipe."""


def read_base(variables: bytes, exported: bytes) -> Base:
    """The first two fields that a shell sends."""
    lines = frozenset(line for line in variables.split(b"\n") if _LINE.fullmatch(line))
    values = parse_variables(variables)
    long = {
        name: value
        for name, value in values.items()
        if f"{name}='{value}'".encode("utf-8", "surrogateescape") not in lines
    }
    passing = PASSING.union(name for name in (*values, "_ab_word", "_ab_trace") if name.startswith("_ab_"))
    return Base(values, frozenset(parse_exported(exported)), lines, long, passing)


class Scripts:
    """Writes what a shell is to do."""

    def __init__(self, base: Base) -> None:
        self._base = base
        with open(f"{RUNTIME_DIR}/recipe.sh", "rb") as file:
            library = file.read()
        before, _, after = library.partition(_MARK)
        before = before[: before.rindex(b"\n", 0, -1) + 1]  # without the line that starts tracing
        after = after[after.index(b"\n") + 1 :]  # and the one that ends it
        self._set_by_library = frozenset(a or b for a, b in _SET.findall(before + after))
        self._functions = library_functions()
        self._before, self._after = before, after
        self._needless = frozenset(name.encode() for name in base.variables) - library_names() - OWN

    def prelude(self) -> bytes:
        """Defines what groups need."""
        reset = self._put_back(sorted(self._set_by_library))
        return b"".join(
            (
                b"_ab_plain() {\nAPKBUILD=$1\n",
                self._before,
                b'. "$APKBUILD"\n',
                self._after,
                b"set\nprintf '\\0'\n",
                reset,
                b"}\n",
            )
        )

    def fits(self, plain: Plain) -> bool:
        """Whether a plain recipe leaves all functions of the library alone."""
        return self._functions.isdisjoint(plain.functions)

    def group(self, token: bytes, recipes: Iterable[tuple[str, Plain]]) -> bytes:
        """A unit that reads plain recipes (path of the APKBUILD, what it leaves behind), one after the other."""
        recipes = tuple(recipes)
        # What nobody asks for need not be told again and again.
        needless = self._needless.difference(*(plain.asked for _, plain in recipes))
        parts = [b"(\nset -e\nunset -v ", b" ".join(needless), b"\n"]
        for path, plain in recipes:
            parts += b"_ab_plain ", _quoted(path), b"\n"
            assigned = plain.assigned - self._set_by_library
            if assigned:
                parts.append(self._put_back(assigned))
            if plain.functions:
                parts += b"unset -f ", b" ".join(plain.functions), b"\n"
        parts += b") </dev/null >&8\n", _end(token)
        return b"".join(parts)

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
    found = changes_of_plain(listing, base)
    here = parse_variables(listing)
    for name in base.variables:
        if name not in here and name not in PASSING and not name.startswith("_ab_"):
            found[name] = None
    return found


def changes_of_plain(listing: bytes, base: Base) -> Changes:
    """The same for a plain recipe, which cannot unset anything: what ``listing`` lacks is as before."""
    known = base.lines
    text = b"\n".join([line for line in listing.split(b"\n") if line not in known]).decode("utf-8", "surrogateescape")
    found = _pairs(text)
    for name in base.passing:
        found.pop(name, None)
    for name, value in base.long.items():
        if found.get(name) == value:
            del found[name]
    return found


def _pairs(text: str) -> Changes:
    """The variables of a listing. Nearly all values have no quotes in them, which is taken care of quickly."""
    if "'\"" not in text and "\x01" not in text and not text.endswith("='\n"):
        marked = text.replace("='\n", "='\x01\n")  # a value that begins with a newline, and not one that ends there
        try:
            found: Changes = dict([_halves(pair) for pair in marked.split("'\n")[:-1]])
        except ValueError:
            pass
        else:
            long = [(name, value) for name, value in found.items() if value and "\x01" in value]
            if all(value.rfind("\x01") == 0 for _, value in long):
                found.update([(name, value[1:]) for name, value in long])
                return found
    return {name: _unquoted(value) for name, value in _PAIR.findall(text)}


def _halves(pair: str) -> tuple[str, str]:
    name, value = pair.split("='", 1)
    return name, value


def _unquoted(value: str) -> str:
    """ash writes quoted pieces one after the other: ``'…'``, and ``"…"`` for runs of single quotes."""
    pieces = []
    at = 0
    while at < len(value):
        close = value.index(value[at], at + 1)
        pieces.append(value[at + 1 : close])
        at = close + 1
    return "".join(pieces)


def _end(token: bytes) -> bytes:
    return b"printf '=%b %%s\\0' \"$?\" >&8\nprintf '\\000%b\\0' >&2\n" % (token, token)


def _quoted(text: str | bytes) -> bytes:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    return b"'" + raw.replace(b"'", b"'\\''") + b"'"

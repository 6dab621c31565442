# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting a variable that is computed from others by setting those, as a maintainer would: ``pkgver=${_ver/-/.}``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import keeping_line_ends
from abuildpy.recipe.edit.effect import certain_values, is_kept, require_effect
from abuildpy.recipe.edit.variables import set_variable
from abuildpy.recipe.edit.words import mentions
from abuildpy.recipe.syntax import Assignment, Script, parse
from abuildpy.recipe.syntax.nodes import Literal, Parameter, Word

if TYPE_CHECKING:
    from abuildpy.recipe.static import StaticValues

_DEEPEST = 8


class _NotInvertible(Exception):
    """It cannot be told what the variables in a value would have to be."""


@keeping_line_ends
def set_through(text: bytes, name: str, value: str) -> bytes:
    """``text`` with ``name`` coming to ``value``: set itself if it is a constant, else by what it is computed from.

    Understood are values of literal text, ``$other`` and ``${other/old/new}``, also with ``//`` or without ``new``. Where
    there is more than one way, the new values are to have as many separators as the old ones. RecipeError, with the line,
    if the value cannot be reached so (then :func:`set_variable` can still make it a literal), or as for that function.
    """
    script = parse(text)
    wanted = _Wanted(script, certain_values(script))
    last = wanted.assignment(name)
    if last is None or last.value.constant is not None:
        return set_variable(text, name, value)
    try:
        wanted.solve(name, value)
        for other, new in wanted.found.items():
            text = set_variable(text, other, new)
    except _NotInvertible:
        raise RecipeError(
            f"line {last.span.line}: {name} is computed ({last.raw.decode('latin-1')}), and how to make it '{value}' that way "
            "cannot be told",
            hint="set by hand what it is computed from",
        )
    require_effect(text, name, value)
    return text


@dataclass(slots=True)
class _Wanted:
    """The values that variables have to get."""

    script: Script
    values: StaticValues
    found: dict[str, str] = field(default_factory=dict)

    def assignment(self, name: str) -> Assignment | None:
        """The assignment that counts, None if there is none for certain."""
        own = [a for a in self.script.assignments if a.name == name and is_kept(a)]
        return own[-1] if own and own[-1].top_level else None

    def solve(self, name: str, value: str, depth: int = 0) -> None:
        """Finds what has to be set for a variable to get a value. Raises _NotInvertible."""
        assignment = self.assignment(name)
        if assignment is None or depth > _DEEPEST or mentions(assignment.value, name):
            raise _NotInvertible
        if assignment.value.constant is not None:
            if self.found.setdefault(name, value) != value:
                raise _NotInvertible
            return
        parts: list[str | Parameter] = []
        for part in assignment.value.parts:
            if not isinstance(part, (Literal, Parameter)):
                raise _NotInvertible
            parts.append(_utf8(part.text) if isinstance(part, Literal) else part)
        for parameter, text in self._split(parts, value):
            self.solve(parameter.name, self._before(parameter, text), depth + 1)

    def _split(self, parts: Sequence[str | Parameter], value: str) -> list[tuple[Parameter, str]]:
        """What each of the expansions has to come to."""
        ways = [list(way) for way in _ways(parts, value)]
        alike = [way for way in ways if all(_separators(text) == self._shape(p) for p, text in way)]
        ways = alike or ways
        if len(ways) != 1:
            raise _NotInvertible
        return ways[0]

    def _shape(self, parameter: Parameter) -> int | None:
        old = self.values.value(parameter.name)
        return None if old is None else _separators(old)

    def _before(self, parameter: Parameter, text: str) -> str:
        """The value that a variable needs for its expansion to be ``text``."""
        if not parameter.operator:
            return text
        old = self.values.value(parameter.name)
        pattern, new = _plain(parameter.argument), _plain(parameter.replacement)
        if parameter.operator not in ("/", "//") or old is None or not pattern or set(pattern) & set("*?[\\"):
            raise _NotInvertible
        if pattern not in old:
            return text
        if not new:  # dates, mostly: put back at the same places
            return _put_back(old.split(pattern, -1 if parameter.operator == "//" else 1), pattern, text)
        if parameter.operator == "//":
            if new in old:
                raise _NotInvertible
            return text.replace(new, pattern)
        head, tail = old.split(pattern, 1)
        before, behind = head.count(new), tail.count(new)
        pieces = text.split(new)
        if len(pieces) == 1 or (bool(before) == bool(behind) and len(pieces) != before + behind + 2):
            raise _NotInvertible
        # The same one from the start, or from the end if there the last one was replaced.
        at = len(pieces) - 1 if not behind else before + 1
        return new.join(pieces[:at]) + pattern + new.join(pieces[at:])


def _ways(parts: Sequence[str | Parameter], value: str) -> Iterator[list[tuple[Parameter, str]]]:
    """All ways to divide a value among the expansions in it, none getting nothing."""
    if not parts:
        if not value:
            yield []
        return
    first, rest = parts[0], parts[1:]
    if isinstance(first, str):
        if value.startswith(first):
            yield from _ways(rest, value[len(first) :])
        return
    for length in range(1, len(value) + 1):
        for way in _ways(rest, value[length:]):
            yield [(first, value[:length]), *way]


def _put_back(pieces: Sequence[str], pattern: str, text: str) -> str:
    """The text with the pattern between pieces as long as those that it separated before."""
    ends = list(accumulate(map(len, pieces)))
    if ends[-1] != len(text):
        raise _NotInvertible
    return pattern.join(text[start:end] for start, end in pairwise((0, *ends)))


def _separators(text: str) -> int:
    return sum(not char.isalnum() for char in text)


def _plain(word: Word | None) -> str:
    constant = word.constant if word else None
    return _utf8(constant) if constant else ""


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "surrogateescape")

# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe as the rules see it: its text, its tree and what is certain of its values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from abuildpy.lint.known import known_faults
from abuildpy.lint.model import Place, Problem
from abuildpy.lint.survey import Survey, survey
from abuildpy.package.model import list_has
from abuildpy.recipe.finding import Finding
from abuildpy.recipe.static import StaticValues
from abuildpy.recipe.subpackages import default_split
from abuildpy.recipe.syntax import Assignment, Script
from abuildpy.recipe.syntax.nodes import Definition

_IDENTIFIER = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(rb"(?:\$\{[^}]*\}|[^ \t\n\"'])+")
_EXPANSION = re.compile(r"\$\{[^}]*\}|\$\w+")


@dataclass(frozen=True, eq=False)
class Subject:
    """``path`` is the APKBUILD (absolute); ``environment`` holds the switches of the lint (CUSTOM_VALID_OPTIONS …)."""

    path: str
    script: Script
    values: StaticValues
    environment: Mapping[str, str]

    @property
    def data(self) -> bytes:
        """The text."""
        return self.script.data

    @cached_property
    def survey(self) -> Survey:
        """What is in the tree."""
        return survey(self.script.commands, self.script.here_documents)

    @cached_property
    def top(self) -> Mapping[str, tuple[Assignment, ...]]:
        """Assignments outside functions, conditional ones too, by variable."""
        found: dict[str, list[Assignment]] = {}
        for assignment in self.script.assignments:
            if assignment.function is None and not assignment.prefix and "substitution" not in assignment.inside:
                found.setdefault(assignment.name, []).append(assignment)
        return {name: tuple(assignments) for name, assignments in found.items()}

    @cached_property
    def functions(self) -> Mapping[str, Definition]:
        """Functions that are defined at the top level, the last one of each name."""
        found: dict[str, Definition] = {}
        for each in self.survey.definitions:
            if each.function is None and isinstance(each.command, Definition):
                found[each.command.name] = each.command
        return found

    @cached_property
    def identifiers(self) -> Mapping[bytes, int]:
        """How often each word that could be a variable's name is in the text, comments apart."""
        counts: dict[bytes, int] = {}
        data, position = self.data, 0
        for start, end in (*self.script.comment_ranges, (len(data), len(data))):
            for word in _IDENTIFIER.findall(data, position, start):
                counts[word] = counts.get(word, 0) + 1
            position = end
        return counts

    @cached_property
    def validated(self) -> tuple[Finding, ...]:
        """What ``abuild validate`` would say, as far as that is certain."""
        wanted = bool(self.environment.get("REQUIRE_CHECK"))
        return known_faults(Path(self.path), self.data, self.values, require_check=wanted)

    def words(self, name: str) -> tuple[str, ...] | None:
        """A list variable's words; None if they are not known. They are split at blanks, tabs and newlines."""
        value = self.values.value(name)
        return None if value is None else tuple(value.split())

    def has_option(self, flag: str) -> bool | None:
        """Whether ``options`` has a flag; None if that is not known."""
        options, name = self.words("options"), self.values.value("pkgname")
        if options is None or name is None:
            return None
        return list_has(f"{name}::{flag}", options) or list_has(flag, options)

    @property
    def splits(self) -> Mapping[str, str] | None:
        """Split functions by subpackage; None if they are not known."""
        entries = self.words("subpackages")
        if entries is None:
            return None
        found: dict[str, str] = {}
        for entry in entries:
            name, _, rest = entry.partition(":")
            found[name] = rest.partition(":")[0] or default_split(name)
        return found

    def written(self, name: str, word: str) -> tuple[int, int] | None:
        """Where a word of a variable's value is written, as itself or with expansions in it; None if it comes from one."""
        best: tuple[int, int, int] | None = None
        for assignment in self.top.get(name, ()):
            span = assignment.value_span
            for match in _TOKEN.finditer(self.data, span.start, span.end):
                weight = _fits(match[0].decode("utf-8", "surrogateescape"), word)
                if weight and (best is None or weight >= best[0]):
                    best = (weight, match.start(), match.end())
        return best[1:] if best else None

    def at_variable(self, name: str, word: str, message: str) -> Problem:
        """A problem with a variable's value: where ``word`` stands in it, or the assignment's name."""
        span = self.written(name, word) if word else None
        if span:
            return Problem(*span, message)
        for assignment in reversed(self.top.get(name, ())):
            start = assignment.span.start
            return Problem(start, start + len(name), message)
        return Problem(0, 0, message)

    def line_start(self, offset: int) -> int:
        """Where the line of an offset begins."""
        return self.data.rfind(b"\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Where the line of an offset ends, before its newline."""
        end = self.data.find(b"\n", offset)
        return len(self.data) if end < 0 else end

    def place(self, start: int, end: int) -> Place:
        """Offsets as lines and columns."""
        first, last = self.script.span(start, start), self.script.span(end, end)
        return Place(first.line, self._column(start), last.line, self._column(end))

    def _column(self, offset: int) -> int:
        return len(self.data[self.line_start(offset) : offset].decode("utf-8", "surrogateescape")) + 1


def _fits(token: str, word: str) -> int:
    """How much of a word is written in a piece of a value, 0 if the piece cannot come to the word by itself."""
    at = weight = 0
    for index, piece in enumerate(_EXPANSION.split(token)):
        found = word.find(piece, at)
        if found < 0 or (index == 0 and found > 0):
            return 0
        at = found + len(piece)
        weight += len(piece)
    return weight if word.endswith(piece) else 0

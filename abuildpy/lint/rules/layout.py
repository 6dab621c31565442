# SPDX-License-Identifier: GPL-3.0-or-later
"""Blanks, tabs, and the layout of function definitions (AL7 to AL12)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from abuildpy.lint.model import Edit, Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.recipe.syntax.nodes import Block, Definition

_LISTS = frozenset(
    "arch depends makedepends makedepends_build makedepends_host checkdepends provides replaces install_if install triggers "
    "options pkgusers pkggroups subpackages source somask sha512sums sha256sums md5sums".split()
)
_INDENTED = re.compile(rb"^  [ \t]*", re.MULTILINE)
_TRAILING = re.compile(rb"[ \t]+$", re.MULTILINE)
_CODE, _LIST, _TEXT = range(3)


class _Kinds:
    """Tells for an offset whether it is in code, in a list's value or in another text, which has to stay as it is."""

    def __init__(self, subject: Subject) -> None:
        self._quoted = sorted((part.start, part.end) for part in subject.survey.quoted)
        self._starts = [start for start, _ in self._quoted]
        self._lists = {
            part.start
            for name, assignments in subject.top.items()
            if name in _LISTS or name.startswith(("depends_", "makedepends_", "_"))
            for assignment in assignments
            for part in assignment.value.parts
        }

    def at(self, offset: int) -> int:
        index = bisect_right(self._starts, offset) - 1
        if index < 0 or offset >= self._quoted[index][1]:
            return _CODE
        return _LIST if self._starts[index] in self._lists else _TEXT


def _indent(subject: Subject) -> Iterator[Problem]:
    found = list(_INDENTED.finditer(subject.data))
    if not found:
        return
    kinds = _Kinds(subject)
    unit = min((len(match[0].expandtabs(8)) for match in found if kinds.at(match.start()) == _CODE), default=8)
    for match in found:
        kind = kinds.at(match.start())
        if kind == _TEXT or match.end() == subject.line_end(match.start()):
            continue
        edits: tuple[Edit, ...] = ()
        if kind == _CODE and unit in (2, 3, 4, 8):
            width = len(match[0].expandtabs(8))
            edits = (Edit(match.start(), match.end(), b"\t" * max(1, round(width / unit))),)
        yield Problem(match.start(), match.end(), "indent with tabs", edits)


def _trailing(subject: Subject) -> Iterator[Problem]:
    found = list(_TRAILING.finditer(subject.data))
    if not found:
        return
    kinds = _Kinds(subject)
    for match in found:
        kind = kinds.at(match.start())
        escaped = subject.data[match.start() - 1 : match.start()] == b"\\"
        if kind == _TEXT and not escaped:
            continue
        edits = () if escaped or kind != _CODE else (Edit(match.start(), match.end(), b""),)
        yield Problem(match.start(), match.end(), "trailing whitespace", edits)


def _definitions(subject: Subject) -> Iterator[tuple[Definition, bytes]]:
    """Definitions with what stands between their name and their body."""
    for found in subject.survey.definitions:
        command = found.command
        if isinstance(command, Definition) and isinstance(command.body, Block):
            yield command, subject.data[command.name_end : command.body.start]


def _keyword(subject: Subject) -> Iterator[Problem]:
    for definition, gap in _definitions(subject):
        if definition.name_start == definition.start:
            continue
        edits = [Edit(definition.start, definition.name_start, b"")]
        if b"(" not in gap:
            edits.append(Edit(definition.name_end, definition.name_end, b"()"))
        yield Problem(definition.start, definition.start + 8, "do not use the function keyword", tuple(edits))


def _space_before(subject: Subject) -> Iterator[Problem]:
    for definition, gap in _definitions(subject):
        at = gap.find(b"(")
        if at > 0 and not gap[:at].strip(b" \t"):
            start, end = definition.name_end, definition.name_end + at
            yield Problem(start, end, "do not use space before function parenthesis", (Edit(start, end, b""),))


def _behind(definition: Definition, gap: bytes) -> tuple[int, bytes] | None:
    """What stands between the parenthesis and the body, with its offset."""
    at = gap.find(b")")
    return (definition.name_end + at + 1, gap[at + 1 :]) if at >= 0 else None


def _space_after(subject: Subject) -> Iterator[Problem]:
    for definition, gap in _definitions(subject):
        behind = _behind(definition, gap)
        if behind and behind[1] != b" " and not behind[1].strip(b" \t"):
            start, end = behind[0], definition.body.start
            edits = (Edit(start, end, b" "),)
            yield Problem(start, end + 1, "use one space after function parenthesis", edits)


def _newline_before_brace(subject: Subject) -> Iterator[Problem]:
    for definition, gap in _definitions(subject):
        behind = _behind(definition, gap)
        if behind and b"\n" in behind[1]:
            start, end = behind[0], definition.body.start
            edits = () if behind[1].strip() else (Edit(start, end, b" "),)
            yield Problem(start, end + 1, "do not use a newline before function opening brace", edits)


RULES: tuple[Rule, ...] = (
    Rule(
        "AL7", "indent-tabs", "I", "C", "atools",
        "Lines are indented with tabs.",
        "CODINGSTYLE asks for tabs, and a mixture looks different in every editor.",
        "Put one tab where each level of spaces is.",
        _indent, fixes=True,
    ),
    Rule(
        "AL8", "trailing-whitespace", "I", "C", "atools",
        "No line ends in blanks or tabs.",
        "They cannot be seen, make needless differences between versions, and behind a backslash they undo it.",
        "Delete them.",
        _trailing, fixes=True,
    ),
    Rule(
        "AL9", "function-keyword", "S", "C", "atools",
        "Functions are defined without the word 'function'.",
        "The word is no part of the shell language that recipes are written in.",
        "Write 'name() {'.",
        _keyword, fixes=True,
    ),
    Rule(
        "AL10", "space-before-function-parenthesis", "T", "C", "atools",
        "A function's name and its parentheses stand together.",
        "CODINGSTYLE has one way to begin a function.",
        "Write 'name() {'.",
        _space_before, fixes=True,
    ),
    Rule(
        "AL11", "space-after-function-parenthesis", "T", "C", "atools",
        "One space stands between a function's parentheses and its brace.",
        "CODINGSTYLE has one way to begin a function.",
        "Write 'name() {'.",
        _space_after, fixes=True,
    ),
    Rule(
        "AL12", "newline-opening-brace", "T", "C", "atools",
        "A function's brace is on the line of its name.",
        "CODINGSTYLE has one way to begin a function.",
        "Write 'name() {'.",
        _newline_before_brace, fixes=True,
    ),
)  # fmt: skip

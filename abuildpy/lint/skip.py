# SPDX-License-Identifier: GPL-3.0-or-later
"""Which findings are not wanted: switches of the environment, and comments in the recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from abuildpy.lint.model import Rule
from abuildpy.recipe.syntax import Script

_COMMENT = re.compile(rb"#+[ \t]*lint:[ \t]*skip(-file)?=([A-Za-z0-9_,+-]+)")


def is_switched_off(rule: Rule, environment: Mapping[str, str]) -> bool:
    """Whether ``SKIP_`` and the rule's tag, or its label in capitals, is set and not empty (as atools has it)."""
    label = re.sub("[^A-Z0-9]", "_", rule.label.upper())
    return bool(environment.get(f"SKIP_{rule.tag}") or environment.get(f"SKIP_{label}"))


def is_enabled(rule: Rule, environment: Mapping[str, str]) -> bool:
    """Whether a rule applies: it is not switched off and, if it is a matter of one style, that style was asked for."""
    if rule.style and not rule.style.intersection(environment.get("APKBUILD_STYLE", "").split()):
        return False
    return not is_switched_off(rule, environment)


@dataclass(frozen=True, slots=True)
class Skips:
    """What a recipe's comments let pass: ``# lint: skip=TAG,LABEL`` and ``# lint: skip-file=TAG``.

    The first, behind something, counts for the statement's lines that it is on the last of; on a line of its own, for the
    next line that is no comment; both times an assignment counts with all its lines.
    """

    everywhere: frozenset[str]
    by_line: Mapping[int, frozenset[str]]

    def covers(self, rule: Rule, line: int) -> bool:
        """Whether a finding there is let pass."""
        names = self.everywhere | self.by_line.get(line, frozenset())
        return bool(names) and (rule.tag in names or rule.label in names)


def skips_of(script: Script) -> Skips:
    """Reads the comments."""
    if b"lint:" not in script.data:
        return Skips(frozenset(), {})
    everywhere: set[str] = set()
    by_line: dict[int, set[str]] = {}
    own_lines = {comment.span.line for comment in script.comments if not comment.trailing}
    lines_of = _lines_of_assignments(script)
    for comment in script.comments:
        match = _COMMENT.match(comment.text)
        if not match:
            continue
        names = {name for name in match[2].decode("ascii").split(",") if name}
        if match[1]:
            everywhere |= names
            continue
        line = comment.span.line
        if not comment.trailing:
            while line in own_lines:
                by_line.setdefault(line, set()).update(names)
                line += 1
        for covered in {line, *lines_of.get(line, ())}:
            by_line.setdefault(covered, set()).update(names)
    return Skips(frozenset(everywhere), {line: frozenset(names) for line, names in by_line.items()})


def _lines_of_assignments(script: Script) -> Mapping[int, range]:
    """All lines of an assignment that has several, by its first and by its last one."""
    found: dict[int, range] = {}
    for assignment in script.assignments:
        first, last = assignment.span.line, script.span(assignment.span.end, assignment.span.end).line
        if last > first:
            found[first] = found[last] = range(first, last + 1)
    return found

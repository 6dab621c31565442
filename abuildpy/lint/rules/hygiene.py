# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a recipe can be read at all, and the order of what is in it: AP0, AP6 to AP8."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from abuildpy.lint.model import Problem, Rule
from abuildpy.lint.rules.variables import METADATA
from abuildpy.lint.subject import Subject

_PHASES = ("prepare", "build", "check", "package")
_SUMS = re.compile(r"(?:md5|sha[0-9]+)sums")


def _nothing(_subject: Subject) -> Iterator[Problem]:
    return iter(())


def _late_variables(subject: Subject) -> Iterator[Problem]:
    first = min((d.start for name, d in subject.functions.items() if name in _PHASES), default=None)
    if first is None:
        return
    for name in METADATA.intersection(subject.top):
        for assignment in subject.top[name]:
            if assignment.span.start < first or _SUMS.fullmatch(name) or not assignment.top_level:
                continue
            start = assignment.span.start
            yield Problem(start, start + len(name), f"{name} has to be set before the first function")


def _early_sums(subject: Subject) -> Iterator[Problem]:
    last = max((d.start for d in subject.functions.values()), default=None)
    if last is None:
        return
    for name, assignments in subject.top.items():
        if _SUMS.fullmatch(name) and assignments[-1].top_level and assignments[-1].span.start < last:
            start = assignments[-1].span.start
            yield Problem(start, start + len(name), f"{name} has to stand behind the last function")


def _function_order(subject: Subject) -> Iterator[Problem]:
    places = [(name, subject.functions[name]) for name in _PHASES if name in subject.functions]
    for (earlier, first), (later, second) in pairwise(places):
        if second.start < first.start:
            message = f"{later}() stands before {earlier}(), which abuild calls first"
            yield Problem(second.name_start, second.name_end, message)
    package = subject.functions.get("package")
    splits = subject.splits
    if package is None or splits is None:
        return
    for name in dict.fromkeys(splits.values()):
        split = subject.functions.get(name)
        if split and split.start < package.start and name not in _PHASES:
            message = f"{name}() stands before package(), which abuild calls first"
            yield Problem(split.name_start, split.name_end, message)


NOT_SHELL = Rule(
    "AP0", "not-shell", "S", "C", "abuildpy",
    "The recipe can be read: quotes, brackets and commands are closed and in their places.",
    "A shell stops at such a fault, so nothing can be built.",
    "Correct the line; what was opened last may be further up.",
    _nothing,
)  # fmt: skip
"""Found where a recipe is read, so no other rule can look at it."""

RULES: tuple[Rule, ...] = (
    NOT_SHELL,
    Rule(
        "AP6", "variable-after-function", "M", "C", "abuildpy",
        "What abuild reads from the recipe is set before the first phase's function, sums apart.",
        "CODINGSTYLE asks for it: who looks for a value looks at the top.",
        "Move the assignment up.",
        _late_variables,
    ),
    Rule(
        "AP7", "checksums-not-last", "M", "C", "abuildpy",
        "Checksums stand behind the last function.",
        "CODINGSTYLE asks for it, and 'abuild checksum' puts them there.",
        "Run 'abuild checksum', or move them.",
        _early_sums,
    ),
    Rule(
        "AP8", "function-order", "M", "C", "abuildpy",
        "Functions stand in the order in which abuild calls them: prepare, build, check, package, then the subpackages'.",
        "CODINGSTYLE asks for it: a recipe reads like what happens.",
        "Move the function.",
        _function_order,
    ),
)  # fmt: skip

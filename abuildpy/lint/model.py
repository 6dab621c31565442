# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule is and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from abuildpy.lint.subject import Subject

Severity = Literal["S", "I", "M", "T"]
"""Serious, important, minor, style: the letters and meanings of atools."""
Certainty = Literal["C", "P"]
"""Certain, possible."""
SEVERITIES: tuple[Severity, ...] = ("S", "I", "M", "T")
SEVERITY_NAMES = {"S": "serious", "I": "important", "M": "minor", "T": "style"}
CERTAINTY_NAMES = {"C": "certain", "P": "possible"}
Family = Literal["atools", "aports-lint", "validate", "abuildpy"]


@dataclass(frozen=True, slots=True)
class Edit:
    """Puts ``new`` where the bytes from ``start`` up to ``end`` are."""

    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """One place, as byte offsets, where a rule is broken. ``edits`` mend it, all together."""

    start: int
    end: int
    message: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """``what`` it asks for, ``why``, and how to ``mend`` a recipe that breaks it.

    ``style``: it is only applied where the environment's APKBUILD_STYLE names one of these styles. ``fixes``: some of its
    problems carry edits.
    """

    tag: str
    label: str
    severity: Severity
    certainty: Certainty
    family: Family
    what: str
    why: str
    mend: str
    check: Callable[[Subject], Iterator[Problem]] = field(compare=False, repr=False)
    fixes: bool = False
    style: frozenset[str] = frozenset()

    @property
    def grade(self) -> str:
        """Severity and certainty the way atools prints them."""
        return self.severity + self.certainty


@dataclass(frozen=True, slots=True)
class Place:
    """Lines and columns count from 1, columns in characters; the end is behind the last one."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken in a file. ``path`` is as the caller spelled it."""

    path: str
    place: Place
    rule: Rule
    message: str
    edits: tuple[Edit, ...] = ()

# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis is made of: rules, the lines they hit, and the one line that matters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum


class Rank(IntEnum):
    """How much a line that a rule hits says about the failure."""

    END = 0
    """A consequence: somebody tells that something before went wrong."""
    WEAK = 1
    """Something did not work, which builds often do not mind."""
    LIKELY = 2
    """Something says of itself that it is an error."""
    TEST = 3
    """A test failed."""
    CAUSE = 4
    """A program names what is wrong, and where."""
    STOP = 5
    """The same, and the program ends with it: whatever came before was not what ended it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of line. ``needle`` is lower-case text that every such line contains; ``pattern`` is matched at its start.

    Groups of the pattern, all optional: ``file`` and ``line`` for the place, ``name`` for what is missing.
    """

    kind: str
    rank: Rank
    tool: str
    needle: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Event:
    """A line that a rule hit. ``index`` counts lines of the log from 0."""

    index: int
    kind: str
    rank: Rank
    tool: str
    text: str
    file: str = ""
    line: int = 0
    name: str = ""
    target: str = ""
    """What was being made, as far as the line says so (make, ninja)."""
    level: int = 0
    """How deep a make is nested."""
    status: int = 0
    """Exit status that the line tells of."""


@dataclass(frozen=True, slots=True)
class ContextLine:
    """A line of the log around the error; ``number`` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The first real error of a log.

    ``kind`` is for programs (``missing-header``, ``test-failed``…; ``unknown`` where no rule knows the line); ``number`` is
    the log's line, from 1; ``file`` and ``line`` say where in the sources, empty and 0 where the log does not; ``name`` is
    what is missing: a header, a library, a module, a program, a test.
    """

    kind: str
    tool: str
    number: int
    text: str
    file: str = ""
    line: int = 0
    name: str = ""
    context: tuple[ContextLine, ...] = ()
    cause: str = ""
    next_step: str = ""
    packages: tuple[str, ...] = ()
    """Packages that an index knows to hold what is missing."""

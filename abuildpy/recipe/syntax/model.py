# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recipe's text is made of, with exact positions."""

from __future__ import annotations

from dataclasses import dataclass

from abuildpy.recipe.syntax.nodes import Word


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text: offsets in bytes (``end`` is behind it), line and column (in bytes) of its start, from 1."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Comment:
    """From ``#`` to the end of its line; ``trailing`` if something else stands before it in the line."""

    span: Span
    text: bytes
    trailing: bool


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name=value``, wherever it stands.

    ``raw`` is the value as written, quotes and all. ``function`` is the one whose body it is in. ``inside`` tells what
    encloses it there, outermost first: ``if case for while until group subshell pipeline substitution background``,
    ``and-or`` (behind ``&&`` or ``||``) and ``condition`` (of an ``if`` or a loop, or before ``&&`` or ``||``).
    ``declared`` is ``export``, ``readonly``, ``local`` or empty; ``prefix``: it is only for the command behind it.
    ``append`` (``+=``) occurs only where declared; ash does not know it.
    """

    name: str
    span: Span
    value_span: Span
    raw: bytes
    value: Word
    append: bool
    function: str | None
    inside: tuple[str, ...]
    declared: str
    prefix: bool
    comment: Comment | None

    @property
    def top_level(self) -> bool:
        """Whether reading the recipe makes this assignment, whatever else is the case, and the shell keeps it."""
        return self.function is None and not self.inside and not self.prefix


@dataclass(frozen=True, slots=True)
class Function:
    """A function's definition; ``function`` and ``inside`` as for Assignment. ``body_span`` includes the braces."""

    name: str
    span: Span
    name_span: Span
    body_span: Span
    function: str | None
    inside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One entry as written in an assignment to ``source``; where it has expansions, it may come to several or none."""

    span: Span
    text: bytes
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Section:
    """Neighbouring commands of one kind: ``variables``, ``functions``, ``checksums`` or ``commands``; or the comments
    before all of them, the ``header``."""

    kind: str
    span: Span

# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that a list variable's value is written in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import encoded
from abuildpy.recipe.syntax import Assignment, parse
from abuildpy.recipe.syntax.nodes import Literal, Parameter, Part, Word

if TYPE_CHECKING:
    from abuildpy.recipe.static import StaticValues

_BLANK = " \t\n"


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of a list: offsets in the text, and the texts and expansions it consists of."""

    start: int
    end: int
    pieces: tuple[str | Part, ...]

    def value(self, values: StaticValues) -> str | None:
        """What the word comes to; None if it is not known, or expanded in a way that may make several words of it."""
        found = b""
        for piece in self.pieces:
            if isinstance(piece, str):
                found += piece.encode("latin-1")
                continue
            value = values.value(piece.name) if isinstance(piece, Parameter) and not piece.operator else None
            if value is None or not value or value.split() != [value]:
                return None
            found += encoded(value)
        return found.decode("utf-8", "surrogateescape")

    def mentions(self, name: str) -> bool:
        """Whether a variable's value is used in the word."""
        return any(not isinstance(piece, str) and _mentions(piece, name) for piece in self.pieces)

    @property
    def only(self) -> str:
        """The variable that the word is nothing but an expansion of; empty if it is anything else."""
        piece = self.pieces[0]
        return piece.name if len(self.pieces) == 1 and isinstance(piece, Parameter) else ""

    @property
    def written(self) -> tuple[object, ...]:
        """The word as written, without the difference between ``$name`` and ``${name}``; equal if it is the same word."""
        return tuple(
            ("$", piece.name) if isinstance(piece, Parameter) and not piece.operator else piece for piece in self.pieces
        )


def entries(assignment: Assignment) -> tuple[Entry, ...]:
    """The words of a list's value, in order."""
    return tuple(_entries(assignment.value))


def written_word(word: str) -> Entry:
    """A word to be written into a list, its ``$name`` being expansions.

    RecipeError if it is empty, or has blanks, quotes, backslashes or substitutions in it.
    """
    data = b'x="' + encoded(word) + b'"'
    try:
        (assignment,) = parse(data).assignments
    except (RecipeError, ValueError):
        assignment = None
    if (
        assignment
        and word.split() == [word]
        and not set(word) & set("\"'\\`\r")
        and len(assignment.raw) == len(data) - 2
    ):
        found = tuple(_entries(assignment.value))
        parts = assignment.value.parts
        known = all(isinstance(part, (Literal, Parameter)) for part in parts)
        if known and len(found) == 1 and found[0].end - found[0].start == len(data) - 4:
            return found[0]
    raise RecipeError(f"'{word}' is no word of a list", hint="one word, without quotes and substitutions")


def mentions(word: Word, name: str) -> bool:
    """Whether a variable's value is used in a word."""
    return any(_mentions(part, name) for part in word.parts)


def _mentions(part: Part, name: str) -> bool:
    if isinstance(part, Parameter) and part.name == name:
        return True
    inner = (getattr(part, field, None) for field in ("argument", "replacement", "expression"))
    return any(isinstance(word, Word) and mentions(word, name) for word in inner)


def _entries(word: Word) -> Iterator[Entry]:
    start = end = -1
    pieces: list[str | Part] = []
    for part in word.parts:
        text, at = _separable(part)
        if text is None:
            if not (isinstance(part, Literal) and not part.text and part.end - part.start == 2):
                start, end = (part.start if start < 0 else start), part.end
                pieces.append(part.text if isinstance(part, Literal) else part)
            continue  # a pair of quotes around nothing is no word
        for offset, char in enumerate(text, at):
            if char in _BLANK:
                if start >= 0:
                    yield Entry(start, end, tuple(pieces))
                start, pieces = -1, []
            else:
                start, end = (offset if start < 0 else start), offset + 1
                pieces.append(char)
    if start >= 0:
        yield Entry(start, end, tuple(pieces))


def _separable(part: Part) -> tuple[str | None, int]:
    """The text that blanks may separate, and where it begins; None where nothing does: expansions, backslashes."""
    if isinstance(part, Literal) and part.text:
        if part.end - part.start == len(part.text):
            return part.text, part.start
        if part.end - part.start == len(part.text) + 2 and part.quoted:
            return part.text, part.start + 1
    return None, 0

# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe read without running it: the tree of its commands, and where everything in it is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from abuildpy.recipe.syntax.commands import CommandReader
from abuildpy.recipe.syntax.model import Assignment, Comment, Function, Section, SourceEntry, Span
from abuildpy.recipe.syntax.nodes import Assign, Command, Definition, Item, Literal, Simple, Word
from abuildpy.recipe.syntax.walk import Found, found_in


def parse(data: bytes) -> Script:
    """Reads a shell script as BusyBox ash would, without running it.

    Any bytes will do. Raises RecipeError, with the line, where quotes, parentheses or compound commands are not closed,
    something stands where the grammar has no place for it, or all is nested too deeply.
    """
    reader = CommandReader(data.decode("latin-1"))
    items = reader.script()
    return Script(data, items, tuple(reader.comments), reader.here_documents)


@dataclass(frozen=True, eq=False)
class Script:
    """``commands`` is the tree; ``here_documents`` has the texts by the ``start`` of their redirections.

    Positions are worked out when first asked for.
    """

    data: bytes
    commands: tuple[Item, ...]
    comment_ranges: tuple[tuple[int, int], ...]
    here_documents: Mapping[int, Word]

    def span(self, start: int, end: int) -> Span:
        """The span between two offsets."""
        line = bisect_right(self._lines, start)
        return Span(start, end, line, start - self._lines[line - 1] + 1)

    def text(self, span: Span) -> bytes:
        """What stands there."""
        return self.data[span.start : span.end]

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment, in order."""
        comments = []
        for start, end in self.comment_ranges:
            span = self.span(start, end)
            trailing = bool(self.data[start - span.column + 1 : start].strip(b" \t"))
            comments.append(Comment(span, self.data[start:end], trailing))
        return tuple(comments)

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """Every assignment, in order, those in functions and substitutions too."""
        trailing = {comment.span.line: comment for comment in self.comments}
        return tuple(
            self._assignment(found, found.assign, trailing) for found in self._found if found.assign is not None
        )

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """Every function's definition, in order."""
        return tuple(self._function(found, found.definition) for found in self._found if found.definition is not None)

    @cached_property
    def source_entries(self) -> tuple[SourceEntry, ...]:
        """Every entry of ``source``, in order, from all assignments to it outside functions."""
        return tuple(
            SourceEntry(self.span(start, end), self.data[start:end], assignment)
            for assignment in self.assignments
            if assignment.name == "source" and assignment.function is None
            for start, end in _entries(assignment.value)
        )

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """How the text is laid out, in order."""
        first = self.commands[0].command.start if self.commands else len(self.data)
        header = [(start, end) for start, end in self.comment_ranges if end <= first]
        runs: list[tuple[str, int, int]] = [("header", header[0][0], header[-1][1])] if header else []
        for item in self.commands:
            kind = _kind(item.command)
            if runs and runs[-1][0] == kind:
                runs[-1] = (kind, runs[-1][1], item.command.end)
            else:
                runs.append((kind, item.command.start, item.command.end))
        return tuple(Section(kind, self.span(start, end)) for kind, start, end in runs)

    def assigned(self, name: str) -> tuple[Assignment, ...]:
        """The assignments to a variable that are made whatever else is the case, in order."""
        return tuple(a for a in self.assignments if a.name == name and a.top_level)

    @cached_property
    def _lines(self) -> list[int]:
        """Offsets at which lines start."""
        lines = [0]
        at = self.data.find(b"\n")
        while at >= 0:
            lines.append(at + 1)
            at = self.data.find(b"\n", at + 1)
        return lines

    @cached_property
    def _found(self) -> list[Found]:
        return found_in(self.commands, self.here_documents)

    def _assignment(self, found: Found, assign: Assign, trailing: Mapping[int, Comment]) -> Assignment:
        value = assign.value
        comment = trailing.get(bisect_right(self._lines, assign.end))
        if comment and self.data[assign.end : comment.span.start].strip(b" \t;"):
            comment = None
        return Assignment(
            assign.name,
            self.span(assign.start, assign.end),
            self.span(value.start, value.end),
            self.data[value.start : value.end],
            value,
            assign.append,
            found.function,
            found.inside,
            found.declared,
            found.prefix,
            comment,
        )

    def _function(self, found: Found, definition: Definition) -> Function:
        body = definition.body
        return Function(
            definition.name,
            self.span(definition.start, definition.end),
            self.span(definition.name_start, definition.name_end),
            self.span(body.start, body.end),
            found.function,
            found.inside,
        )


def _kind(command: Command) -> str:
    if isinstance(command, Definition):
        return "functions"
    if isinstance(command, Simple) and command.assigns and not command.words:
        return "checksums" if all(_is_sums(assign.name) for assign in command.assigns) else "variables"
    if isinstance(command, Simple) and command.name in ("export", "readonly"):
        return "variables"
    return "commands"


def _is_sums(name: str) -> bool:
    return name == "md5sums" or (name.startswith("sha") and name.endswith("sums") and name[3:-4].isdigit())


def _entries(value: Word) -> Iterator[tuple[int, int]]:
    """Ranges of the words that a list's value is written in."""
    start = end = -1
    for part in value.parts:
        at = part.start
        text = ""
        if isinstance(part, Literal):
            # Single quotes hold their text as it is; of a backslash and what it quotes, nothing separates.
            if part.end - part.start == len(part.text):
                text = part.text
            elif part.end - part.start == len(part.text) + 2 and part.quoted:
                text, at = part.text, part.start + 1
        if not text:
            if part.end - part.start == 2 and isinstance(part, Literal) and not part.text:
                continue  # a pair of quotes around nothing
            start, end = (part.start if start < 0 else start), part.end
            continue
        for offset, char in enumerate(text, at):
            if char in " \t\n":
                if start >= 0:
                    yield start, end
                start = -1
            else:
                start, end = (offset if start < 0 else start), offset + 1
    if start >= 0:
        yield start, end

# SPDX-License-Identifier: GPL-3.0-or-later
"""Going through a script's tree: every assignment and function, and what each is enclosed by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abuildpy.recipe.syntax.nodes import (
    AndOr,
    Arithmetic,
    Assign,
    Block,
    Case,
    Command,
    Definition,
    For,
    If,
    Item,
    Literal,
    Loop,
    Parameter,
    Part,
    Pipeline,
    Redirect,
    Simple,
    Substitution,
    Word,
)


@dataclass(frozen=True, slots=True)
class Found:
    """An assignment or a function; the other fields as :class:`abuildpy.recipe.syntax.model.Assignment` has them."""

    assign: Assign | None
    definition: Definition | None
    function: str | None
    inside: tuple[str, ...]
    declared: str = ""
    prefix: bool = False


def found_in(items: tuple[Item, ...], here_documents: Mapping[int, Word]) -> list[Found]:
    """Everything in a script, in the order of the text."""
    walker = _Walker(here_documents)
    walker.items(items, None, ())
    walker.found.sort(key=_start)  # the text of a here-document is met before what follows it in its line
    return walker.found


def _start(found: Found) -> int:
    return found.assign.start if found.assign else found.definition.start if found.definition else 0


class _Walker:
    def __init__(self, here_documents: Mapping[int, Word]) -> None:
        self.found: list[Found] = []
        self.here_documents = here_documents

    def items(self, items: tuple[Item, ...], function: str | None, inside: tuple[str, ...]) -> None:
        for item in items:
            self.command(item.command, function, (*inside, "background") if item.background else inside)

    def command(self, command: Command, function: str | None, inside: tuple[str, ...]) -> None:
        match command:
            case Simple():
                self.simple(command, function, inside)
            case Definition():
                self.found.append(Found(None, command, function, inside))
                self.body(command)
                return
            case AndOr():
                self.command(command.first, function, (*inside, "condition"))
                for _, following in command.rest:
                    self.command(following, function, (*inside, "and-or"))
                return
            case Pipeline():
                inner = (*inside, "pipeline") if len(command.commands) > 1 else inside
                for part in command.commands:
                    self.command(part, function, inner)
                return
            case Block():
                self.items(command.body, function, (*inside, "subshell" if command.subshell else "group"))
            case If():
                for condition, body in command.branches:
                    self.items(condition, function, (*inside, "condition"))
                    self.items(body, function, (*inside, "if"))
                self.items(command.otherwise or (), function, (*inside, "if"))
            case Loop():
                self.items(command.condition, function, (*inside, "condition"))
                self.items(command.body, function, (*inside, "until" if command.until else "while"))
            case For():
                self.words(command.words or (), function, inside)
                self.items(command.body, function, (*inside, "for"))
            case Case():
                self.words((command.subject,), function, inside)
                for item in command.items:
                    self.words(item.patterns, function, inside)
                    self.items(item.body, function, (*inside, "case"))
        self.redirects(command.redirects, function, inside)

    def body(self, definition: Definition) -> None:
        """A function's body; the braces around it are no group of their own."""
        body = definition.body
        if isinstance(body, Block) and not body.subshell:
            self.items(body.body, definition.name, ())
            self.redirects(body.redirects, definition.name, ())
        else:
            self.command(body, definition.name, ())

    def simple(self, command: Simple, function: str | None, inside: tuple[str, ...]) -> None:
        for assign in command.assigns:
            self.found.append(Found(assign, None, function, inside, prefix=bool(command.words)))
            self.words((assign.value,), function, inside)
        declared = command.name or ""
        for word in command.words:
            if isinstance(word, Assign):
                self.found.append(Found(word, None, function, inside, declared=declared))
                self.words((word.value,), function, inside)
            else:
                self.words((word,), function, inside)

    def redirects(self, redirects: tuple[Redirect, ...], function: str | None, inside: tuple[str, ...]) -> None:
        for redirect in redirects:
            self.words((redirect.target,), function, inside)
            text = self.here_documents.get(redirect.start)
            if text:
                self.words((text,), function, inside)

    def words(self, words: Iterable[Word], function: str | None, inside: tuple[str, ...]) -> None:
        for word in words:
            for part in word.parts:
                if not isinstance(part, Literal):
                    self.part(part, function, inside)

    def part(self, part: Part, function: str | None, inside: tuple[str, ...]) -> None:
        if isinstance(part, Substitution):
            self.items(part.body, function, (*inside, "substitution"))
        elif isinstance(part, Parameter):
            self.words((word for word in (part.argument, part.replacement) if word), function, inside)
        elif isinstance(part, Arithmetic):
            self.words((part.expression,), function, inside)

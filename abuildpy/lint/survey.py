# SPDX-License-Identifier: GPL-3.0-or-later
"""One walk through a recipe's tree that gathers what the rules look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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

Inside = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A command of words; ``inside`` as for :class:`abuildpy.recipe.syntax.model.Assignment`."""

    command: Simple
    function: str | None
    inside: Inside


@dataclass(frozen=True, slots=True)
class Use:
    """An expansion. ``place`` is ``argument`` (where the shell splits what is not quoted), ``value`` (of an assignment),
    ``here`` (a here-document), ``inner`` (in another expansion) or ``other``.
    """

    parameter: Parameter
    function: str | None
    place: str
    backquoted: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A part of the tree with the function whose body it is in."""

    command: AndOr | Definition
    function: str | None
    inside: Inside


@dataclass(slots=True)
class Survey:
    """``backquotes`` are those that are in no others; ``quoted`` are texts in quotes and in here-documents."""

    calls: list[Call] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    and_ors: list[Found] = field(default_factory=list)
    definitions: list[Found] = field(default_factory=list)
    backquotes: list[Substitution] = field(default_factory=list)
    quoted: list[Literal] = field(default_factory=list)


def survey(items: tuple[Item, ...], here_documents: Mapping[int, Word]) -> Survey:
    """Everything in a script, roughly in the order of the text."""
    walker = _Walker(here_documents)
    walker.items(items, None, ())
    return walker.found


class _Walker:
    def __init__(self, here_documents: Mapping[int, Word]) -> None:
        self.found = Survey()
        self.here_documents = here_documents
        self.backquoted = False

    def items(self, items: tuple[Item, ...], function: str | None, inside: Inside) -> None:
        for item in items:
            self.command(item.command, function, (*inside, "background") if item.background else inside)

    def command(self, command: Command, function: str | None, inside: Inside) -> None:
        match command:
            case Simple():
                self.simple(command, function, inside)
                return
            case Definition():
                self.found.definitions.append(Found(command, function, inside))
                body = command.body
                if isinstance(body, Block) and not body.subshell:
                    self.items(body.body, command.name, ())
                    self.redirects(body.redirects, command.name)
                else:
                    self.command(body, command.name, ())
                return
            case AndOr():
                self.found.and_ors.append(Found(command, function, inside))
                self.command(command.first, function, (*inside, "condition"))
                for index, (_, following) in enumerate(command.rest, 1):
                    last = index == len(command.rest)
                    self.command(following, function, (*inside, "and-or") if last else (*inside, "and-or", "condition"))
                return
            case Pipeline():
                inner = (*inside, "pipeline") if len(command.commands) > 1 else inside
                if command.negated:
                    inner = (*inner, "condition")
                for part in command.commands:
                    self.command(part, function, inner)
                return
            case Block():
                self.items(command.body, function, (*inside, "subshell" if command.subshell else "group"))
            case If():
                for condition, body_items in command.branches:
                    self.items(condition, function, (*inside, "condition"))
                    self.items(body_items, function, (*inside, "if"))
                self.items(command.otherwise or (), function, (*inside, "if"))
            case Loop():
                self.items(command.condition, function, (*inside, "condition"))
                self.items(command.body, function, (*inside, "until" if command.until else "while"))
            case For():
                self.words(command.words or (), function, "argument")
                self.items(command.body, function, (*inside, "for"))
            case Case():
                self.words((command.subject,), function, "other")
                for case_item in command.items:
                    self.words(case_item.patterns, function, "other")
                    self.items(case_item.body, function, (*inside, "case"))
        self.redirects(command.redirects, function)

    def simple(self, command: Simple, function: str | None, inside: Inside) -> None:
        if command.words:
            self.found.calls.append(Call(command, function, inside))
        for assign in command.assigns:
            self.words((assign.value,), function, "value")
        place = "other" if command.words and command.name == "[[" else "argument"
        for word in command.words:
            if isinstance(word, Assign):
                self.words((word.value,), function, "value")
            else:
                self.words((word,), function, place)
        self.redirects(command.redirects, function)

    def redirects(self, redirects: tuple[Redirect, ...], function: str | None) -> None:
        for redirect in redirects:
            self.words((redirect.target,), function, "other")
            text = self.here_documents.get(redirect.start)
            if text:
                self.words((text,), function, "here")

    def words(self, words: Iterable[Word], function: str | None, place: str) -> None:
        for word in words:
            for part in word.parts:
                if not isinstance(part, Literal):
                    self.part(part, function, place)
                elif part.quoted:
                    self.found.quoted.append(part)

    def part(self, part: Part, function: str | None, place: str) -> None:
        if isinstance(part, Substitution):
            outer = self.backquoted
            if part.opener == "`":
                if not outer:
                    self.found.backquotes.append(part)
                self.backquoted = True
            self.items(part.body, function, ("substitution",))
            self.backquoted = outer
        elif isinstance(part, Parameter):
            self.found.uses.append(Use(part, function, place, self.backquoted))
            self.words((word for word in (part.argument, part.replacement) if word), function, "inner")
        elif isinstance(part, Arithmetic):
            self.words((part.expression,), function, "inner")

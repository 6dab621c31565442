# SPDX-License-Identifier: GPL-3.0-or-later
"""What commands may change, whichever of them run and however often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from abuildpy.recipe.static.expand import assigned_names
from abuildpy.recipe.syntax.nodes import (
    AndOr,
    Assign,
    Block,
    Case,
    Command,
    Definition,
    For,
    If,
    Item,
    Loop,
    Pipeline,
    Simple,
    Word,
)

_ANYTHING = frozenset("eval . source alias unalias getopts let command builtin".split())
_NAMING = frozenset({"read", "unset", "export", "readonly", "local"})


@dataclass(slots=True)
class Reach:
    """``everything``: there is no telling; ``returns``: the commands may end the function they stand in."""

    variables: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    positional: bool = False
    returns: bool = False
    declares_locals: bool = False
    everything: bool = False


def affected(items: tuple[Item, ...], functions: Mapping[str, Definition | None]) -> Reach:
    """What the commands, and the functions they call, may change."""
    scan = _Scan(functions)
    scan.items(items)
    if "" in scan.reach.variables:
        scan.reach.everything = True
    return scan.reach


class _Scan:
    def __init__(self, functions: Mapping[str, Definition | None]) -> None:
        self.functions = functions
        self.reach = Reach()
        self.called: set[str] = set()

    def items(self, items: tuple[Item, ...]) -> None:
        for item in items:
            if not item.background:
                self.command(item.command)

    def command(self, command: Command) -> None:
        match command:
            case Simple():
                self.simple(command)
            case Definition():
                self.reach.functions.add(command.name)
                self.called_body(command)
            case AndOr():
                self.command(command.first)
                for _, following in command.rest:
                    self.command(following)
            case Pipeline():
                if len(command.commands) == 1:
                    self.command(command.commands[0])
            case Block():
                if not command.subshell:
                    self.items(command.body)
            case If():
                for condition, body in command.branches:
                    self.items(condition)
                    self.items(body)
                self.items(command.otherwise or ())
            case Loop():
                self.items(command.condition)
                self.items(command.body)
            case For():
                self.reach.variables.add(command.name)
                self.words(command.words or ())
                self.items(command.body)
            case Case():
                self.words((command.subject,))
                for item in command.items:
                    self.words(item.patterns)
                    self.items(item.body)
        if not isinstance(command, (Definition, AndOr, Pipeline)):
            self.words(redirect.target for redirect in command.redirects)

    def words(self, words: Iterable[Word]) -> None:
        for word in words:
            self.reach.variables.update(assigned_names(word))

    def simple(self, command: Simple) -> None:
        for assign in (*command.assigns, *command.words):
            if isinstance(assign, Assign):
                self.reach.variables.add(assign.name)
                self.words((assign.value,))
            else:
                self.words((assign,))
        if not command.words:
            return
        name = command.name
        if name is None or name in _ANYTHING or (name in self.functions and self.functions[name] is None):
            self.reach.everything = True
        elif name in ("return", "set", "shift"):
            self.reach.returns |= name == "return"
            self.reach.positional |= name != "return"
        elif name in _NAMING:
            self.reach.declares_locals |= name == "local"
            self.named(command.words[1:])
        elif name not in self.called:
            function = self.functions.get(name)
            if function is not None:
                self.called.add(name)
                self.called_body(function)

    def named(self, words: Iterable[Word | Assign]) -> None:
        for word in words:
            if isinstance(word, Word):
                text = word.constant
                if text is None:
                    self.reach.everything = True
                else:
                    self.reach.variables.add(text.partition("=")[0])
                    self.reach.functions.add(text)  # unset -f

    def called_body(self, function: Definition) -> None:
        """A function has its own positional parameters, and what it returns from is itself."""
        reach = self.reach
        outer = reach.positional, reach.returns, reach.declares_locals
        self.command(function.body)
        reach.positional, reach.returns, reach.declares_locals = outer

# SPDX-License-Identifier: GPL-3.0-or-later
"""Following a script without running it: what is certain of its variables afterwards.

Where the way the shell takes is not certain, both ways are followed, and what they do not agree on is not known. What
runs in a process of its own (pipelines, subshells, substitutions, other programs) changes no variable and is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from abuildpy.recipe.static import expand, patterns
from abuildpy.recipe.static.affected import Reach, affected
from abuildpy.recipe.static.expand import Ended
from abuildpy.recipe.static.patterns import Unknown
from abuildpy.recipe.static.state import Lost, State, merged
from abuildpy.recipe.static.words import Words, has_substitution
from abuildpy.recipe.syntax.nodes import (
    AndOr,
    Assign,
    Block,
    Case,
    CaseItem,
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

_DEEPEST_CALLS = 12
SPECIAL = frozenset(
    ": . break continue eval exec exit export readonly return set shift source times trap unset".split()
)
"""Commands that no function can stand for; assignments before one of them stay."""


class Returned(Exception):
    """``return``."""


class LoopLeft(Exception):
    """``break`` (``again`` False) or ``continue``."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.again = again


class Maybe(Exception):
    """A function (``returned``) or a loop may have been left here, or not."""

    def __init__(self, *, returned: bool) -> None:
        super().__init__()
        self.returned = returned


@dataclass(frozen=True, slots=True)
class Call:
    """``arguments``, None if not certain, lack those that are written as assignments; ``words`` has all, as written."""

    name: str
    arguments: list[str] | None
    words: tuple[Word | Assign, ...]

    def certain(self) -> list[str]:
        """The arguments. Raises Lost."""
        if self.arguments is None:
            raise Lost
        return self.arguments


class Host(Protocol):
    """Where the script would run. Paths are absolute; None: that is not to be known."""

    def sourced(self, path: str) -> tuple[Item, ...] | None:
        """The commands of a file. Raises Ended if it is no shell script."""

    def test(self, operator: str, path: str) -> bool | None:
        """What ``[ operator path ]`` says, ``operator`` being ``-f`` or the like."""


class Follower(Words):
    """Follows commands, with ``state`` as what is known. ``status`` is the last command's, None if not certain.

    ``builtins`` are the shell's own commands; ``host`` knows about files.
    """

    def __init__(
        self,
        state: State,
        builtins: Mapping[str, Callable[[Follower, Call], None]],
        host: Host,
    ) -> None:
        super().__init__(state)
        self.builtins = builtins
        self.host = host
        self.status: int | None = 0
        self._locals: list[dict[str, tuple[bool, str | None]]] = []

    def items(self, items: tuple[Item, ...]) -> None:
        """Follows a list of commands. Raises Ended, Lost, Returned, LoopLeft or Maybe where its end is not reached."""
        for item in items:
            if item.background:
                self.status = 0
            else:
                self.command(item.command)

    def command(self, command: Command) -> None:
        """Follows one command."""
        self.state.spend(50)
        match command:
            case Simple():
                self._simple(command)
                return
            case Definition():
                self.state.functions[command.name] = command
                self.status = 0
                return
            case AndOr():
                self._and_or(command)
                return
            case Pipeline():
                self._pipeline(command)
                return
        self.redirects(command.redirects)
        match command:
            case Block(subshell=True):
                self.status = None
            case Block():
                self.items(command.body)
            case If():
                self._if(command, 0)
            case Case():
                self._case(command)
            case For():
                self._for(command)
            case Loop():
                self._loop(command)

    def call(self, function: Definition, arguments: list[str] | None) -> None:
        """Follows a function's body. ``arguments``: None where they are not known."""
        if len(self._locals) >= _DEEPEST_CALLS:
            raise Lost
        outer, before = self.state.get_positional(), self.state.copy()
        self.state.set_positional(arguments)
        self._locals.append({})
        try:
            self.command(function.body)
        except Returned:
            pass
        except LoopLeft:
            raise Lost
        except Maybe as left:
            if not left.returned:
                raise Lost
            self.state = before
            self._locals[-1] = {}
            self._forget_changes((Item(function.body, background=False),))
        for name, (there, value) in self._locals.pop().items():
            if there:
                self.state.variables[name] = value
            else:
                self.state.variables.pop(name, None)
        self.state.set_positional(outer)

    def absolute(self, path: str) -> str | None:
        """The path as seen from the current folder, None if that is not known."""
        if path.startswith("/"):
            return path
        return None if self.state.folder is None else f"{self.state.folder}/{path}"

    def make_local(self, name: str) -> None:
        """``local name``: what the variable is now comes back when the function ends."""
        if not self._locals:
            raise Lost
        variables = self.state.variables
        self._locals[-1].setdefault(name, (name in variables, variables.get(name)))
        variables.pop(name, None)

    # --- choices -------------------------------------------------------------------------------------------------

    def _either(self, *ways: Callable[[], None]) -> None:
        """One of these happens; a way on which the shell ends need not be considered."""
        before = self.state
        # What a function called from here makes local is its own affair, but a local of this one may come about or not.
        kept = [dict(frame) for frame in self._locals]
        ends: list[State] = []
        statuses: set[int | None] = set()
        for way in ways:
            self.state = before.copy()
            try:
                way()
            except Ended:
                self._locals = [dict(frame) for frame in kept]
                continue
            except Returned:
                raise Maybe(returned=True)
            except LoopLeft:
                raise Maybe(returned=False)
            if self._locals != kept:
                raise Lost
            ends.append(self.state)
            statuses.add(self.status)
        if not ends:
            raise Ended
        self.state = merged(ends)
        self.status = statuses.pop() if len(statuses) == 1 else None

    def _nothing(self) -> None:
        """The way on which nothing happens."""

    def _and_or(self, command: AndOr) -> None:
        self.command(command.first)
        for operator, following in command.rest:
            if self.status is None:
                self._either(lambda following=following: self.command(following), self._nothing)  # type: ignore[misc]
                self.status = None
            elif (self.status == 0) == (operator == "&&"):
                self.command(following)

    def _pipeline(self, command: Pipeline) -> None:
        if len(command.commands) > 1:
            self.status = None
            return
        self.command(command.commands[0])
        if command.negated and self.status is not None:
            self.status = int(self.status == 0)

    def _if(self, command: If, branch: int) -> None:
        if branch == len(command.branches):
            self.status = 0
            self.items(command.otherwise or ())
            return
        condition, body = command.branches[branch]
        self.items(condition)
        if self.status is None:
            self._either(lambda: self.items(body), lambda: self._if(command, branch + 1))
        elif self.status == 0:
            self.items(body)
        else:
            self._if(command, branch + 1)

    def _case(self, command: Case) -> None:
        subject: str | None = self.text(command.subject)
        self._case_items(subject, command.items)

    def _case_items(self, subject: str | None, items: tuple[CaseItem, ...]) -> None:
        for index, item in enumerate(items):
            fits = self._fits(subject, item)
            if fits:
                self._case_body(item)
                return
            if fits is None:
                rest = items[index + 1 :]
                self._either(lambda: self._case_body(item), lambda: self._case_items(subject, rest))  # noqa: B023
                return
        self.status = 0

    def _case_body(self, item: CaseItem) -> None:
        self.status = 0
        self.items(item.body)

    def _fits(self, subject: str | None, item: CaseItem) -> bool | None:
        certain = True
        for written in item.patterns:
            try:
                pattern = expand.pattern(written, self.state)
                if pattern == "*":
                    return True if certain else None
                if subject is None:
                    certain = False
                elif patterns.matches(pattern, subject):
                    return True if certain else None
            except Unknown:
                self.state.forget(expand.assigned_names(written))
                certain = False
        return False if certain else None

    # --- loops ---------------------------------------------------------------------------------------------------

    def _for(self, command: For) -> None:
        words = None if command.words is None else self.fields(command.words)
        if command.words is None:
            words = self.state.get_positional()
        before = self.state.copy()
        try:
            if words is None:
                raise Maybe(returned=False)
            self.status = 0
            for word in words:
                self.state.set(command.name, word)
                if not self._round(command.body):
                    break
        except Maybe as left:
            if left.returned:
                raise
            self.state = before
            self.state.forget([command.name])
            self._forget_loop(command.body)

    def _round(self, body: tuple[Item, ...]) -> bool:
        """One round of a loop; whether another may follow."""
        try:
            self.items(body)
        except LoopLeft as left:
            self.status = 0
            return left.again
        return True

    def _loop(self, command: Loop) -> None:
        before = self.state.copy()
        rounds = 0
        try:
            while True:
                self.items(command.condition)
                if self.status is None:
                    raise Maybe(returned=False)
                if (self.status == 0) == command.until:
                    break
                rounds += 1
                if not self._round(command.body):
                    break
            self.status = None if rounds else 0
        except Maybe as left:
            if left.returned:
                raise
            self.state = before
            self._forget_loop(command.condition + command.body)

    def _forget_loop(self, items: tuple[Item, ...]) -> None:
        reach = self._forget_changes(items)
        if reach.declares_locals:  # then what the function gives back at its end is not certain either
            raise Lost
        if reach.returns:
            raise Maybe(returned=True)

    def _forget_changes(self, items: tuple[Item, ...]) -> Reach:
        """These commands may have done all that they can, any number of times."""
        reach = affected(items, self.state.functions)
        if reach.everything:
            raise Lost
        self.state.forget(reach.variables)
        if reach.positional:
            self.state.set_positional(None)
        self.state.folder = None
        for name in reach.functions:
            self.state.functions[name] = None
        self.status = None
        return reach

    # --- simple commands -----------------------------------------------------------------------------------------

    def _simple(self, command: Simple) -> None:
        self.redirects(command.redirects)
        if not command.words:
            for assign in command.assigns:
                self.assign(assign)
            self.status = None if any(has_substitution(assign.value) for assign in command.assigns) else 0
            return
        name, arguments = self.command_line(command.words)
        if name is None:  # nothing but empty expansions
            if command.assigns:
                raise Lost
            self.status = None
            return
        lasting = name in SPECIAL
        before = self.state.variables.copy() if command.assigns else {}
        for assign in command.assigns:
            self.assign(assign)
        self._run(name, arguments, command.words)
        if not lasting:
            for assign in command.assigns:
                if assign.name in before:
                    self.state.variables[assign.name] = before[assign.name]
                else:
                    self.state.unset(assign.name)

    def _run(self, name: str, arguments: list[str] | None, words: tuple[Word | Assign, ...]) -> None:
        functions = self.state.functions
        if name not in SPECIAL and name in functions:
            function = functions[name]
            if function is None:
                raise Lost
            self.call(function, arguments)
            return
        builtin = self.builtins.get(name)
        if builtin is None:
            self.status = None  # another program
            return
        builtin(self, Call(name, arguments, words))

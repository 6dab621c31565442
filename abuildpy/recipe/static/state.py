# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a shell while a script is followed without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from abuildpy.recipe.static.patterns import Unknown
from abuildpy.recipe.syntax.nodes import Definition

CHANGING = frozenset(
    "_ - LINENO RANDOM PPID PWD OLDPWD SECONDS EPOCHSECONDS EPOCHREALTIME OPTIND OPTARG OPTERR SHLVL HISTFILE FUNCNAME "
    "COLUMNS LINES PS1 PS2 PS4".split()
)
"""Variables that the shell itself sets."""
_LONGEST = 1 << 20
_T = TypeVar("_T")
_EFFORT = 20_000_000
"""Some seconds of work. Real recipes need up to a hundredth of that."""


class Lost(Exception):
    """From here on nothing is certain any more."""


class State:
    """Variables, functions, positional parameters and the current folder; what is not certain of them is None.

    In an ``open_world`` the configuration is not known: a variable in capitals may be set though nothing here set it.
    """

    __slots__ = ("_effort", "_positional", "folder", "functions", "open_world", "variables")

    def __init__(self, variables: Mapping[str, str | None], *, open_world: bool) -> None:
        self.variables: dict[str, str | None] = dict(variables)
        self.functions: dict[str, Definition | None] = {}
        self.folder: str | None = None
        self._positional: list[str] | None = None
        self.open_world = open_world
        self._effort = [_EFFORT]

    def copy(self) -> State:
        """A state that changes by itself."""
        other = State(self.variables, open_world=self.open_world)
        other.functions = dict(self.functions)
        other.folder = self.folder
        other._positional = self._positional
        other._effort = self._effort
        self.spend(len(self.variables))
        return other

    def fresh(self) -> State:
        """The same, to begin with: with all the effort that may be spent on one recipe."""
        other = self.copy()
        other._effort = [_EFFORT]
        return other

    def spend(self, effort: int) -> None:
        """Counts work done for one recipe. Raises Lost where it becomes too much."""
        self._effort[0] -= effort
        if self._effort[0] < 0:
            raise Lost

    def get(self, name: str) -> str | None:
        """A variable's value, None if it is unset. Raises Unknown if neither is certain."""
        if name in self.variables:
            value = self.variables[name]
            if value is None:
                raise Unknown
            return value
        if self.is_open(name):
            raise Unknown
        return None

    def is_open(self, name: str) -> bool:
        """Whether a variable that the script did not set may be set all the same."""
        return name in CHANGING or (self.open_world and name.isupper() and name != "IFS")

    def set(self, name: str, value: str) -> None:
        """Gives a variable a value."""
        if len(value) > _LONGEST:
            raise Lost
        self.spend(len(value) >> 4)
        self.variables[name] = value

    def forget(self, names: Iterable[str]) -> None:
        """These variables may have any value, or none. An empty name stands for all of them."""
        for name in names:
            if not name:
                raise Lost
            self.variables[name] = None

    def unset(self, name: str) -> None:
        """The variable is no more."""
        if self.is_open(name):
            self.variables[name] = None
        else:
            self.variables.pop(name, None)

    @property
    def positional(self) -> list[str]:
        """``$1`` and so on. Raises Unknown."""
        if self._positional is None:
            raise Unknown
        return self._positional

    def set_positional(self, arguments: list[str] | None) -> None:
        """Sets ``$1`` and so on; None: they are not known."""
        self._positional = arguments

    def get_positional(self) -> list[str] | None:
        """The positional parameters, None if they are not known."""
        return self._positional


def merged(states: list[State]) -> State:
    """What is certain if the shell is in one of these states, at least one, but nobody knows in which."""
    first = states[0]
    for other in states[1:]:
        _keep_common(first.variables, other.variables)
        _keep_common(first.functions, other.functions)
        if first.get_positional() != other.get_positional():
            first.set_positional(None)
        if first.folder != other.folder:
            first.folder = None
    return first


def _keep_common(first: dict[str, _T | None], other: Mapping[str, _T | None]) -> None:
    """Makes everything in ``first`` unknown that ``other`` has not got as well, or lacks."""
    for name in first.keys() | other.keys():
        if name not in first or name not in other or first[name] != other[name]:
            first[name] = None

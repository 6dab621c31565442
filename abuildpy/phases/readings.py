# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes that shells are to read: those that wait for one, and what was told of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from abuildpy.recipe.conversation import Base, Scripts
from abuildpy.recipe.plain import Plain

_GROUP = 80
"""Plain recipes in one subshell."""


class Task(NamedTuple):
    """A recipe to read: a number to know it by, and how it may be read."""

    number: int
    path: str
    plain: Plain | None
    candidates: tuple[bytes, ...]
    """Names that may be functions; only for a recipe that is not plain."""


class Reading(NamedTuple):
    """What a shell told of a recipe that was read alone."""

    task: Task
    listing: bytes
    """All variables afterwards, as ``set`` prints them."""
    functions: bytes
    """What ``type`` said of the candidates."""
    said: bytes
    """Its standard error with the trace."""
    base: Base
    """How the shell was before."""


class PlainReading(NamedTuple):
    """What a shell told of a plain recipe, in the form that packs have."""

    task: Task
    hot: bytes
    others: bytes
    derived: str | None
    """What it has besides, if it is usual; else None, and all is in ``others``."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A recipe that could not be read in company."""

    task: Task
    said: bytes
    """Its trace, if it was read alone and told a status; else empty."""


class Waiting:
    """Recipes that no shell was told to read yet."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._next: Task | None = next(self._tasks, None)
        self._together: deque[Task] = deque()
        self._alone: deque[Task] = deque()

    def __bool__(self) -> bool:
        return self._next is not None or bool(self._together) or bool(self._alone)

    def give_back(self, tasks: Iterable[Task]) -> None:
        """Takes recipes that are to be read after all."""
        for task in tasks:
            (self._alone if task.plain is None else self._together).append(task)

    def all(self) -> list[Task]:
        """All of them, which then wait no more."""
        found = [*self._together, *self._alone]
        self._together.clear()
        self._alone.clear()
        if self._next is not None:
            found += (self._next, *self._tasks)
            self._next = None
        return found

    def unit(self, scripts: Scripts) -> tuple[tuple[Task, ...], bool]:
        """A recipe that is read alone, or some that are read together (then True)."""
        while not self._alone and len(self._together) < _GROUP and self._next is not None:
            task = self._next
            self._next = next(self._tasks, None)
            if task.plain is not None and scripts.fits(task.plain):
                self._together.append(task)
            else:
                self._alone.append(task)
        if self._alone:
            return (self._alone.popleft(),), False
        return tuple(self._together.popleft() for _ in range(min(_GROUP, len(self._together)))), True

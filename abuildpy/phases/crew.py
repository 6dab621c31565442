# SPDX-License-Identifier: GPL-3.0-or-later
"""A crew of shells, one for each processor, that read recipes behind the walls.

A shell that dies, hangs or floods us is replaced. The recipe that it was reading is given back unread, to be tried alone
(``evaluate.py``), which finds out what is wrong with it; all others are read by the next shell.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

from abuildpy.errors import SandboxError
from abuildpy.phases.pipes import Pipe
from abuildpy.phases.readershell import ReaderShell, Unit, listen
from abuildpy.phases.readings import PlainReading, Reading, Task, Unread, Waiting
from abuildpy.recipe.conversation import Scripts
from abuildpy.sandbox.base import Running

_PATIENCE = 15.0
_AHEAD = 2
"""Units that wait in a shell's pipe, so that it never waits for us."""
_DEATHS = 20
"""After that many, what is left is given back."""

StartShell = Callable[[tuple[Pipe, ...], int], Running]
"""Starts a shell on three pipes (answers, complaints, orders); the number tells it from the others."""


class Crew:
    """Reads recipes; a context manager, at whose end no shell is left."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        """``patience``: seconds in which a shell has to answer something."""
        self._patience = patience
        self._stack = ExitStack()
        self._shells: list[ReaderShell] = []
        self._start: StartShell = _not_begun
        self._size = 0
        self._deaths = 0
        self._started = 0

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def begin(self, start: StartShell, size: int, meanwhile: Callable[[], None]) -> None:
        """Starts ``size`` shells and sees that the first one works; ``meanwhile`` is called while they start.

        Raises WallError if the wall does not hold, SandboxError if the shell ends at once.
        """
        self._start, self._size = start, size
        while len(self._shells) < size:
            self._add_shell()
        meanwhile()
        first = self._shells[0]
        while first.scripts is None:
            alive = listen([first], self._patience)
            if first in alive:
                continue
            for shell in self._shells:
                shell.running.kill()
            self._shells = []
            status = first.running.wait()  # raises WallError
            raise SandboxError(f"the shell that reads recipes ended with status {status}")

    def read(self, tasks: Iterable[Task]) -> Iterator[Reading | PlainReading | Unread]:
        """Reads recipes, in whatever order."""
        waiting = Waiting(tasks)
        while True:
            while waiting and len(self._shells) < self._size and self._deaths < _DEATHS:
                self._add_shell()
            if waiting and not self._shells:
                yield from (Unread(task, b"") for task in waiting.all())
            for shell in self._shells:
                self._feed(shell, waiting)
            if not waiting and not any(shell.units for shell in self._shells):
                return
            alive = listen(self._shells, self._patience)
            for shell in tuple(self._shells):
                yield from _finished(shell, waiting)
                if shell not in alive:
                    yield from self._bury(shell, waiting)

    def _feed(self, shell: ReaderShell, waiting: Waiting) -> None:
        scripts = shell.scripts
        if scripts is None:
            return
        while len(shell.units) < _AHEAD and waiting:
            tasks, grouped = waiting.unit(scripts)
            token = os.urandom(8).hex().encode()
            if grouped:
                members = [(task.path, task.plain) for task in tasks if task.plain is not None]
                script = scripts.group(token, members)
            else:
                script = scripts.alone(token, tasks[0].path, tasks[0].candidates)
            if not shell.units:
                shell.heard = time.monotonic()
            shell.tell(script, Unit(tasks, grouped, token))
        if shell.outgoing:
            shell.send()

    def _add_shell(self) -> None:
        start, number = self._start, self._started
        self._started += 1
        stack = ExitStack()
        self._stack.push(stack)
        self._shells.append(ReaderShell(stack, lambda made: start(made, number)))

    def _bury(self, shell: ReaderShell, waiting: Waiting) -> Iterator[Unread]:
        self._shells.remove(shell)
        self._deaths += 1
        shell.close()
        for at, unit in enumerate(shell.units):
            tasks = unit.tasks
            if at == 0:
                done = (
                    len(shell.scripts.told(shell.told_so_far(), unit.token)[0]) if unit.grouped and shell.scripts else 0
                )
                guilty = tasks[min(done, len(tasks) - 1)]
                yield Unread(guilty, b"")
                tasks = tuple(task for task in tasks if task is not guilty)
            waiting.give_back(tasks)


def _not_begun(_pipes: tuple[Pipe, ...], _number: int) -> Running:
    raise RuntimeError("the crew has not begun")


def _finished(shell: ReaderShell, waiting: Waiting) -> Iterator[Reading | PlainReading | Unread]:
    """What has come of the shell's units so far; those that are done leave its list."""
    base = shell.base
    while shell.units and base is not None:
        unit = shell.units[0]
        if unit.ended is None or unit.said is None:
            return
        shell.units.popleft()
        if unit.grouped and shell.scripts is not None:
            yield from _group(unit, shell.scripts, waiting)
            continue
        fields = unit.told.split(b"\0")
        if unit.ended == b"0" and len(fields) == 3:
            yield Reading(unit.tasks[0], fields[0], fields[1], unit.said, base)
        else:
            yield Unread(unit.tasks[0], unit.said)


def _group(unit: Unit, scripts: Scripts, waiting: Waiting) -> Iterator[PlainReading | Unread]:
    records, left_behind = scripts.told(unit.told, unit.token)
    if len(records) < len(unit.tasks) or unit.ended != b"0":  # the subshell ended too early
        guilty = unit.tasks[min(len(records), len(unit.tasks) - 1)]
        yield Unread(guilty, b"")
        waiting.give_back(task for task in unit.tasks if task is not guilty)
        return
    for task, (hot, others) in zip(unit.tasks, records, strict=True):
        usual = task.plain is not None and scripts.is_usual(task.plain)
        # -dbg is more than usual, and nobody could see it coming.
        if (usual and b"dbg" in hot) or (left_behind and task.plain and not left_behind.isdisjoint(task.plain.asked)):
            yield Unread(task, b"")
        else:
            yield PlainReading(task, hot, others, scripts.derived if usual else None)

# SPDX-License-Identifier: GPL-3.0-or-later
"""A crew of shells, one for each processor, that read recipes behind the walls.

A shell that dies, hangs or floods us is replaced. The recipe that it was reading is given back unread, to be tried alone
(``evaluate.py``), which finds out what is wrong with it; all others are read by the next shell.
"""

from __future__ import annotations

import fcntl
import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from abuildpy.errors import SandboxError
from abuildpy.phases.pipes import Pipe, pipes
from abuildpy.recipe.conversation import Base, Scripts, read_base, shell_start
from abuildpy.recipe.plain import Plain
from abuildpy.sandbox.base import Running

_PATIENCE = 15.0
_FLOOD = 1 << 24
"""Bytes: no answer is that long."""
_LONGEST_END = 32
_GROUP = 40
"""Plain recipes in one subshell."""
_AHEAD = 3
"""Units that wait in a shell's pipe, so that it never waits for us."""
_PIPE = 1 << 20
_DEATHS = 20
"""After that many, what is left is given back."""


@dataclass(frozen=True, slots=True)
class Task:
    """A recipe to read: a number to know it by, and how it may be read."""

    number: int
    path: str
    plain: Plain | None
    candidates: tuple[bytes, ...]
    """Names that may be functions; only for a recipe that is not plain."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a shell told of a recipe."""

    task: Task
    listing: bytes
    """All variables afterwards, as ``set`` prints them."""
    functions: bytes | None
    """What ``type`` said of the candidates; None for a plain recipe."""
    said: bytes
    """Its standard error with the trace, for a recipe that is not plain."""
    base: Base
    """How the shell was before."""


@dataclass(slots=True)
class _Unit:
    tasks: tuple[Task, ...]
    grouped: bool
    token: bytes
    fields: list[bytes] = field(default_factory=list)
    taken: int = 0
    ended: bytes | None = None
    said: bytes | None = None


class _Shell:
    """One shell: what it was told and has not answered yet."""

    def __init__(self, stack: ExitStack, start: Callable[[tuple[Pipe, ...]], Running]) -> None:
        self._stack = stack
        made = stack.enter_context(pipes(3))
        self.answers, self.complaints, self.orders = made
        for pipe in made:
            try:
                fcntl.fcntl(pipe.send, fcntl.F_SETPIPE_SZ, _PIPE)
            except OSError:  # a user's pipes are limited in all
                pass
        self.running = stack.enter_context(start(made))
        self.answers.close_send()
        self.complaints.close_send()
        self.orders.close_receive()
        for end in (self.answers.receive, self.complaints.receive, self.orders.send):
            os.set_blocking(end, False)
        self.units: deque[_Unit] = deque()
        self.outgoing = bytearray(shell_start())
        self.heard = time.monotonic()
        self.base: Base | None = None
        self.scripts: Scripts | None = None
        self._first: list[bytes] = []
        self._answer_rest = b""
        self._said_rest = b""

    def close(self) -> None:
        """Ends the shell and all that it started."""
        self._stack.close()

    def tell(self, script: bytes, unit: _Unit) -> None:
        self.units.append(unit)
        self.outgoing += script

    def send(self) -> None:
        try:
            count = os.write(self.orders.send, self.outgoing)
        except BlockingIOError:
            return
        except BrokenPipeError:
            self.outgoing.clear()
            return
        del self.outgoing[:count]

    def hear_answers(self) -> bool:
        """Takes what is there; False at the end of the stream, or of our patience with it."""
        data = _read(self.answers.receive)
        if data is None:
            return True
        if not data:
            return False
        self.heard = time.monotonic()
        *fields, self._answer_rest = (self._answer_rest + data).split(b"\0")
        units = iter(self.units)
        unit = next((each for each in units if each.ended is None), None)
        for each in fields:
            if self.scripts is None:
                self._first.append(each)
                if len(self._first) == 2:
                    self.base = read_base(*self._first)
                    self.scripts = Scripts(self.base)
                    self.outgoing += self.scripts.prelude()
            elif unit is None:
                return False
            elif (end := each.rfind(b"=" + unit.token, -_LONGEST_END)) >= 0:  # after what a recipe's own printf left
                unit.ended = each[end:]
                unit = next(units, None)
            else:
                unit.fields.append(each)
        return len(self._answer_rest) < _FLOOD

    def hear_complaints(self) -> bool:
        data = _read(self.complaints.receive)
        if data is None:
            return True
        if not data:
            return False
        rest = self._said_rest + data
        for unit in self.units:
            if unit.said is not None:
                continue
            said, found, after = rest.partition(b"\0" + unit.token + b"\0")
            if not found:
                break
            unit.said, rest = said, after
        self._said_rest = rest
        return len(rest) < _FLOOD


@dataclass(frozen=True, slots=True)
class Unread:
    """A recipe that could not be read in company."""

    task: Task
    said: bytes
    """Its trace, if it was read alone and told a status; else empty."""


StartShell = Callable[[tuple[Pipe, ...], int], Running]
"""Starts a shell on three pipes (answers, complaints, orders); the number tells it from the others."""


class Crew:
    """Reads recipes; a context manager, at whose end no shell is left."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        """``patience``: seconds in which a shell has to answer something."""
        self._patience = patience
        self._stack = ExitStack()
        self._shells: list[_Shell] = []
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
            alive = _listen([first], self._patience)
            if first in alive:
                continue
            for shell in self._shells:
                shell.running.kill()
            self._shells = []
            status = first.running.wait()  # raises WallError
            raise SandboxError(f"the shell that reads recipes ended with status {status}")

    def read(self, tasks: Iterable[Task]) -> Iterator[Reading | Unread]:
        """Reads recipes, in whatever order."""
        waiting = _Waiting(tasks)
        while True:
            while waiting and len(self._shells) < self._size and self._deaths < _DEATHS:
                self._add_shell()
            if waiting and not self._shells:
                yield from (Unread(task, b"") for task in waiting.all())
            for shell in self._shells:
                self._feed(shell, waiting)
            if not waiting and not any(shell.units for shell in self._shells):
                return
            alive = _listen(self._shells, self._patience)
            for shell in tuple(self._shells):
                yield from _finished(shell, waiting)
                if shell not in alive:
                    yield from self._bury(shell, waiting)

    def _feed(self, shell: _Shell, waiting: _Waiting) -> None:
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
            shell.tell(script, _Unit(tasks, grouped, token))
        if shell.outgoing:
            shell.send()

    def _add_shell(self) -> None:
        start, number = self._start, self._started
        self._started += 1
        stack = ExitStack()
        self._stack.push(stack)
        self._shells.append(_Shell(stack, lambda made: start(made, number)))

    def _bury(self, shell: _Shell, waiting: _Waiting) -> Iterator[Unread]:
        self._shells.remove(shell)
        self._deaths += 1
        shell.close()
        for at, unit in enumerate(shell.units):
            left = unit.tasks[unit.taken :]
            if at == 0 and left:
                yield Unread(left[0], b"")
                left = left[1:]
            waiting.give_back(left)


def _not_begun(_pipes: tuple[Pipe, ...], _number: int) -> Running:
    raise RuntimeError("the crew has not begun")


class _Waiting:
    """Recipes that no shell was told to read yet."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks = iter(tasks)
        self._next: Task | None = next(self._tasks, None)
        self._together: deque[Task] = deque()
        self._alone: deque[Task] = deque()

    def __bool__(self) -> bool:
        return self._next is not None or bool(self._together) or bool(self._alone)

    def give_back(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            (self._alone if task.plain is None else self._together).append(task)

    def all(self) -> list[Task]:
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


def _listen(shells: Sequence[_Shell], patience: float) -> list[_Shell]:
    """Waits until a shell has something to say, takes that, and sends what it is to do; returns those still alive."""
    poll = select.poll()
    for shell in shells:
        poll.register(shell.answers.receive, select.POLLIN)
        poll.register(shell.complaints.receive, select.POLLIN)
        if shell.outgoing:
            poll.register(shell.orders.send, select.POLLOUT)
    ready = {end for end, _ in poll.poll(500)}
    alive = []
    for shell in shells:
        if shell.outgoing and shell.orders.send in ready:
            shell.send()
        # Complaints first: what is said after an answer belongs to the next recipe.
        fine = shell.complaints.receive not in ready or shell.hear_complaints()
        fine = (shell.answers.receive not in ready or shell.hear_answers()) and fine
        busy = bool(shell.units) or shell.scripts is None
        if fine and not (busy and time.monotonic() - shell.heard > patience):
            alive.append(shell)
    return alive


def _finished(shell: _Shell, waiting: _Waiting) -> Iterator[Reading | Unread]:
    """What has come of the shell's units so far; those that are done leave its list."""
    base = shell.base
    while shell.units and base is not None:
        unit = shell.units[0]
        if unit.grouped:
            for task, listing in zip(unit.tasks[unit.taken :], unit.fields, strict=False):
                yield Reading(task, listing, None, b"", base)
            unit.taken = min(unit.taken + len(unit.fields), len(unit.tasks))
            unit.fields.clear()
        if unit.ended is None or unit.said is None:
            return
        shell.units.popleft()
        if unit.grouped:
            for task in unit.tasks[unit.taken : unit.taken + 1]:  # where the subshell ended too early
                yield Unread(task, b"")
            waiting.give_back(unit.tasks[unit.taken + 1 :])
        elif unit.ended.endswith(b" 0") and len(unit.fields) == 2:
            yield Reading(unit.tasks[0], unit.fields[0], unit.fields[1], unit.said, base)
        else:
            yield Unread(unit.tasks[0], unit.said)


def _read(descriptor: int) -> bytes | None:
    """What is there; empty at the end, None if there is nothing yet."""
    try:
        return os.read(descriptor, _PIPE)
    except BlockingIOError:
        return None

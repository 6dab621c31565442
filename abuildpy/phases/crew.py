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
from dataclasses import dataclass
from typing import NamedTuple

from abuildpy.errors import SandboxError
from abuildpy.phases.pipes import Pipe, pipes
from abuildpy.recipe.conversation import Base, Scripts, read_base, shell_start
from abuildpy.recipe.plain import Plain
from abuildpy.sandbox.base import Running

_PATIENCE = 15.0
_FLOOD = 1 << 24
"""Bytes: no answer is that long."""
_GROUP = 80
"""Plain recipes in one subshell."""
_AHEAD = 2
"""Units that wait in a shell's pipe, so that it never waits for us."""
_PIPE = 1 << 20
_PART = 1 << 18
_DEATHS = 20
"""After that many, what is left is given back."""


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


@dataclass(slots=True)
class _Unit:
    tasks: tuple[Task, ...]
    grouped: bool
    token: bytes
    told: bytes = b""
    ended: bytes | None = None
    """The status."""
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
        self._told = b""
        self._sought = 0
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
        self._told += data
        if self.scripts is None:
            variables, *more = self._told.split(b"\0", 2)
            if len(more) < 2:
                return len(self._told) < _FLOOD
            exported, self._told = more
            self.base = read_base(variables, exported)
            self.scripts = Scripts(self.base)
            self.outgoing += self.scripts.prelude()
        if self.scripts.derived is None:
            derived, ended, rest = self._told.partition(b"\0")
            if not ended:
                return len(self._told) < _FLOOD
            self.scripts.learn(derived)
            self._told = rest
        for unit in self.units:
            if unit.ended is not None:
                continue
            mark = b"=%b " % unit.token  # it may follow what a recipe's own printf left
            at = self._told.find(mark, self._sought)
            end = self._told.find(b"\0", at) if at >= 0 else -1
            if end < 0:
                self._sought = at if at >= 0 else max(0, len(self._told) - len(mark))
                break
            unit.told, unit.ended = self._told[:at], self._told[at + len(mark) : end]
            self._told = self._told[end + 1 :]
            self._sought = 0
        return len(self._told) < _FLOOD

    def told_so_far(self) -> bytes:
        """What was told of the first unit that has not ended."""
        return self._told

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

    def read(self, tasks: Iterable[Task]) -> Iterator[Reading | PlainReading | Unread]:
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


def _finished(shell: _Shell, waiting: _Waiting) -> Iterator[Reading | PlainReading | Unread]:
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


def _group(unit: _Unit, scripts: Scripts, waiting: _Waiting) -> Iterator[PlainReading | Unread]:
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


def _read(descriptor: int) -> bytes | None:
    """What is there; empty at the end, None if there is nothing yet."""
    try:
        return os.read(descriptor, _PART)
    except BlockingIOError:
        return None

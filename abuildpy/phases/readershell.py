# SPDX-License-Identifier: GPL-3.0-or-later
"""One shell that reads recipes behind the walls: what goes to and fro over its pipes."""

from __future__ import annotations

import fcntl
import os
import select
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from abuildpy.phases.pipes import Pipe, pipes
from abuildpy.phases.readings import Task
from abuildpy.recipe.conversation import Base, Scripts, read_base, shell_start
from abuildpy.sandbox.base import Running

_FLOOD = 1 << 24
"""Bytes: no answer is that long."""
_PIPE = 1 << 20
_PART = 1 << 18


@dataclass(slots=True)
class Unit:
    """Recipes that the shell was told of together. ``grouped``: they are read in one subshell; ``token`` marks their end."""

    tasks: tuple[Task, ...]
    grouped: bool
    token: bytes
    told: bytes = b""
    ended: bytes | None = None
    """The status."""
    said: bytes | None = None


class ReaderShell:
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
        self.units: deque[Unit] = deque()
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

    def tell(self, script: bytes, unit: Unit) -> None:
        """Has a script sent that reads a unit."""
        self.units.append(unit)
        self.outgoing += script

    def send(self) -> None:
        """Sends as much as goes into the pipe."""
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
        """The same of its standard error."""
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


def listen(shells: Sequence[ReaderShell], patience: float) -> list[ReaderShell]:
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


def _read(descriptor: int) -> bytes | None:
    """What is there; empty at the end, None if there is nothing yet."""
    try:
        return os.read(descriptor, _PART)
    except BlockingIOError:
        return None

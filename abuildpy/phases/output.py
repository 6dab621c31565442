# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes on what a stage writes, keeps a copy, and knows when it last did: what logs and a limit on silence need.

What comes out is byte for byte what goes in. Where ours is a terminal the stage has one too, and programs that ask see it.
There is no thread: whoever follows the stage calls :meth:`Heard.drain` when there is something to read, and before anything
is said about the stage, so that its words come first.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

_HIGH = 20
"""Descriptors of ours are moved above those that the shells inside know their ends by."""
_CHUNK = 1 << 20
"""Bytes that a pipe may hold: what writes much then seldom waits for us."""
_MOST_AT_ONCE = 1 << 22
"""Bytes after which other things get their turn."""


class Heard:
    """A stage's output on its way to ours: through a terminal of its own where ours is one, else through a pipe."""

    def __init__(self, keep: Callable[[bytes], None] = lambda _: None) -> None:
        """``keep`` gets a copy of everything, in the order in which it is passed on."""
        self._keep = keep
        self._last = time.monotonic()
        self._ends: list[int] = []
        self._targets: dict[int, int] = {}
        self.outputs: Mapping[int, int] = {}
        """Descriptors to give the stage as its standard output (1) and errors (2)."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What to poll for something to read."""
        return tuple(self._targets)

    def last(self) -> float:
        """When the stage last wrote, on the clock of ``time.monotonic``."""
        return self._last

    def __enter__(self) -> Self:
        first = self._channel(1)
        self.outputs = {1: first, 2: first if _same(1, 2) else self._channel(2)}
        return self

    def started(self) -> None:
        """The stage has its descriptors: ours for the same are closed, so that its end can be seen."""
        while self._ends:
            os.close(self._ends.pop())

    def drain(self) -> None:
        """Passes on what is there, without waiting for more."""
        for receive in self.descriptors:
            taken = 0
            while taken < _MOST_AT_ONCE:
                try:
                    data = os.read(receive, _CHUNK)
                except BlockingIOError:
                    break
                except OSError:  # a terminal's end
                    data = b""
                if not data or not self._pass_on(data, self._targets[receive]):
                    # After this whoever still writes is told that nobody listens, as it would have been by ours.
                    del self._targets[receive]
                    os.close(receive)
                    break
                taken += len(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        self.drain()
        for receive in self._targets:
            os.close(receive)
        self._targets.clear()

    def _channel(self, target: int) -> int:
        """A descriptor whatever is written to arrives at ``target``."""
        receive, send = _terminal_like(target) if os.isatty(target) else _large_pipe()
        high = fcntl.fcntl(send, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(send)
        with contextlib.suppress(OSError):  # programs open it anew as /dev/stderr, and may be somebody else
            os.fchmod(high, 0o666)
        os.set_blocking(receive, False)
        self._ends.append(high)
        self._targets[receive] = target
        return high

    def _pass_on(self, data: bytes, target: int) -> bool:
        """Writes all of it; False where nobody reads any more."""
        self._last = time.monotonic()
        self._keep(data)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(target, view) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(target, select.POLLOUT)
                poll.poll()
            except OSError:
                return False
        self._last = time.monotonic()
        return True


def _same(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _large_pipe() -> tuple[int, int]:
    receive, send = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # users have only so much
        fcntl.fcntl(send, fcntl.F_SETPIPE_SZ, _CHUNK)
    return receive, send


def _terminal_like(target: int) -> tuple[int, int]:
    """Both ends of a terminal of the same size that changes nothing on the way: ours does what is to be done at line ends."""
    import termios

    receive, send = os.openpty()
    state = termios.tcgetattr(send)
    state[1] &= ~termios.OPOST
    state[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(send, termios.TCSANOW, state)
    with contextlib.suppress(OSError):
        fcntl.ioctl(send, termios.TIOCSWINSZ, fcntl.ioctl(target, termios.TIOCGWINSZ, bytes(8)))
    return receive, send

# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes on what a stage writes, and knows when it last did: what a limit on silence needs.

Only :class:`Heard` is known to others: descriptors for the stage, and a callable that tells when it last wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import termios
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

_HIGH = 20
"""Descriptors of ours are moved above those that the shells inside know their ends by."""


class Heard:
    """A stage's output on its way to ours: through a terminal of its own where ours is one, else through a pipe."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._ends: list[int] = []
        self._pumps: list[threading.Thread] = []
        self.outputs: Mapping[int, int] = {}
        """Descriptors to give the stage as its standard output (1) and errors (2)."""

    def last(self) -> float:
        """When the stage last wrote, on the clock of ``time.monotonic``."""
        return self._last

    def __enter__(self) -> Self:
        one = _same(1, 2)
        first = self._channel(1)
        self.outputs = {1: first, 2: first if one else self._channel(2)}
        return self

    def started(self) -> None:
        """The stage has its descriptors: ours for the same are closed, so that its end can be seen."""
        while self._ends:
            os.close(self._ends.pop())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        for pump in self._pumps:
            pump.join()

    def _channel(self, target: int) -> int:
        """A descriptor whatever is written to arrives at ``target``."""
        terminal = os.isatty(target)
        receive, send = os.openpty() if terminal else os.pipe2(os.O_CLOEXEC)
        if terminal:
            _plain(send)
            with contextlib.suppress(OSError):
                fcntl.ioctl(send, termios.TIOCSWINSZ, fcntl.ioctl(target, termios.TIOCGWINSZ, bytes(8)))
        high = fcntl.fcntl(send, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(send)
        with contextlib.suppress(OSError):  # programs open it anew as /dev/stderr, and may be somebody else
            os.fchmod(high, 0o666)
        self._ends.append(high)
        pump = threading.Thread(target=self._pump, args=(receive, target), daemon=True)
        self._pumps.append(pump)
        pump.start()
        return high

    def _pump(self, receive: int, target: int) -> None:
        try:
            while data := os.read(receive, 1 << 16):
                self._last = time.monotonic()
                view = memoryview(data)
                while view:
                    view = view[os.write(target, view) :]
                self._last = time.monotonic()
        except OSError:  # a terminal's end, or nobody listens to us any more; then whoever writes to us is told
            pass
        finally:
            os.close(receive)


def _same(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _plain(terminal: int) -> None:
    """Nothing is changed on the way: our own terminal does what is to be done at the ends of lines."""
    state = termios.tcgetattr(terminal)
    state[1] &= ~termios.OPOST
    state[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal, termios.TCSANOW, state)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Lends our terminal to a stage by way of one of its own, so that nothing in it can type into ours."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import termios
import time
import tty
from collections.abc import Mapping
from types import TracebackType
from typing import Self

_HIGH = 20
_CHUNK = 1 << 16
_END = b"\x04"


class Terminal:
    """A terminal for a shell that somebody types into. Same use as :class:`abuildpy.phases.output.Heard`."""

    def __init__(self) -> None:
        self.outputs: Mapping[int, int] = {}
        """Descriptors to give the stage as its standard input, output and errors."""
        self._receive = self._end = -1
        self._typing = True
        self._before: list[object] = []

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What to poll for something to read."""
        return (*((self._receive,) if self._receive >= 0 else ()), *((0,) if self._typing else ()))

    def __enter__(self) -> Self:
        self._receive, send = os.openpty()
        self._before = termios.tcgetattr(0)
        termios.tcsetattr(send, termios.TCSANOW, self._before)  # type: ignore[arg-type]
        self._end = fcntl.fcntl(send, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(send)
        with contextlib.suppress(OSError):  # /dev/tty is opened by whoever the stage runs as
            os.fchmod(self._end, 0o666)
        os.set_blocking(self._receive, False)
        self.outputs = {0: self._end, 1: self._end, 2: self._end}
        self._resize()
        signal.signal(signal.SIGWINCH, lambda *_: self._resize())
        tty.setraw(0)
        return self

    def started(self) -> None:
        """The stage has its descriptors: ours for the same is closed, so that its end can be seen."""
        if self._end >= 0:
            os.close(self._end)
            self._end = -1

    def last(self) -> float:
        """Now: whoever types may take any time."""
        return time.monotonic()

    def drain(self) -> None:
        """Passes on what was typed and what is to be shown, without waiting for more."""
        if self._typing and select.select([0], [], [], 0)[0]:
            typed = os.read(0, _CHUNK)
            self._typing = bool(typed)
            with contextlib.suppress(OSError):
                os.write(self._receive, typed or _END)
        while self._receive >= 0:
            try:
                data = os.read(self._receive, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                os.close(self._receive)
                self._receive = -1
            while data:
                data = data[os.write(1, data) :]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.started()
        self._typing = False
        self.drain()
        if self._receive >= 0:
            os.close(self._receive)
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        termios.tcsetattr(0, termios.TCSADRAIN, self._before)  # type: ignore[arg-type]

    def _resize(self) -> None:
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(1, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._receive, termios.TIOCSWINSZ, size)

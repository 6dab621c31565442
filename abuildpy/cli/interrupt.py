# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals that ask a program to end: raised as exceptions, but not in the middle of an import.

An exception there is sometimes swallowed by Python's import system, which may then also leave a lock behind that a thread
waits for. So what arrives during an import is raised a moment later.
"""

from __future__ import annotations

import signal

from abuildpy.errors import Aborted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOMENT = 0.01


def raise_signals() -> None:
    """From now on SIGINT raises KeyboardInterrupt, SIGTERM and SIGHUP raise Aborted, in the main thread.

    A signal that was ignored when the program started (``nohup``) stays so. Uses SIGALRM.
    """
    handler = _Handler()
    for number in _ASKING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)
    signal.signal(signal.SIGALRM, handler)


def ignore_signals() -> None:
    """From now on nothing of that kind: the program is about to end, and tidies up."""
    for number in (*_ASKING, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)


class _Handler:
    def __init__(self) -> None:
        self._pending: int | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGALRM:
            self._pending = number
        if self._pending is None:
            return
        if _is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, _MOMENT)
            return
        asked, self._pending = self._pending, None
        if asked == signal.SIGINT:
            raise KeyboardInterrupt
        raise Aborted(f"Ended by {signal.Signals(asked).name}")


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False

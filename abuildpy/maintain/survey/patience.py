# SPDX-License-Identifier: GPL-3.0-or-later
"""An end to looking at a source: what a stranger wrote may be made for the patterns that search it to take years."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from abuildpy.errors import AbuildError

LONGEST_LOOK = 60.0
"""Seconds of computing. The largest sources take a few."""


class TooLongError(AbuildError):
    """A source that cannot be looked at in any reasonable time."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raises TooLongError where the block computes longer (waiting does not count); in the main thread, and nowhere else."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TooLongError(
            f"the source cannot be looked at: searching its files takes more than {seconds:.0f} s",
            hint="it may be made for that; with NAME-VERSION instead of an address, a recipe is made without looking",
        )

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

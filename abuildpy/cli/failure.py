# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what went wrong into a message and an exit status; the last line of defence before a traceback."""

from __future__ import annotations

import errno
import os
import sys

from abuildpy.errors import Aborted, AbuildError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from abuildpy.ui.console import Console


def report(error: BaseException, console: Console, explain: Callable[[AbuildError], bool] = lambda _: False) -> int:
    """Prints one error and returns the exit status it calls for. What is not the user's doing is raised again.

    ``explain`` may say more after the message, and tells whether it said enough to leave the hint out.
    """
    if isinstance(error, KeyboardInterrupt):
        error = Aborted("Aborted by user")
    if isinstance(error, OSError):
        error = _from_system(error)
    if not isinstance(error, AbuildError):
        raise error
    console.error(error.message)
    for line in error.details:
        console.error2(line)
    if not explain(error) and error.hint:
        console.error2(error.hint)
    return error.exit_status


def open_standard_streams() -> None:
    """Puts /dev/null where the caller has closed standard input, output or errors.

    Otherwise the next pipe or file opened would be taken for them, and ``sys.stdout`` would be None.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def guarded(action: Callable[[], int], console: Callable[[], Console]) -> int:
    """Runs a program's body; ``console`` gives the console to complain on at the time of the failure."""
    open_standard_streams()
    try:
        status = action()
        sys.stdout.flush()
    except (AbuildError, KeyboardInterrupt, OSError) as error:
        if isinstance(error, BrokenPipeError) and _nobody_listens():
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains at its end
            return 1
        return report(error, console())
    return status


def _nobody_listens() -> bool:
    """Whether standard output is a pipe whose reader has gone, as after ``| head``: no reason to say anything."""
    import select

    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _from_system(error: OSError) -> AbuildError:
    name = error.filename
    what = os.fsdecode(name) + ": " if isinstance(name, str | bytes) else ""
    hints = {
        errno.ENOSPC: "free some space, then run the same command again",
        errno.EDQUOT: "your quota is used up: free some space, then run the same command again",
        errno.EACCES: "check the permissions",
        errno.EROFS: "choose a folder that can be written (REPODEST, SRCDEST)",
    }
    return AbuildError(f"{what}{error.strerror or error}", hint=hints.get(error.errno or 0))

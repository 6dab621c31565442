# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what went wrong into a message and an exit status; the last line of defence before a traceback."""

from __future__ import annotations

import errno
import os

from abuildpy.errors import Aborted, AbuildError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from abuildpy.ui.console import Console


def report(error: BaseException, console: Console) -> int:
    """Prints one error and returns the exit status it calls for. What is not the user's doing is raised again."""
    if isinstance(error, KeyboardInterrupt):
        error = Aborted("Aborted by user")
    if isinstance(error, OSError):
        error = _from_system(error)
    if not isinstance(error, AbuildError):
        raise error
    console.error(error.message)
    for line in error.details:
        console.error2(line)
    if error.hint:
        console.error2(error.hint)
    return error.exit_status


def guarded(action: Callable[[], int], console: Callable[[], Console]) -> int:
    """Runs a program's body; ``console`` gives the console to complain on at the time of the failure."""
    try:
        return action()
    except (AbuildError, KeyboardInterrupt, OSError) as error:
        return report(error, console())


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

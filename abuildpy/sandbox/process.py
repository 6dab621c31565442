# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting processes and waiting for them: what all walls share.

``posix_spawn`` is used throughout: it is safe with threads, takes a fraction of ``subprocess``'s start-up, and what it
cannot do (sessions, parent-death signals, changing ids) is done by the programs started (bubblewrap, guard.py).
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.shell import find_program

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CLEAN_ENVIRONMENT: Mapping[str, str] = {"PATH": SYSTEM_PATH, "LC_ALL": "C"}
"""For helpers that run outside the walls: the recipe may have exported LD_PRELOAD and the like."""


def find_system_program(name: str) -> str | None:
    """Absolute path of an executable, searched in the system's folders first: what holds the wall up is not the caller's."""
    own = [folder for folder in os.environ.get("PATH", "").split(":") if folder.startswith("/")]
    return find_program(name, ":".join((SYSTEM_PATH, *own)))


def spawn(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: int | None,
    keep: Iterable[int],
    stderr: int | None = None,
) -> int:
    """Start a program and return its process id.

    Only standard input, output, errors and the descriptors in ``keep`` (same numbers) are open in it, whatever else the
    caller has inherited: an open folder of the host would be a way out. Ignored SIGPIPE and SIGXFSZ (Python's doing)
    are reset. Raises SandboxError when the program cannot be started.
    """
    keep = tuple(keep)
    actions: list[tuple[int, int, int] | tuple[int, int] | tuple[int, int, str, int, int]] = []
    if stdin is None:
        actions.append((os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0))
    else:
        actions.append((os.POSIX_SPAWN_DUP2, stdin, 0))
    if stderr is not None:
        actions.append((os.POSIX_SPAWN_DUP2, stderr, 2))
    actions += [(os.POSIX_SPAWN_DUP2, fd, fd) for fd in keep]  # onto itself: clears close-on-exec
    actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd > 2 and fd not in keep]
    try:
        return os.posix_spawn(
            argv[0],
            list(argv),
            env,
            file_actions=actions,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
            setsigmask=(),
        )
    except OSError as error:
        raise SandboxError(f"Cannot start {argv[0]}: {error.strerror}") from error


def in_memory(content: bytes) -> int:
    """A descriptor to read the content from."""
    fd = os.memfd_create("abuildpy")
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


@contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that ask us to end wait meanwhile: what is being started must first be known to whoever has to end it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _inheritable() -> list[int]:
    """Open descriptors that a program started now would get."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the descriptor of the listing itself
            continue
    return found


def status_of(wait_status: int) -> int:
    """Exit status from waitpid's; minus the signal where one ended the process.

    The programs between us and the stage report a signal as 128 + its number, as shells do; that is undone here.
    """
    code = os.waitstatus_to_exitcode(wait_status)
    return 128 - code if 128 < code <= 128 + signal.NSIG else code


def open_pidfd(pid: int) -> int | None:
    """A descriptor that becomes readable when the process has ended; None if it is gone already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    except OSError as error:
        raise SandboxError(
            f"Cannot watch process {pid}: {error.strerror}", hint="Linux 5.3 or newer is needed"
        ) from error


def wait_readable(fd: int, deadline: float | None) -> None:
    """Wait until the descriptor is readable; raises TimeoutError at ``deadline`` (time.monotonic)."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if poll.poll(left):
            return
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError


def is_inside(path: Path, folder: Path) -> bool:
    """Whether ``path`` is ``folder`` or lies below it, by name alone."""
    return path == folder or folder in path.parents

# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloading with the user's own curl or wget, as abuild-fetch does: whoever put a curl of theirs into PATH means it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from abuildpy.source.lock import locked
from abuildpy.source.uri import file_name, remote_uri

FORK_FAILED = 200
NOT_STARTED = 201
DIED = 202

_CURL_CANNOT_CONTINUE = 33
_STOPPING = (signal.SIGABRT, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def available() -> bool:
    """Whether there is a curl or a wget in PATH."""
    return bool(shutil.which("curl") or shutil.which("wget"))


def fetch_with_program(entry: str, folder: Path, *, insecure: bool, say: Callable[[str], None]) -> int:
    """Downloads ``[name::]address`` into ``folder`` with curl, or with wget where curl cannot be started.

    One process at a time does so for a file; ``say`` is told about waiting and continuing. A file that is there already
    is taken as it is. Returns 0, the program's own exit status, or one of FORK_FAILED, NOT_STARTED (neither could be),
    DIED (a signal ended it). Raises OSError where the folder cannot be used, and Stopped for a signal to us, after
    ending the program.
    """
    name, uri = file_name(entry), remote_uri(entry)
    out, part = folder / name, folder / f"{name}.part"
    with (
        _stoppable(),
        locked(folder / f"{name}.lock", waiting=lambda: say(f"Waiting for another process that is fetching {name}")),
    ):
        if out.exists():
            return 0
        insecure = insecure or uri.startswith("http://")
        status = _curl(uri, part, insecure, say)
        if status == NOT_STARTED:
            status = _wget(uri, part, insecure, say)
        if status == 0 and part.exists():
            part.rename(out)
        return status


def _curl(uri: str, part: Path, insecure: bool, say: Callable[[str], None]) -> int:
    options = ["curl", "-L", "-f", "-o", str(part), *(["--insecure"] if insecure else [])]
    if part.exists():
        say(f"Partial download found. Trying to resume: {part}")
        status = _run([*options, "--continue-at", "-", uri])
        if status != _CURL_CANNOT_CONTINUE:
            return status
        part.unlink(missing_ok=True)
    return _run([*options, uri])


def _wget(uri: str, part: Path, insecure: bool, say: Callable[[str], None]) -> int:
    options = ["wget", "-O", str(part), *(["--no-check-certificate"] if insecure else [])]
    if part.exists():
        say(f"Partial download found. Trying to resume: {part}")
        options.append("-c")
    return _run([*options, uri])


def _run(command: list[str]) -> int:
    path = shutil.which(command[0])
    if path is None:
        return NOT_STARTED
    sys.stdout.flush()
    try:
        child = os.posix_spawn(path, command, os.environ, setsigmask=(), setsigdef=_STOPPING)
    except OSError as error:
        return FORK_FAILED if error.errno in (errno.EAGAIN, errno.ENOMEM) else NOT_STARTED
    try:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except Stopped as stop:
        os.kill(child, stop.number)
        os.waitpid(child, 0)
        raise
    return status if status >= 0 else DIED


@contextmanager
def _stoppable() -> Iterator[None]:
    """Meanwhile the signals that end a program raise Stopped, so that the lock goes with us."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

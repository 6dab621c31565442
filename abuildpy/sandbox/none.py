# SPDX-License-Identifier: GPL-3.0-or-later
"""No wall: stages run on the host as the caller, or as an unprivileged user for root; what they leave still ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser, Request
from abuildpy.sandbox.process import CLEAN_ENVIRONMENT, find_system_program, open_pidfd, spawn, status_of, wait_readable

_GRACE = 5.0
_GUARD_FAILED = 125


class NoWall:
    """Stages without walls, each below a guard (guard.py) that ends with it, or with us, and kills what it left."""

    name = "none"

    def __init__(self, user: BuildUser) -> None:
        self._user = user

    @property
    def user(self) -> BuildUser:
        """Who the stages run as."""
        return self._user

    def describe(self) -> str:
        """One line for the user."""
        if self._user.drops:
            return f"no walls, as user {self._user.host_uid}"
        return "no walls: the recipe's code can do what you can"

    def start(self, request: Request) -> GuardedStage:
        """Start a stage; see :class:`abuildpy.sandbox.base.Wall`.

        /tmp stays the host's; TMPDIR points to ``request.tmp``.
        """
        return GuardedStage(self._user, request)


class GuardedStage:
    """A stage below its guard."""

    def __init__(self, user: BuildUser, request: Request) -> None:
        self._returned: int | None = None
        env = {
            **request.env,
            **request.extra_env,
            "HOME": os.fspath(request.home),
            "TMPDIR": os.fspath(request.tmp),
        }
        # Ours may lie where only root gets to.
        python = sys.executable if os.access(sys.executable, os.X_OK) else find_system_program("python3")
        if not python:
            raise SandboxError("No python3 found to guard the stage with")
        env_fd = os.memfd_create("environment")
        try:
            with open(env_fd, "wb", closefd=False) as file:
                file.write(b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items()))
            os.lseek(env_fd, 0, os.SEEK_SET)
            guard = Path(__file__).with_name("guard.py")
            ids = (str(user.host_uid), str(user.host_gid)) if user.drops else ("-", "-")
            session = "terminal" if request.terminal else "session"
            self._pid = spawn(
                [
                    *(python, "-I", "-S", os.fspath(guard), str(os.getpid()), str(env_fd), *ids),
                    *(session, os.fspath(request.cwd), *request.argv),
                ],
                CLEAN_ENVIRONMENT,
                stdin=request.stdin,
                stderr=request.stderr,
                keep=(env_fd, *request.pass_fds),
            )
        finally:
            os.close(env_fd)

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._pid

    def wait(self, timeout: float | None = None) -> int:
        """See :class:`abuildpy.sandbox.base.Running`."""
        if self._returned is None:
            if timeout is not None:
                self._wait_until(time.monotonic() + timeout)
            _, status = os.waitpid(self._pid, 0)
            self._returned = status_of(status)
            if self._returned == _GUARD_FAILED:
                raise SandboxError("The stage could not be started", hint="the reason is above")
        return self._returned

    def kill(self) -> None:
        """See :class:`abuildpy.sandbox.base.Running`."""
        if self._returned is None:
            os.kill(self._pid, signal.SIGTERM)  # the guard kills the rest and ends

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._returned is None:
            self.kill()
            try:
                self.wait(_GRACE)
            except TimeoutError:
                os.kill(self._pid, signal.SIGKILL)
                self.wait()

    def _wait_until(self, deadline: float) -> None:
        guard = open_pidfd(self._pid)
        if guard is not None:
            try:
                wait_readable(guard, deadline)
            finally:
                os.close(guard)

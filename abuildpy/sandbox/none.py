# SPDX-License-Identifier: GPL-3.0-or-later
"""No wall: stages run on the host as the caller, or as an unprivileged user for root; what they leave still ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, TracebackType
from typing import Self

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser, Request
from abuildpy.sandbox.process import (
    CLEAN_ENVIRONMENT,
    find_system_program,
    in_memory,
    open_pidfd,
    spawn,
    status_of,
    undisturbed,
    wait_readable,
)

_GRACE = 30.0
"""Seconds for the guard to end all that a stage started; ended itself, it would set them free."""
_GUARD_FAILED = 125
_SAME = ("-", "-")
"""The ids of a stage that is not somebody else's."""


class NoWall:
    """Stages without walls, each below a guard (guard.py) that ends with it, or with us, and kills what it left."""

    name = "none"
    overlays = False

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

    def gaps(self) -> tuple[str, ...]:
        """What the wall leaves open: all."""
        return ("everything",)

    def start(self, request: Request) -> GuardedStage:
        """Start a stage; see :class:`abuildpy.sandbox.base.Wall`.

        /tmp stays the host's; TMPDIR points to ``request.tmp``.
        """
        env = {
            **request.env,
            **request.extra_env,
            "HOME": os.fspath(request.home),
            "TMPDIR": os.fspath(request.tmp),
        }
        user = self._user
        ids = (str(user.host_uid), str(user.host_gid)) if user.drops else _SAME
        how = (*ids, "terminal" if request.terminal else "session", os.fspath(request.cwd))
        return GuardedStage(
            (*how, *request.argv), env, request.stdin, request.stderr, request.pass_fds, group=request.group
        )


def run_helper(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Runs a program that the user chose, in their terminal and with their rights; returns its exit status.

    That is minus the signal that ended it. What it leaves running ends with it; all of it ends when we do. Raises
    SandboxError where it cannot be started.
    """
    with GuardedStage((*_SAME, "helper", os.getcwd(), *argv), env, stdin=0) as running:
        return running.wait()


class GuardedStage:
    """A stage below its guard."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        stdin: int | None,
        stderr: int | None = None,
        keep: Sequence[int] = (),
        rules: bytes | None = None,
        group: Path | None = None,
    ) -> None:
        """``arguments`` are guard.py's, from the ids on; ``keep`` are descriptors to hand in; ``rules`` are Landlock's.

        ``group`` is as in Request; the guard itself stays outside.
        """
        self._returned: int | None = None
        self._pid = 0
        try:
            with undisturbed():
                self._pid = _start_guard(arguments, env, stdin, stderr, keep, rules, group)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    @property
    def pid(self) -> int:
        """The guard's process id."""
        return self._pid

    def wait(self, timeout: float | None = None) -> int:
        """See :class:`abuildpy.sandbox.base.Running`."""
        if self._returned is None:
            if timeout is not None:
                self._wait_until(time.monotonic() + timeout)
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
            with undisturbed():
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
        if self._pid and self._returned is None:
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


_RUN = "import marshal, sys; exec(marshal.load(open(int(sys.argv.pop(1)), 'rb')), {'__name__': '__main__'})"


@cache
def _guards_code() -> bytes | None:
    """The guard, compiled: Python compiles a script anew each time, which takes it as long as to start."""
    import marshal

    try:
        return marshal.dumps(_compiled())
    except (ImportError, OSError, ValueError):
        return None


def _compiled() -> CodeType:
    """The guard's code object, from the cache of compiled modules where that can be. Raises ImportError."""
    from importlib.abc import InspectLoader
    from importlib.util import find_spec

    name = "abuildpy.sandbox.guard"
    spec = find_spec(name)
    loader = None if spec is None else spec.loader
    code = loader.get_code(name) if isinstance(loader, InspectLoader) else None
    if code is None:
        raise ImportError(name)
    return code


def _start_guard(
    arguments: Sequence[str],
    env: Mapping[str, str],
    stdin: int | None,
    stderr: int | None,
    keep: Sequence[int],
    rules: bytes | None,
    group: Path | None,
) -> int:
    # Ours may lie where only root gets to.
    python = sys.executable if os.access(sys.executable, os.X_OK) else find_system_program("python3")
    if not python:
        raise SandboxError("No python3 found to guard the stage with")
    variables = b"".join(os.fsencode(f"{name}={value}") + b"\0" for name, value in env.items())
    handed: list[int] = []
    try:
        handed.append(in_memory(variables))
        if rules is not None:
            handed.append(in_memory(rules))
        told = (str(handed[0]), str(handed[1]) if rules is not None else "-", os.fspath(group) if group else "-")
        guard: tuple[str, ...] = (os.fspath(Path(__file__).with_name("guard.py")),)
        code = _guards_code() if python == sys.executable else None
        if code is not None:
            handed.append(in_memory(code))
            guard = ("-c", _RUN, str(handed[-1]))
        return spawn(
            [python, "-I", "-S", *guard, str(os.getpid()), *told, *arguments],
            CLEAN_ENVIRONMENT,
            stdin=stdin,
            stderr=stderr,
            keep=(*handed, *keep),
        )
    finally:
        for fd in handed:
            os.close(fd)

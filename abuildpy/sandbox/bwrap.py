# SPDX-License-Identifier: GPL-3.0-or-later
"""The full wall: bubblewrap, with namespaces of its own for files, processes, IPC, names and network.

An ordinary caller gets a user namespace, in which the stage sees itself as ``user.uid`` and has no capability.

For root there is no user namespace, so that sources below folders like /root can be mounted. Root's bubblewrap would
leave the stage able to undo the mounts; so it keeps just the three capabilities that changing ids needs, and the
first program inside gives up everything (:func:`drop_command`) before the recipe's environment is even set.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from abuildpy.errors import SandboxError, WallError
from abuildpy.sandbox.base import BuildUser, Request
from abuildpy.sandbox.mounts import mount_table
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
from abuildpy.sandbox.seccomp import namespace_filter
from abuildpy.sandbox.sockets import named_sockets, outside
from abuildpy.sandbox.view import view_table

# Gives up ids, groups and capabilities, then becomes the rest of the command line: for hosts without util-linux's
# setpriv.
_DROP = """\
import ctypes, os, sys
uid, gid = int(sys.argv[1]), int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
prctl = libc.prctl
if prctl(38, 1, 0, 0, 0):
    sys.exit("prctl: no new privileges")
for cap in range(64):
    if prctl(24, cap, 0, 0, 0):
        break
prctl(47, 4, 0, 0, 0)
os.setgroups([])
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
if libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()):
    sys.exit("capset")
os.execv(sys.argv[3], sys.argv[3:])
"""


def drop_command(user: BuildUser, tool: str) -> tuple[str, ...]:
    """Start of a command line that gives up root for ``user`` and runs the rest; ``tool`` is of :func:`drop_tools`."""
    if "python" in os.path.basename(tool):
        return (tool, "-I", "-S", "-c", _DROP, str(user.uid), str(user.gid))
    return (
        tool,
        f"--reuid={user.uid}",
        f"--regid={user.gid}",
        "--clear-groups",
        "--no-new-privs",
        "--inh-caps=-all",
        "--ambient-caps=-all",
        "--bounding-set=-all",
        "--",
    )


def drop_tools() -> tuple[str, ...]:
    """Programs of the system that can drop root's rights, fastest first (BusyBox's setpriv cannot)."""
    setpriv = find_system_program("setpriv")
    if setpriv and os.path.basename(os.path.realpath(setpriv)) == "busybox":
        setpriv = None
    return tuple(tool for tool in (setpriv, find_system_program("python3")) if tool)


class BwrapWall:
    """Stages behind bubblewrap. ``fresh_proc`` False is for containers in which a new /proc cannot be mounted."""

    name = "bwrap"
    overlays = True

    def __init__(
        self,
        program: str,
        user: BuildUser,
        *,
        fresh_proc: bool = True,
        drop_tool: str | None = None,
        become: tuple[str, ...] = (),
    ) -> None:
        """``become``: a command in front of bubblewrap's that makes it somebody else's (see :func:`drop_command`)."""
        self._program = program
        self.become = become
        self._user = user
        self._fresh_proc = fresh_proc
        self._drop_tool = drop_tool

    @property
    def user(self) -> BuildUser:
        """Who the stages run as."""
        return self._user

    def describe(self) -> str:
        """One line for the user."""
        proc = "" if self._fresh_proc else ", without a /proc of its own"
        who = f" as user {self._user.host_uid}" if self._user.drops else ""
        return f"bubblewrap{who}{proc}"

    def gaps(self) -> tuple[str, ...]:
        """What the wall leaves open.

        The machine's /proc tells of every process what anybody may know. The rest of it (environment, memory, folders) needs
        the right to trace the process, which a stage never has: it is in another user namespace, or somebody else.
        """
        return () if self._fresh_proc else ("processes' names and command lines can be seen",)

    def start(self, request: Request) -> BwrapStage:
        """Start a stage; see :class:`abuildpy.sandbox.base.Wall`."""
        program = (*_joining(request.group), *self._apart(request), *self.become, self._program)
        return BwrapStage(program, self.arguments(request), request)

    def _apart(self, request: Request) -> tuple[str, ...]:
        """What keeps a stage with the machine's network from the sockets in that."""
        if not request.network:
            return ()
        from abuildpy.sandbox.landlock import landlock_version
        from abuildpy.sandbox.scope import scoped

        return scoped(self._program, landlock_version())

    def arguments(self, request: Request) -> list[str]:
        """bubblewrap's arguments for the request, without the program and the descriptor options."""
        if request.view is not None:
            table = view_table(request, request.view, fresh_proc=self._fresh_proc)
        else:
            own = (*request.writable, *request.caches, request.home, request.tmp)
            hidden = (*request.hidden, *outside(named_sockets(), own))
            table = mount_table(replace(request, hidden=hidden), self._user, fresh_proc=self._fresh_proc)
        words = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent"]
        if not request.network:
            words.append("--unshare-net")
        if not request.terminal:
            words.append("--new-session")
        if request.hostname is not None:
            words += ["--hostname", request.hostname]
        inside = self._user.drops and not self.become  # root's rights are given up there, by the first program
        if inside:
            words += ["--cap-drop", "ALL"]
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
                words += ["--cap-add", capability]
        else:
            words += ["--unshare-user", "--uid", str(self._user.uid), "--gid", str(self._user.gid)]
        words += [*table.arguments(), "--chdir", os.fspath(request.cwd), "--clearenv"]
        env = {**request.env, **request.extra_env, "HOME": os.fspath(table.home)}
        if inside:
            words += _pairs("--setenv", {**CLEAN_ENVIRONMENT, **_wrapped(env)})
            return [*words, "--", *self._dropped(request.argv)]
        return [*words, *_pairs("--setenv", env), "--", *request.argv]

    def _dropped(self, argv: Sequence[str]) -> list[str]:
        tool, shell = self._drop_tool, find_system_program("sh")
        if tool is None or shell is None:
            raise SandboxError(
                "Root's rights cannot be given up: neither setpriv nor python3 is there",
                hint="install setpriv (util-linux), or build as an ordinary user",
            )
        return [*drop_command(self._user, tool), shell, "-c", _UNWRAP, "sh", *argv]


# The recipe's environment (LD_PRELOAD and all) must not reach the program that gives up root's rights, and on a command
# line everybody could read it. So it travels as text in variables of the environment, and is made real behind that program.
_UNWRAP = """\
_ab_n=0
unset LC_ALL
while eval "[ -n \\"\\${_ab_environment_$_ab_n+x}\\" ]"; do
	eval "eval \\"\\$_ab_environment_$_ab_n\\"; unset _ab_environment_$_ab_n"
	_ab_n=$((_ab_n + 1))
done
unset _ab_n
exec "$@"
"""
_LONGEST = 100_000  # the kernel takes 128 KiB for one variable


def _wrapped(env: Mapping[str, str]) -> dict[str, str]:
    """An environment as few variables, whose values are shell text that sets and exports it."""
    texts = [""]
    for name, value in env.items():
        if not (name.isascii() and name.isidentifier()):
            continue  # no shell could pass it on
        quoted = value.replace("'", _QUOTED_QUOTE)
        line = f"export {name}='{quoted}'\n"
        if len(texts[-1]) + len(line) > _LONGEST and texts[-1]:
            texts.append("")
        texts[-1] += line
    return {f"_ab_environment_{number}": text for number, text in enumerate(texts)}


_QUOTED_QUOTE = "'\\''"


def _joining(group: Path | None) -> tuple[str, ...]:
    """Start of a command line that joins a control group and runs the rest: from the first moment all is in it."""
    shell = find_system_program("sh")
    if group is None or shell is None:
        return ()
    return shell, "-c", 'echo 0 >"$1" || exit; shift; exec "$@"', "sh", os.fspath(group)


def _pairs(option: str, env: Mapping[str, str]) -> list[str]:
    return [word for name, value in env.items() for word in (option, name, value)]


@contextmanager
def handed(options: Sequence[str]) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """bubblewrap's options as words that name descriptors, and those; a filter of system calls is among them."""
    fds: list[int] = []
    try:
        fds.append(in_memory(b"".join(os.fsencode(word) + b"\0" for word in options)))
        words = ["--args", str(fds[0])]
        calls = namespace_filter(os.uname().machine)
        if calls:
            fds.append(in_memory(calls))
            words += ["--seccomp", str(fds[1])]
        yield tuple(words), tuple(fds)
    finally:
        for fd in fds:
            os.close(fd)


class BwrapStage:
    """A running stage behind bubblewrap.

    Process tree: bubblewrap's monitor (our child), below it process 1 of the namespace, below that the stage. When
    process 1 ends the kernel has ended everything in the namespace, so that is what :meth:`wait` waits for.
    """

    def __init__(self, program: Sequence[str], arguments: Sequence[str], request: Request) -> None:
        self._returned: int | None = None
        self._hint = "its message is above" + ("; --sandbox=none goes without" if request.view is None else "")
        self._killed = False
        self._first: int | None = None
        self._report = b""
        self._mark = f"ABUILDPY_STAGE={os.getpid()}-{os.urandom(8).hex()}"
        options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") :]
        self._pid = 0
        try:
            with undisturbed():
                self._start(program, options, command, request)
            self._find_first()
        except BaseException:
            if self._pid:
                self.__exit__(None, None, None)
            raise

    def _start(self, program: Sequence[str], options: Sequence[str], command: Sequence[str], request: Request) -> None:
        status_read, status_write = os.pipe()
        self._status = status_read
        # With an end of its own to read from, bubblewrap can report even if we are killed now. It would else end before it
        # has let process 1 begin, which then waits for ever.
        reports = os.open(f"/proc/self/fd/{status_write}", os.O_RDWR | os.O_CLOEXEC)
        with open(status_write, "wb"), open(reports, "wb"), handed(options) as (words, fds):
            try:
                self._pid = spawn(
                    [*program, *words, "--json-status-fd", str(reports), *command],
                    {**CLEAN_ENVIRONMENT, **dict([self._mark.split("=")])},
                    stdin=request.stdin,
                    stderr=request.stderr,
                    keep=(reports, *fds, *request.pass_fds),
                )
            except BaseException:
                os.close(status_read)
                raise

    def _find_first(self) -> None:
        """Waits until bubblewrap has told the process id of process 1, or has ended."""
        chunk = b"?"
        while chunk and b"\n" not in self._report:
            wait_readable(self._status, None)
            with undisturbed():  # what was read and lost would be waited for without end
                chunk = os.read(self._status, 4096)
                self._report += chunk
        child = self._reported("child-pid")
        self._first = None if child is None else open_pidfd(child)

    @property
    def pid(self) -> int:
        """bubblewrap's process id."""
        return self._pid

    def wait(self, timeout: float | None = None) -> int:
        """See :class:`abuildpy.sandbox.base.Running`."""
        if self._returned is None:
            deadline = None if timeout is None else time.monotonic() + timeout
            if deadline is not None:
                monitor = open_pidfd(self._pid)
                if monitor is not None:
                    try:
                        wait_readable(monitor, deadline)
                    finally:
                        os.close(monitor)
            os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
            with undisturbed():
                _, status = os.waitpid(self._pid, 0)
                self._returned = status_of(status)
            if self._first is not None:
                self._kill_namespace()
                wait_readable(self._first, None)
            elif self._returned < 0:
                # Killed before it had told of process 1, which then waits for ever for it.
                _kill_marked(self._mark.encode())
            while chunk := os.read(self._status, 4096):
                self._report += chunk
            if self._returned > 0 and self._reported("exit-code") is None and not self._killed:
                raise WallError("bubblewrap could not set up the sandbox", hint=self._hint)
        return self._returned

    def kill(self) -> None:
        """See :class:`abuildpy.sandbox.base.Running`."""
        self._killed = True
        if self._returned is not None:
            return
        self._kill_namespace()
        os.kill(self._pid, signal.SIGKILL)  # our child and not waited for: the number is still its own

    def _kill_namespace(self) -> None:
        """Kill process 1 of the namespace, and with it the kernel kills all others there."""
        if self._first is None:
            # We were interrupted early. Process 1 would wait for ever for a bubblewrap that is gone.
            self._find_first()
        if self._first is not None:
            try:
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._returned is None:
            self.kill()
            self.wait()
        for fd in (self._status, self._first):
            if fd is not None:
                os.close(fd)
        self._first, self._status = None, -1

    def _reported(self, key: str) -> int | None:
        """A number from bubblewrap's status reports, JSON objects with one number each."""
        match = re.search(rb'"%s"[ ]*:[ ]*([0-9]+)' % key.encode(), self._report)
        return int(match[1]) if match else None


def _kill_marked(variable: bytes) -> None:
    """Kills all processes that were started with a variable (``NAME=value``) in their environment."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or not _has(name, variable):
            continue
        process = open_pidfd(int(name))
        if process is not None:
            try:
                if _has(name, variable):  # still the one that we looked at
                    signal.pidfd_send_signal(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
            finally:
                os.close(process)


def _has(process: str, variable: bytes) -> bool:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return variable in file.read().split(b"\0")
    except OSError:
        return False

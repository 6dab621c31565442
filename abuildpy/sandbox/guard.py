# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one stage and ends everything it started. A program, not a module: ``none.py`` starts it.

Arguments: process id of the caller, descriptor with the environment (NUL-separated ``NAME=value``), descriptor with
Landlock's rules (``landlock.py`` makes them; ``-``: no walls), the file by which the stage joins a control group (``-``: none),
user id, group id (``-``: stay), ``session``, ``terminal`` or ``helper``, the folder to start in, the command. It becomes the
reaper of all that the stage leaves behind, so that nothing escapes by double forking, and ends with its caller. Ends with the
stage's exit status, 128 + signal, or 125 when it could not start it. It imports nothing of ours: it runs with ``-I -S``, for a
fast start and nobody's modules.
"""

from __future__ import annotations

import ctypes
import marshal
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from typing import Any, NoReturn
else:
    import _signal as signal  # what the module signal wraps in enums, whose import takes a third of our start

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
CAPABILITY_VERSION_3 = 0x20080522
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
LANDLOCK_RULE_PATH_BENEATH = 1
LANDLOCK_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
"""Rights that a file can have: execute, write, read, truncate, control of a device. The others are for folders."""
LAST_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK = 0o040000, 0o120000, 0o010000, 0o140000
FAILED = 125
NOT_FOUND = 127
PATIENCE = 0.1
"""Seconds between asking and killing: time for fakeroot's daemon to remove its message queues."""
LOOK = 0.02
"""Seconds after which we look again whether somebody has come: no signal tells of that."""


def main(argv: list[str]) -> int:
    """Run the command; see the module."""
    parent, env_fd, rules_fd, group, uid, gid, session, cwd, *command = argv
    with open(int(env_fd), "rb") as file:
        env = dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)
    rules = None
    if rules_fd != "-":
        with open(int(rules_fd), "rb") as file:
            rules = marshal.load(file)  # noqa: S302 - our own caller's
    libc = ctypes.CDLL(None, use_errno=True)
    prctl = libc.prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent):
        return FAILED
    watched = {signal.SIGCHLD, *LAST_SIGNALS}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    child = os.fork()
    if child == 0:
        become(group, uid, gid, session, cwd, command, env, rules, libc)
    status: int | None = None
    while status is None:
        if signal.sigwait(watched) in LAST_SIGNALS:
            os.kill(child, signal.SIGTERM)
            break
        for pid, ended in reap():
            if pid == child:
                status = ended
    end_all()
    if status is None:
        return 128 + signal.SIGTERM
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def become(
    group: str,
    uid: str,
    gid: str,
    session: str,
    cwd: str,
    command: list[str],
    env: dict[bytes, bytes],
    rules: Mapping[str, Any] | None,
    libc: ctypes.CDLL,
) -> NoReturn:
    """In the child: give up what is to be given up, and become the command."""
    prctl = libc.prctl
    try:
        if group != "-":
            door = os.open(group, os.O_WRONLY)
            os.write(door, b"0")
            os.close(door)
        if session == "session":
            os.setsid()
        if session != "helper":  # the user's own choice, which may be sudo
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        ruleset = None if rules is None else make_ruleset(rules, libc)  # while we can still open all of it
        if uid != "-":
            for capability in range(64):
                prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
            os.setgroups([])
            os.setresgid(int(gid), int(gid), int(gid))
            os.setresuid(int(uid), int(uid), int(uid))
        if uid != "-" or rules is not None:
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
            libc.capset((ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())  # inheritable ones
        if ruleset is not None and rules is not None:
            # The ports last: what is there already is copied each time, and they are many. None may stay open, to be added to.
            for layer in (ruleset, *rules["rulesets"]):
                required(libc.syscall(LANDLOCK_RESTRICT_SELF, layer, 0), "Landlock")
                os.close(layer)
            filter_calls(rules["filter"], libc)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.chdir(cwd)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    except OSError as error:
        sys.stderr.write(f"Cannot start the stage: {error}\n")
        sys.stderr.flush()
        os._exit(FAILED)
    try:
        os.execvpe(command[0], command, env)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(NOT_FOUND)


def make_ruleset(rules: Mapping[str, Any], libc: ctypes.CDLL) -> int:
    """The rules as an open ruleset of the kernel. Raises OSError; a path that is gone needs no rule."""
    attributes = rules["ruleset"]
    ruleset: int = libc.syscall(LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    required(ruleset, "Landlock")
    try:
        for path, rights in rules["paths"]:
            allow_path(ruleset, path, os.O_NOFOLLOW, rights, libc)
        for output in (1, 2):  # a log file or terminal, which programs reopen as /dev/stdout and /dev/stderr
            allow_path(ruleset, f"/proc/self/fd/{output}", 0, rules["output"], libc)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def allow_path(ruleset: int, path: str | bytes, flags: int, rights: int, libc: ctypes.CDLL) -> None:
    """Add a rule for a path, and for all below it if it is a folder."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC | flags)
    except OSError:
        return
    try:
        kind = os.fstat(beneath).st_mode & 0o170000
        if kind != S_IFDIR:
            rights &= LANDLOCK_OF_FILES
        if rights and kind not in (S_IFLNK, S_IFIFO, S_IFSOCK):
            # struct landlock_path_beneath_attr is packed: eight bytes of rights, four of a descriptor
            rule = rights.to_bytes(8, sys.byteorder) + beneath.to_bytes(4, sys.byteorder)
            required(libc.syscall(LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, rule, 0), "Landlock's paths")
    finally:
        os.close(beneath)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_calls(instructions: bytes, libc: ctypes.CDLL) -> None:
    """Filter system calls from now on; nothing to do for no instructions. Raises OSError."""
    if instructions:
        program = Program(len(instructions) // 8, instructions)
        required(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0), "seccomp")


def required(result: int, what: str) -> None:
    """Raises OSError if a call of the C library has failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def reap() -> list[tuple[int, int]]:
    """Children that have ended, with their wait status."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, status))


def end_all() -> None:
    """End all children, and the children they leave to us, until there are none.

    All are asked first, also those that come to us meanwhile: fakeroot's daemon does when the shell that started it has died.
    """
    deadline = time.monotonic() + PATIENCE
    asked: set[int] = set()
    while (found := children()) and (left := deadline - time.monotonic()) > 0:
        for pid in found:
            if pid not in asked:
                asked.add(pid)
                signal_child(pid, signal.SIGTERM)
                signal_child(pid, signal.SIGCONT)
        signal.sigtimedwait({signal.SIGCHLD}, min(left, LOOK))
        asked.difference_update(pid for pid, _ in reap())
    freeze()
    while True:
        for pid in children():
            signal_child(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
        reap()  # all there are: a fork bomb leaves tens of thousands, and listing them takes long


def freeze() -> None:
    """Stop all that is left, so that nothing is born while it is killed: a fork bomb would outrun us."""
    stopped: set[int] = set()
    while children() and (new := (family := descendants()) - stopped):
        family.add(os.getpid())
        for pid in new:
            stopped.add(pid)
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                continue
            try:
                if parent_of(pid) in family:  # not a stranger, who got the number meanwhile
                    signal.pidfd_send_signal(handle, signal.SIGSTOP)
            except OSError:
                continue
            finally:
                os.close(handle)


def descendants() -> set[int]:
    """Process ids of all below us, as far as /proc shows them."""
    below: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            below.setdefault(parent_of(int(name)), []).append(int(name))
    found: set[int] = set()
    todo = [os.getpid()]
    while todo:
        inner = below.get(todo.pop(), [])
        found.update(inner)
        todo += inner
    return found


def parent_of(pid: int) -> int:
    """The parent's process id; 0 where there is no such process, or it must not be seen."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return int(stat.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def signal_child(pid: int, number: int) -> None:
    """Send a signal to a child (not waited for, so its number cannot be another's)."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def children() -> list[int]:
    """Process ids of our children, ended ones not yet waited for included."""
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        pass
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and parent_of(int(name)) == me]


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # nothing is left to be done, and taking Python down orderly takes as long as much of the rest

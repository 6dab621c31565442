# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes a stage has, what memory they use, and how to end them all: read from /proc, from outside.

Whoever loses its parent becomes a child of the stage's first process (bubblewrap's process 1, the guard), so all that a
stage started are descendants of the process that we started, however they fork.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abuildpy.sandbox.process import open_pidfd

if TYPE_CHECKING:
    from abuildpy.sandbox.cgroup import Group

_ROUNDS = 100
_DAEMON = b"faked"
"""fakeroot's, which leaves message queues behind when it is killed; whoever started it asks it to end, then kills it."""


@dataclass(frozen=True, slots=True)
class Process:
    """A living process. ``born`` is its start in clock ticks, which with its number tells it from all others."""

    pid: int
    parent: int
    born: int
    threads: int
    name: bytes
    group: int
    session: int


def descendants(pid: int) -> list[Process]:
    """All living processes below a process, without itself."""
    return families((pid,))[pid]


def families(pids: Iterable[int]) -> dict[int, list[Process]]:
    """The same for several processes, by one look at all there are."""
    children: dict[int, list[Process]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            process = _read(int(entry))
            if process is not None:
                children.setdefault(process.parent, []).append(process)
    return {pid: [process for process in _below(pid, children) if process.threads > 0] for pid in pids}


def _below(pid: int, children: dict[int, list[Process]]) -> list[Process]:
    found: list[Process] = []
    waiting = [pid]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += [process.pid for process in below]
    return found


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            line = file.read(4096)
    except OSError:
        return None
    name, _, rest = line.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    if len(fields) < 20:
        return None
    ended = fields[0] in (b"Z", b"X")
    return Process(
        pid, int(fields[1]), int(fields[19]), 0 if ended else int(fields[17]), name, int(fields[2]), int(fields[3])
    )


def memory_of(processes: Iterable[Process], limit: int) -> int:
    """Bytes of memory that the processes use and that cannot just be dropped: anonymous and shared memory, and swap.

    Counting pages that several share once takes time, so it is done only where the quick sum is above ``limit``.
    """
    pids = [process.pid for process in processes]
    quick = [_sum(f"/proc/{pid}/status", _OF_STATUS) or 0 for pid in pids]
    shared = _shared_memory(pids)
    if sum(quick) + shared <= limit:
        return sum(quick) + shared
    exact = [_sum(f"/proc/{pid}/smaps_rollup", _OF_ROLLUP) for pid in pids]
    mapped = sum(_sum(f"/proc/{pid}/smaps_rollup", _SHARED) or 0 for pid in pids) if shared else 0
    used = sum(rough if fine is None else fine for rough, fine in zip(quick, exact, strict=True))
    return used + max(0, shared - mapped)


_OF_STATUS = (b"RssAnon:", b"RssShmem:", b"VmSwap:")
_SHARED = (b"Pss_Shmem:",)
_OF_ROLLUP = (b"Pss_Anon:", *_SHARED, b"SwapPss:")


def _sum(path: str, keys: tuple[bytes, ...]) -> int | None:
    try:
        with open(path, "rb") as file:
            return sum(int(line.split()[1]) << 10 for line in file if line.startswith(keys))
    except (OSError, ValueError, IndexError):
        return None


def _shared_memory(pids: list[int]) -> int:
    """What lies in a /dev/shm that is the stage's own."""
    for pid in reversed(pids):
        try:
            place = f"/proc/{pid}/root/dev/shm"
            if os.stat(place).st_dev == os.stat("/dev/shm").st_dev:  # noqa: S108
                return 0
            state = os.statvfs(place)
        except OSError:
            continue
        return (state.f_blocks - state.f_bfree) * state.f_frsize
    return 0


def end_all(pid: int, handle: int, *, enclosed: bool, group: Group | None = None) -> None:
    """End all processes below a process, then have it end itself; ``handle`` is its pidfd, so that it cannot be another's.

    What is ``enclosed`` in a namespace ends with it, and what is in a control ``group`` is ended by the kernel. Without either,
    what forks could outrun us: so whole groups of processes are stopped at once, which the kernel does in one go, before they
    are killed one by one. Groups of our own session are ours.
    """
    if group is not None:
        group.kill(lambda each: not enclosed and _is_daemon(each))
    if enclosed:
        _signal(handle, signal.SIGKILL)
        return
    ours = os.getsid(0)
    for _ in range(_ROUNDS):
        found = [process for process in descendants(pid) if not process.name.startswith(_DAEMON)]
        if not found:
            break
        for number in {process.group for process in found if process.session not in (ours, 0) and process.group > 1}:
            try:
                os.killpg(number, signal.SIGSTOP)
            except (ProcessLookupError, PermissionError):
                pass
        for process in found:
            _kill(process)
    _signal(handle, signal.SIGTERM)


def _is_daemon(pid: int) -> bool:
    process = _read(pid)
    return process is not None and process.name.startswith(_DAEMON)


def _signal(handle: int, number: signal.Signals) -> None:
    try:
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        pass


def limit_processes(pid: int, user: int, more: int) -> None:
    """Let a stage that has just started fork only as long as its user has no more processes than now and ``more``.

    The kernel counts all processes of that user, so this is no limit that one would want to reach;
    it keeps what multiplies from filling the machine before somebody has looked.
    """
    most = _tasks_of(user) + more
    for each in (pid, *(process.pid for process in descendants(pid))):
        try:
            resource.prlimit(each, resource.RLIMIT_NPROC, (most, most))
        except (OSError, ValueError):  # it has ended, or there is a lower limit already
            continue


def _tasks_of(owner: int) -> int:
    total = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}").st_uid != owner:
                    continue
            except OSError:
                continue
            process = _read(int(entry))
            total += process.threads if process else 0
    return total


def _kill(process: Process) -> None:
    handle = open_pidfd(process.pid)
    if handle is None:
        return
    try:
        now = _read(process.pid)
        if now is not None and now.born == process.born:
            _signal(handle, signal.SIGKILL)
    finally:
        os.close(handle)

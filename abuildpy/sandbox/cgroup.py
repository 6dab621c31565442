# SPDX-License-Identifier: GPL-3.0-or-later
"""A control group (version 2) for one stage: the kernel holds it to its limits, tells which it reached, and ends all of it.

Groups are folders ``abuildpy-run-PID-…``, held by a lock as those of scratch.py are: what a killed run left, the next one ends
and removes. Our own processes, where they have to make room (delegation.py), are in ``abuildpy-self-PID-…`` until the program
ends. The limits are a group's own, and its processes are in another one within: a stage in namespaces of its own can see the
group that it is in as if there were no other, and where that belongs to its user, write there. Limits of memory are those for
memory and swap together: no swap is allowed. One process that memory was refused for is ended by the kernel, and the watch ends
the others: among them may be one that has to clean up behind it.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from abuildpy.sandbox.delegation import Delegation, family, find_delegation, members
from abuildpy.sandbox.process import open_pidfd, undisturbed

_RUN, _SELF = "abuildpy-run-", "abuildpy-self-"
_MADE_UP = re.compile(rf"({_RUN}|{_SELF})[0-9]+-[0-9a-f]{{12}}", re.ASCII)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_INNER = "stage"
_PATIENCE = 5.0
"""Seconds for what was killed to be gone."""
_LOOK = 0.005


class Group:
    """A stage's group. ``memory`` and ``processes`` tell which limits the kernel keeps."""

    def __init__(self, path: Path, held: int, *, memory: bool, processes: bool) -> None:
        """``held`` is the descriptor that locks it. :func:`make_group` makes one."""
        self.path = path
        self.memory = memory
        self.processes = processes
        self._held = held

    @property
    def door(self) -> Path:
        """The file to which a process writes 0 to be in the group."""
        return self.path / _INNER / "cgroup.procs"

    def reached(self) -> str:
        """The limit that was reached, ``memory`` or ``processes``; empty if none was."""
        # Not oom_kill: that counts also what was killed as the machine, or a group around this one, had no more.
        if self.memory and _count(self.path / "memory.events", "oom"):
            return "memory"
        return "processes" if self.processes and _count(self.path / "pids.events", "max") else ""

    def peak(self) -> int | None:
        """Bytes of memory that were used at most; None where the kernel does not tell (Linux 5.19 is the first that does)."""
        try:
            return int((self.path / "memory.peak").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def kill(self, spared: Callable[[int], bool] = lambda _: False) -> None:
        """Ends all processes but those that are ``spared``; nothing can be born meanwhile."""
        if not any(map(spared, everybody(self.path))) and _write(self.path / "cgroup.kill", "1"):
            return
        _write(self.path / "cgroup.freeze", "1")
        try:
            deadline = time.monotonic() + _PATIENCE
            while time.monotonic() < deadline:
                if _count(self.path / "cgroup.events", "frozen"):  # else there may be more next time
                    deadline = 0.0
                left = [pid for pid in everybody(self.path) if pid and not spared(pid)]
                if not left:
                    return
                _kill(left, self.path)
                time.sleep(_LOOK)
        finally:
            _write(self.path / "cgroup.freeze", "0")

    def remove(self) -> None:
        """Ends what is left in it and removes it."""
        if self._held >= 0:
            with undisturbed():
                _remove(self.path)
                os.close(self._held)
                self._held = -1


def make_group(
    memory: int | None = None, processes: int | None = None, find: Callable[[], Delegation] = find_delegation
) -> Group | None:
    """A group for a stage that may have so many bytes of memory and so many processes and threads; None if there is no place.

    Which of the limits the kernel keeps the group tells; the others are for somebody else to watch. Groups that killed runs
    left in that place are removed.
    """
    place = find()
    if place.folder is None:
        return None
    sweep(place.folder)
    with undisturbed():
        if place.leaves and not _make_room(place.folder, place.controllers):
            place = Delegation(place.folder)
        made = _new(place.folder or Path(), _RUN)
        if made is None:
            return None
        path, held = made
        try:
            (path / _INNER).mkdir(mode=0o755)
        except OSError:
            _remove(path)
            os.close(held)
            return None
        by_memory = memory is not None and "memory" in place.controllers and _limit_memory(path, memory)
        by_number = processes is not None and "pids" in place.controllers
        by_number = by_number and _write(path / "pids.max", str(processes))
        return Group(path, held, memory=by_memory, processes=by_number)


def everybody(group: Path) -> list[int]:
    """Processes that are in a group or in one within."""
    return [pid for folder in _within(group) for pid in members(folder)]


def sweep(folder: Path) -> None:
    """Removes groups in the folder that nobody holds any more. What cannot be removed stays."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in filter(_MADE_UP.fullmatch, names):
        path = folder / name
        held = _hold(path)
        if held is not None:
            try:
                if os.fstat(held).st_uid != os.geteuid():
                    continue
                if name.startswith(_RUN):
                    _remove(path)
                else:  # somebody's processes may have been started from there, and be well
                    _remove_folder(path)
            finally:
                os.close(held)


def _limit_memory(path: Path, limit: int) -> bool:
    swap = path / "memory.swap.max"
    if swap.exists() and not _write(swap, "0"):
        return False
    return _write(path / "memory.max", str(limit))


def _make_room(folder: Path, controllers: frozenset[str]) -> bool:
    """Moves our own processes to a group below, so that the folder can hand on controllers; whether that worked.

    It lasts until the program ends: other stages of this program then find a place beside it.
    """
    made = _new(folder, _SELF)
    if made is None:
        return False
    path, held = made
    owner = os.getpid()

    def back() -> None:
        if os.getpid() != owner:
            return
        try:
            others = [name for name in os.listdir(folder) if _MADE_UP.fullmatch(name) and name != path.name]
        except OSError:
            return
        if not others:  # else they would lose their limits
            for name in controllers:
                _write(folder / "cgroup.subtree_control", f"-{name}")
            for pid in members(path):
                _write(folder / "cgroup.procs", str(pid))
            _remove_folder(path)
        os.close(held)

    ours = family()
    for pid in members(folder):
        if pid in ours:  # one that has just ended need not be moved
            _write(path / "cgroup.procs", str(pid))
    if all(_write(folder / "cgroup.subtree_control", f"+{name}") for name in sorted(controllers)):
        atexit.register(back)
        return True
    back()
    return False


def _new(folder: Path, kind: str) -> tuple[Path, int] | None:
    """A new group and the descriptor that holds it."""
    while True:
        path = folder / f"{kind}{os.getpid()}-{os.urandom(6).hex()}"
        try:
            path.mkdir(mode=0o755)
        except OSError:
            return None
        held = _hold(path)
        if held is not None:
            return path, held
        if path.exists():  # no locks here: it would be taken for an abandoned one
            _remove_folder(path)
            return None


def _hold(path: Path) -> int | None:
    """Locks a group's folder; None if somebody else has, or it is gone."""
    try:
        folder = os.open(path, _FOLDER)
    except OSError:
        return None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(folder), os.stat(path, follow_symlinks=False)):
            return folder
    except OSError:
        pass
    os.close(folder)
    return None


def _remove(path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not all(_remove_folder(folder) for folder in _within(path)) and time.monotonic() < deadline:
        if not _write(path / "cgroup.kill", "1"):
            _kill(everybody(path), path)
        time.sleep(_LOOK)


def _within(path: Path) -> list[Path]:
    """A group and all within, which a stage can have made, the innermost first."""
    return [Path(folder) for folder, _, _ in os.walk(path, topdown=False)]


def _remove_folder(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _kill(pids: list[int], group: Path) -> None:
    """Kills processes that are in the group: numbers may have become others' meanwhile."""
    handles = {}
    try:
        for pid in pids:
            handle = open_pidfd(pid) if pid else None
            if handle is not None:
                handles[pid] = handle
        for pid in everybody(group):
            if pid in handles:
                try:
                    signal.pidfd_send_signal(handles[pid], signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    continue
    finally:
        for handle in handles.values():
            os.close(handle)


def _count(path: Path, name: str) -> int:
    """A number in a file of lines ``NAME NUMBER``; 0 where it is not."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)


def _write(path: Path, text: str) -> bool:
    """Writes to one of the kernel's files, which must be there; whether the kernel took it."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # some cannot be read
    except OSError:
        return False
    try:
        os.write(file, text.encode())
    except OSError:
        return False
    finally:
        os.close(file)
    return True

# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches one stage from a thread and ends it when it reaches a limit.

Where the stage has a control group (sandbox/cgroup.py) the kernel itself holds it to its memory and its number of processes,
and we only ask whether it had to. All else is polled, so a limit may be overshot by what happens in one interval: a fifth of a
second for processes and memory, and for the disk that and the time one look through the folders takes. There are no resource
limits: RLIMIT_AS counts addresses, which Go and Java reserve by the terabyte, and RLIMIT_NPROC counts all processes of a user
on the machine; it is only set well above the limit, since what multiplies is faster than whoever has to look.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.phases.limits import Breach, Limits, option, show_seconds, show_size
from abuildpy.phases.workspace import Workspace
from abuildpy.sandbox.census import descendants, end_all, limit_processes, memory_of
from abuildpy.sandbox.cgroup import Group, make_group
from abuildpy.sandbox.disk import DiskUse
from abuildpy.sandbox.process import open_pidfd

_ROOM = 500
INTERVAL = 0.2
"""Seconds between two looks."""


@dataclass(slots=True)
class Clock:
    """How long the functions of a build have run so far, in seconds; the limit on time is for all of them together."""

    spent: float = 0.0


class Watch:
    """The watch over one stage."""

    def __init__(self, limits: Limits, clock: Clock, workspace: Workspace, heard: Callable[[], float] | None) -> None:
        """``heard`` tells when it last wrote (``time.monotonic``), None where silence does not matter."""
        self._limits, self._clock, self._heard = limits, clock, heard
        self._workspace = workspace
        self._group: Group | None = None
        self._breach: Breach | None = None
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._handle: int | None = None

    def door(self, *, enclosed: bool) -> Path | None:
        """The file by which the stage joins a control group of its own; None where it can have none.

        ``enclosed`` is as for :meth:`begin`.
        """
        if self._limits and self._group is None:
            most = self._limits.max_processes
            # What encloses it is in the group as well, one process, and does not count.
            self._group = make_group(self._limits.max_memory, None if most is None else most + enclosed)
        return self._group.door if self._group else None

    @property
    def breach(self) -> Breach | None:
        """The limit that it reached; asked once its process has ended."""
        if self._breach is None and self._group is not None:
            self._breach = _held(self._group, self._limits)
        return self._breach

    def begin(self, pid: int, *, user: int, enclosed: bool) -> None:
        """Starts watching; ``pid`` is the outermost process of the stage, not waited for yet.

        ``user`` is whom its processes belong to. ``enclosed`` tells that a namespace holds them, which ends them all at once
        with the outermost.
        """
        if not self._limits:
            return
        most = self._limits.max_processes
        if most is not None and not (self._group and self._group.processes):
            limit_processes(pid, user, 2 * most + _ROOM)
        self._handle = open_pidfd(pid)
        if self._handle is not None:
            self._thread = threading.Thread(target=self._run, args=(pid, self._handle, enclosed), daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stops watching; nothing of the stage may be left that matters, and nothing of its group is."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if self._group is not None:
            self._group.remove()
            self._group = None

    def _run(self, pid: int, handle: int, enclosed: bool) -> None:
        checks = self._checks(pid)
        while not self._done.wait(INTERVAL):
            for check in checks:
                breach = check()
                if breach is not None:
                    self._breach = breach
                    end_all(pid, handle, enclosed=enclosed, group=self._group)
                    return

    def _checks(self, pid: int) -> list[Callable[[], Breach | None]]:
        limits, began = self._limits, time.monotonic()
        checks: list[Callable[[], Breach | None]] = []
        if limits.timeout is not None:
            deadline = began + max(0.0, limits.timeout - self._clock.spent)
            checks.append(lambda: _late(deadline, limits.timeout or 0))
        if limits.no_output_timeout is not None and self._heard is not None:
            heard = self._heard
            checks.append(lambda: _silent(max(began, heard()), limits.no_output_timeout or 0))
        group = self._group
        if group is not None and (group.memory or group.processes):
            checks.append(lambda: _held(group, limits))
        ours = replace(
            limits,
            max_memory=None if group and group.memory else limits.max_memory,
            max_processes=None if group and group.processes else limits.max_processes,
        )
        if ours.max_processes is not None or ours.max_memory is not None:
            checks.append(lambda: _crowd(pid, ours))
        if limits.max_disk is not None:
            use = DiskUse(self._workspace.writable, limits.max_disk)
            checks.append(lambda: _full(use, limits.max_disk or 0))
        return checks


@contextlib.contextmanager
def watching(limits: Limits, clock: Clock, workspace: Workspace, heard: Callable[[], float] | None) -> Iterator[Watch]:
    """A watch for one stage, to be begun when that is started. ``heard`` is as for :class:`Watch`."""
    watch = Watch(limits, clock, workspace, heard)
    began = time.monotonic()
    try:
        yield watch
    finally:
        clock.spent += time.monotonic() - began
        watch.end()


def _late(deadline: float, limit: float) -> Breach | None:
    if time.monotonic() < deadline:
        return None
    return Breach("timeout", f"the recipe's functions took longer than {show_seconds(limit)} ({option('timeout')})")


def _silent(since: float, limit: float) -> Breach | None:
    if time.monotonic() - since < limit:
        return None
    return Breach("no-output", f"it wrote nothing for {show_seconds(limit)} ({option('no_output_timeout')})")


def _held(group: Group, limits: Limits) -> Breach | None:
    """The limit that the kernel had to hold the stage to."""
    reached = group.reached()
    if reached == "memory":
        text = f"its processes wanted more than {show_size(limits.max_memory or 0)} of memory ({option('max_memory')})"
        return Breach(reached, text)
    if reached == "processes":
        text = f"it wanted more than {limits.max_processes} processes and threads ({option('max_processes')})"
        return Breach(reached, text)
    return None


def _crowd(pid: int, limits: Limits) -> Breach | None:
    found = descendants(pid)
    number = sum(process.threads for process in found)
    most = limits.max_processes
    if most is not None and number > most:
        text = f"it had {number} processes and threads, more than {most} ({option('max_processes')})"
        return Breach("processes", text)
    if limits.max_memory is not None:
        used = memory_of(found, limits.max_memory)
        if used > limits.max_memory:
            text = f"its processes used {show_size(used)} of memory, more than {show_size(limits.max_memory)}"
            return Breach("memory", f"{text} ({option('max_memory')})")
    return None


def _full(use: DiskUse, limit: int) -> Breach | None:
    used = use.above()
    if not used:
        return None
    text = f"its work folders held {show_size(used)}, more than {show_size(limit)} ({option('max_disk')})"
    return Breach("disk", text)

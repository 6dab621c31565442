# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built next: of the tasks that could start, the one on the longest path, as far as memory and cores allow."""

from __future__ import annotations

import os
import statistics
from bisect import bisect_left
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.batch.model import Plan, Task

_USUAL_SECONDS = 10.0
"""Taken for a task where no former time of any task is known."""
_OF_MEMORY = 0.9
"""Part of the memory that builds may take together."""


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to build with.

    ``slots`` packages at once, or as many as ``room`` says, where machines come and go; ``jobs`` is what they share as JOBS;
    ``memory`` in bytes for all of them, None where nobody can tell; nothing starts beside others while ``load`` is above that
    limit.
    """

    slots: int
    jobs: int
    memory: int | None = None
    most_load: float | None = None
    load: Callable[[], float] = field(default=lambda: os.getloadavg()[0])
    room: Callable[[], int] | None = None


class Scheduler:
    """Knows which tasks wait, which could start, and which run."""

    def __init__(self, plan: Plan, means: Means) -> None:
        self._means = means
        self._tasks = plan.by_name
        self._dependants = plan.dependants
        self._places = {task.name: place for place, task in enumerate(plan.tasks)}
        self._lengths = _lengths(plan)
        self._needs = {task.name: set(task.waits_for) for task in plan.tasks}
        self._undone = {name: set(needs) for name, needs in self._needs.items()}
        self._ready = sorted((name for name, needs in self._undone.items() if not needs), key=self._rank)
        self._running: dict[str, int] = {}
        """Running tasks, with their part of JOBS."""

    @property
    def ready(self) -> list[Task]:
        """What could start, the first to start first."""
        return [self._tasks[name] for name in self._ready]

    @property
    def running(self) -> list[Task]:
        """What runs."""
        return [self._tasks[name] for name in self._running]

    def next(self, waiting: Callable[[Task], bool] = lambda _: False) -> tuple[Task, int] | None:
        """The task to start now and its part of JOBS; None if nothing can start now. It runs from now on.

        ``waiting`` tells which of those that are ready are not to start yet.
        """
        if not self._has_room():
            return None
        ready = [task for task in self.ready if not waiting(task)]
        task = ready[0] if ready else None
        if task is not None and self._running:
            if task.exclusive:
                return None  # it would never come to it, if others still started
            task = next((each for each in ready if not each.exclusive and self._fits(each)), None)
        if task is None:
            return None
        jobs = self._share(1 if task.exclusive else len(ready))
        self._drop(task.name)
        self._running[task.name] = jobs
        return task, jobs

    def again(self, name: str) -> None:
        """A task that ran is to be started once more."""
        del self._running[name]
        self._add(name)

    def done(self, name: str) -> list[Task]:
        """A task has its outcome; returns the tasks that now wait for nothing any more, in the plan's order.

        They could start, unless the caller settles them too.
        """
        self._running.pop(name, None)
        self._drop(name)
        found = []
        for other in self._dependants[name]:
            self._undone[other].discard(name)
            if not self._undone[other] and not self._is_ready(other) and other not in self._running:
                self._add(other)
                found.append(self._tasks[other])
        return sorted(found, key=lambda task: self._places[task.name])

    def _place(self, name: str) -> int:
        return bisect_left(self._ready, self._rank(name), key=self._rank)

    def _is_ready(self, name: str) -> bool:
        place = self._place(name)
        return place < len(self._ready) and self._ready[place] == name

    def _add(self, name: str) -> None:
        self._ready.insert(self._place(name), name)

    def _drop(self, name: str) -> None:
        if self._is_ready(name):
            del self._ready[self._place(name)]

    def _rank(self, name: str) -> tuple[int, float, int]:
        return -self._tasks[name].priority, -self._lengths[name], self._places[name]

    def _has_room(self) -> bool:
        if not self._running:
            return True
        slots = self._means.slots if self._means.room is None else self._means.room()
        if len(self._running) >= slots or any(self._tasks[name].exclusive for name in self._running):
            return False
        return self._means.most_load is None or self._means.load() <= self._means.most_load

    def _fits(self, task: Task) -> bool:
        if self._means.memory is None:
            return True
        # What nobody knows gets its equal part, so that it keeps nobody out.
        usual = self._means.memory // self._means.slots
        taken = sum(self._tasks[name].max_rss or usual for name in self._running)
        return taken + (task.max_rss or usual) <= self._means.memory

    def _share(self, ready: int) -> int:
        """JOBS for the next one: an equal part of what is left for those that can start beside it."""
        left = self._means.jobs - sum(self._running.values())
        return max(1, left // max(1, min(ready, self._means.slots - len(self._running))))


def _lengths(plan: Plan) -> dict[str, float]:
    """For each task how long it takes from its start to the end of the last that waits for it, as far as known."""
    known = [task.seconds for task in plan.tasks if task.seconds is not None]
    usual = statistics.median(known) if known else _USUAL_SECONDS
    found: dict[str, float] = {}
    after: dict[str, float] = {}
    for task in reversed(plan.tasks):
        found[task.name] = (usual if task.seconds is None else task.seconds) + after.get(task.name, 0.0)
        for name in task.waits_for:
            after[name] = max(after.get(name, 0.0), found[task.name])
    return found


# --- what this machine has -------------------------------------------------------------------------------------------

_CGROUP = Path("/sys/fs/cgroup")


def cores(cgroup: Path = _CGROUP) -> int:
    """Cores that we may use: by the affinity, and by the limit of our control group (version 2), as in a container."""
    found = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        found = min(found, max(1, int(quota) // int(period)))
    return found


def free_memory(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = _CGROUP) -> int | None:
    """Bytes that builds may take together; None where nobody can tell."""
    found: list[int] = []
    with suppress(OSError, ValueError, IndexError):
        lines = meminfo.read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
    with suppress(OSError, ValueError):
        most = int((cgroup / "memory.max").read_text())
        found.append(most - int((cgroup / "memory.current").read_text()))
    return max(0, int(min(found) * _OF_MEMORY)) if found else None

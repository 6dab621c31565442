# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a batch stands: what runs, how many ended how, and about how long it will take yet."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median

from abuildpy.batch.model import Outcome, Plan, Status, Task

_EVERY = 2.0
"""Seconds for which an estimate serves: made anew for each picture it would cost more than drawing."""


@dataclass(frozen=True, slots=True)
class Running:
    """A task that is being built. ``since`` is when this attempt began, by the tally's clock."""

    task: Task
    attempt: int
    where: str
    since: float
    phase: str = ""


class Tally:
    """Counts as an observer does; asks no one. ``clock`` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.began = clock()
        self.running: dict[str, Running] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.counts: Counter[Status] = Counter()
        self.total = 0
        self._names: set[str] = set()
        self._tasks: tuple[Task, ...] = ()
        self._needs: Mapping[str, tuple[str, ...]] = {}
        self._most = 0
        self._end: float | None = None
        self._made = -1e9
        self._actual = self._former = 0.0

    def planned(self, plan: Plan) -> None:
        """A batch begins, or there is more to do: then what was done already of that is to be done again."""
        if not self._names:
            self.began = self.clock()
        again = plan.by_name
        for name in again.keys() & self.outcomes.keys():
            self.counts[self.outcomes.pop(name).status] -= 1
        self._tasks = (*(task for task in self._tasks if task.name not in again), *plan.tasks)
        self._needs = {**self._needs, **{task.name: task.waits_for for task in plan.tasks}}
        self._names |= again.keys() | {outcome.name for outcome in plan.settled}
        self.total = len(self._names)
        for outcome in plan.settled:
            self._count(outcome)

    def started(self, task: Task, attempt: int, where: str) -> None:
        """An attempt begins."""
        self.running[task.name] = Running(task, attempt, where, self.clock())
        self._most = max(self._most, len(self.running))

    def phase(self, task: Task, phase: str) -> None:
        """It goes on to another phase."""
        if task.name in self.running:
            self.running[task.name] = replace(self.running[task.name], phase=phase)

    def finished(self, task: Task, outcome: Outcome) -> None:
        """A task has its outcome."""
        self.running.pop(task.name, None)
        self._count(outcome)
        if outcome.status == "built" and task.seconds:
            self._actual += outcome.seconds
            self._former += task.seconds

    @property
    def left(self) -> int:
        """How many neither ended nor run."""
        return max(0, self.total - len(self.outcomes) - len(self.running))

    @property
    def seconds(self) -> float:
        """How long the batch has been going on."""
        return self.clock() - self.began

    def seconds_left(self) -> float | None:
        """An estimate by the times of former runs; None if they are known of fewer than half of what is left.

        What is reused or cannot be built any more takes no time.
        """
        now = self.clock()
        if now - self.began < _EVERY or not self._most:  # nobody knows yet how many run at once, nor what is reused
            return None
        if now - self._made >= _EVERY:
            self._made, left = now, self._estimate(now)
            self._end = None if left is None else now + left
        return None if self._end is None else max(0.0, self._end - now)

    def _count(self, outcome: Outcome) -> None:
        before = self.outcomes.get(outcome.name)
        if before is not None:
            self.counts[before.status] -= 1
        self.outcomes[outcome.name] = outcome
        self.counts[outcome.status] += 1

    def _to_come(self) -> list[Task]:
        """The tasks that run or will: without those that something failed for, though they still wait for others too."""
        bad = {name for name, outcome in self.outcomes.items() if not outcome.is_good}
        left = []
        for task in self._tasks:
            if task.name in self.outcomes:
                continue
            if bad.isdisjoint(self._needs[task.name]):
                left.append(task)
            else:
                bad.add(task.name)
        return left

    def _estimate(self, now: float) -> float | None:
        """Not less than the longest chain takes, nor than all of it on as many places as were ever busy at once."""
        left = self._to_come()
        known = [task.seconds for task in left if task.seconds is not None]
        if not left or 2 * len(known) < len(left):
            return None
        # This machine may be quicker or slower than the one of the last time.
        pace = min(4.0, max(0.25, self._actual / self._former)) if self._former >= 1 else 1.0
        usual = median(known)
        ends: dict[str, float] = {}
        work = 0.0
        for task in left:  # each after what it waits for
            seconds = pace * (usual if task.seconds is None else task.seconds)
            run = self.running.get(task.name)
            if run is not None:
                seconds = max(seconds - (now - run.since), 0.05 * seconds)
            work += seconds
            ends[task.name] = seconds + max((ends.get(name, 0.0) for name in self._needs[task.name]), default=0.0)
        return max(work / self._most, *ends.values())

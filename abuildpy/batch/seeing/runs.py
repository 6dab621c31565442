# SPDX-License-Identifier: GPL-3.0-or-later
"""Who built what when: the attempts of a batch, noted as they happen. Outcomes tell only of the last one, and not where."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from abuildpy.batch.model import Report, Task


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt. Times are seconds since 1970; ``last`` is False for those that were tried again."""

    name: str
    where: str
    start: float
    end: float
    attempt: int = 1
    last: bool = True


class Runs:
    """Notes starts and ends as an observer does."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._open: dict[str, Run] = {}
        self._done: list[Run] = []

    def started(self, task: Task, attempt: int, where: str) -> None:
        """An attempt begins, which ends the one before it."""
        now = self._clock()
        before = self._open.pop(task.name, None)
        if before is not None:
            self._done.append(replace(before, end=now, last=False))
        self._open[task.name] = Run(task.name, where, now, now, attempt)

    def finished(self, task: Task) -> None:
        """The last attempt ends."""
        run = self._open.pop(task.name, None)
        if run is not None:
            self._done.append(replace(run, end=self._clock()))

    def all(self, report: Report) -> list[Run]:
        """Every attempt, by its start. What was not seen here is taken from the outcomes and put where nothing else ran."""
        now = self._clock()
        found = [*self._done, *(replace(run, end=max(now, run.start)) for run in self._open.values())]
        seen = {run.name for run in found}
        free: list[float] = []
        others = [each for each in report.outcomes if each.started is not None and each.name not in seen]
        for outcome in sorted(others, key=lambda each: each.started or 0):
            start = outcome.started or 0.0
            lane = next((number for number, end in enumerate(free) if end <= start), len(free))
            free[lane:] = [start + outcome.seconds, *free[lane + 1 :]]
            found.append(Run(outcome.name, f"{lane + 1}", start, start + outcome.seconds, outcome.attempts))
        return sorted(found, key=lambda run: (run.start, run.name))

    def where(self) -> dict[str, str]:
        """Where the last attempt of each was or is."""
        return {run.name: run.where for run in (*self._done, *self._open.values())}

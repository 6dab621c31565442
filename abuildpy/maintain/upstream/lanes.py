# SPDX-License-Identifier: GPL-3.0-or-later
"""Many tasks at once, few of each lane: a busy host's queue must not keep the others waiting."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Lanes(Generic[_T]):
    """Runs tasks in threads, at most ``jobs`` at a time and ``per_lane`` of each lane."""

    def __init__(self, tasks: Sequence[tuple[str, Callable[[], _T]]], jobs: int, per_lane: int) -> None:
        self._changed = threading.Condition()
        self._per_lane = per_lane
        self._waiting: dict[str, deque[int]] = {}
        self._running: dict[str, int] = {}
        self._tasks = tasks
        self._results: dict[int, _T] = {}
        self._failure: BaseException | None = None
        self._stopped = False
        for number, (lane, _) in enumerate(tasks):
            self._waiting.setdefault(lane, deque()).append(number)
        self._turns = deque(self._waiting)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(jobs, len(tasks)))]

    def results(self) -> Iterator[_T]:
        """What the tasks give, in their order. The first exception of a task ends it all and is raised."""
        for thread in self._threads:
            thread.start()
        try:
            for number in range(len(self._tasks)):
                with self._changed:
                    while number not in self._results:
                        if self._failure is not None:
                            raise self._failure
                        self._changed.wait(0.5)  # a signal's handler only runs between waits
                    result = self._results.pop(number)
                yield result
        finally:
            with self._changed:
                self._stopped = True
                self._changed.notify_all()

    def _work(self) -> None:
        while (found := self._take()) is not None:
            lane, number = found
            try:
                result = self._tasks[number][1]()
            except BaseException as error:
                with self._changed:
                    self._failure = self._failure or error
                    self._stopped = True
                    self._changed.notify_all()
                return
            with self._changed:
                self._results[number] = result
                self._running[lane] -= 1
                self._changed.notify_all()

    def _take(self) -> tuple[str, int] | None:
        """The next task whose lane has room; None when there is no more."""
        with self._changed:
            while not self._stopped:
                for _ in range(len(self._turns)):
                    lane = self._turns[0]
                    self._turns.rotate(-1)
                    if not self._waiting[lane]:
                        self._turns.remove(lane)
                    elif self._running.get(lane, 0) < self._per_lane:
                        self._running[lane] = self._running.get(lane, 0) + 1
                        return lane, self._waiting[lane].popleft()
                if not self._turns:
                    return None
                self._changed.wait()
            return None

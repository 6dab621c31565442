# SPDX-License-Identifier: GPL-3.0-or-later
"""One build on a worker, as the local executor does it; ended when it is told to, or at its deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abuildpy.batch.interface import Work
from abuildpy.batch.local import How, Local
from abuildpy.batch.model import Failure, Outcome, Task
from abuildpy.batch.remote.messages import Order

_LOOK: Final = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """An order with all that it needs on this machine: folders of its own, and the environment of the build."""

    order: Order
    recipe: Path
    destination: Path
    staged: Path
    log: Path
    jobs: int
    environ: Mapping[str, str]


def build(job: Job, stop: threading.Event, deadline: float, tell: Callable[[str], None]) -> Outcome:
    """Builds, and returns what came of it. ``deadline`` is of time.monotonic; ``tell`` learns of each phase.

    Nothing of it runs any more when this returns.
    """
    order = job.order
    task = Task(order.name, str(job.recipe), order.pkgname, order.version, order.arch)
    staged, *earlier = sorted(job.staged.iterdir()) or [job.staged]
    work = Work(task, order.attempt, job.jobs, staged, job.destination, job.log)
    how = How(order.dependencies, tuple(map(str, earlier)), order.timeout, order.no_output_timeout)
    local = Local(1, how, job.environ)
    begun = time.monotonic()
    phase = ""
    try:
        local.start(work)
        while True:
            for done in local.wait(_LOOK):
                return done.outcome
            if stop.is_set():
                return _ended(task, "internal", "it was cancelled", begun)
            if time.monotonic() > deadline:
                said = f"it took longer than {order.deadline:.0f} seconds in all"
                return _ended(task, "timeout", said, begun)
            if (now := local.phase_of(work)) != phase:
                phase = now
                tell(phase)
    finally:
        local.close()


def _ended(task: Task, reason: Failure, error: str, begun: float) -> Outcome:
    return Outcome(task.name, task.version, "failed", reason, error=error, seconds=time.monotonic() - begun)

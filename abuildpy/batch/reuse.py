# SPDX-License-Identifier: GPL-3.0-or-later
"""What former runs have built of a batch: found in the repositories, or where a killed run left it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.batch.interface import Done, Work
from abuildpy.batch.journal import Records
from abuildpy.batch.local import OUTCOME, read_outcome
from abuildpy.batch.model import Outcome, Task
from abuildpy.batch.sound import all_sound
from abuildpy.repository.trust import Keys


@dataclass(frozen=True, slots=True)
class Places:
    """Folders: ``work`` for attempts, ``logs`` for logs, ``staged`` for the repository of what was built."""

    work: Path
    logs: Path
    staged: Path


@dataclass(frozen=True, slots=True)
class Reuse:
    """Finds packages that need not be built again: ``repositories`` are the folders that may have them."""

    records: Records
    repositories: Sequence[Path]
    keys: Keys

    def outcome(self, task: Task) -> Outcome | None:
        """``reused``, if all packages that were once made of the same content are there and sound."""
        made = self.records.made(task.name, task.key)
        if made is None or not all_sound(made.packages, self.repositories, self.keys):
            return None
        return as_reused(made.outcome)

    def left(self, task: Task, places: Places) -> Done | None:
        """A build of the same content that came to its end, and that nobody took."""
        place = places.work / task.name
        found = read_outcome(place / OUTCOME)
        if found is None or found["status"] != "built" or not task.key or found.get("key") != task.key:
            return None
        log = places.logs / f"{task.name}.log"
        work = Work(task, 1, 1, places.staged, place / "packages", log)
        seconds = found.get("seconds")
        outcome = Outcome(
            task.name,
            task.version,
            "built",
            seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
            max_rss=found["max_rss"] or None,
            log=str(log),
            apks=tuple(found["apks"]),
            key=task.key,
        )
        return Done(work, outcome)


def as_reused(outcome: Outcome) -> Outcome:
    """The outcome of a run that did not have to build what an earlier one had built."""
    return replace(outcome, status="reused", seconds=0.0, max_rss=None, attempts=0, started=None)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the loop over a plan talks to: who watches it, who builds for it, who takes what was built."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from abuildpy.batch.model import Outcome, Plan, Report, Task


class Observer(Protocol):
    """Sees what happens, always in the loop's own thread. What it raises ends the batch."""

    def planned(self, plan: Plan) -> None:
        """Before the first start; and again, with no more than what is added, where more has to be built before publishing."""

    def started(self, task: Task, attempt: int, where: str) -> None:
        """An attempt begins; ``where`` is ``local-2``, or a worker's name."""

    def phase(self, task: Task, phase: str) -> None:
        """What it is at: fetch unpack prepare build check package and so on; may never come."""

    def finished(self, task: Task, outcome: Outcome) -> None:
        """The outcome, once for each task: after the last attempt, and for those that were blocked or reused."""

    def ended(self, report: Report) -> None:
        """The end of the batch, also after an interrupt."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an executor is asked to do.

    ``jobs`` is JOBS for this build. ``staged`` is the folder of what the batch has built so far, with one apk repository
    ``<repo>/<arch>`` for each, which a build only reads. ``destination`` is a folder of this attempt's own, empty at the
    start, where the build puts ``<repo>/<arch>/*.apk`` (as REPODEST) and nothing else; ``log`` is where the whole log goes.
    """

    task: Task
    attempt: int
    jobs: int
    staged: Path
    destination: Path
    log: Path


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: ``built``, or ``failed`` with a reason; ``apks`` are names below ``work.destination``.

    ``lost`` tells that the machine went away: it is tried elsewhere, and does not count as an attempt.
    """

    work: Work
    outcome: Outcome
    lost: bool = False


class Executor(Protocol):
    """Builds, on this machine or others."""

    slots: int
    """How many builds it has room for at once."""

    def start(self, work: Work) -> None:
        """Starts a build and does not wait for it."""

    def wait(self, seconds: float) -> list[Done]:
        """What is done: at once if something is, else after that time at the latest."""

    def phase_of(self, work: Work) -> str:
        """What a build is at, as far as known; empty if nothing is."""

    def cancel(self, work: Work) -> None:
        """Ends a build: its processes are gone when this returns, or when ``wait`` tells of it."""

    def close(self) -> None:
        """Ends everything; nothing is left running."""


class Publisher(Protocol):
    """Takes what was built."""

    def accept(self, done: Done) -> tuple[str, ...]:
        """Verifies the packages of a build and puts them, signed and indexed, into the staged repository.

        Returns their names. Raises AbuildError: the task has then failed, with reason ``postcheck`` where packages are not
        what they should be, else ``internal``.
        """

    def publish(self, needs: Mapping[str, Collection[str]] | None = None) -> None:
        """Staged to final repository, each package and then the index at once.

        Raises GateError that names what would lose what it depends on. Then nothing was published; or, where ``needs`` tells
        which recipes each recipe was built with, all but what has to do with that.
        """

# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch in plain lines: one for each start and each outcome, and the sum at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from abuildpy.batch.model import STATUSES, Outcome, Plan, Report, Task


class PlainLines:
    """An Observer that writes lines."""

    def __init__(self, line: Callable[[str], None]) -> None:
        """``line`` takes each line."""
        self._line = line

    def planned(self, plan: Plan) -> None:
        """How many there are."""
        self._line(f"{len(plan.tasks)} to build for {plan.arch}")
        for warning in plan.warnings:
            self._line(f"warning: {warning}")

    def started(self, task: Task, attempt: int, where: str) -> None:
        """An attempt begins."""
        self._line(
            f"start {task.name} {task.version}" + f" ({where})" * bool(where) + f" again: {attempt}" * (attempt > 1)
        )

    def phase(self, task: Task, phase: str) -> None:
        """Nothing: that would be too many lines."""

    def finished(self, task: Task, outcome: Outcome) -> None:  # noqa: ARG002 - the outcome says it all
        """The outcome, with what a reader needs to go on."""
        detail = {
            "built": f" in {outcome.seconds:.1f} s",
            "failed": f": {outcome.reason}: {outcome.error}" + f" ({outcome.log})" * bool(outcome.log),
            "blocked": f" by {', '.join(outcome.blocked_by)}",
            "skipped": f": {outcome.reason}",
        }
        self._line(f"{outcome.status} {outcome.name} {outcome.version}".rstrip() + detail.get(outcome.status, ""))

    def ended(self, report: Report) -> None:
        """The sum."""
        counted = Counter(outcome.status for outcome in report.outcomes)
        sums = ", ".join(f"{counted[status]} {status}" for status in STATUSES if counted[status]) or "nothing to do"
        self._line(f"{'done' if report.complete else 'interrupted'} in {report.seconds:.1f} s: {sums}")

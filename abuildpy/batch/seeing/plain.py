# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch in plain lines, for files and pipes: one for each start and each end."""

from __future__ import annotations

from abuildpy.batch.model import Outcome, Plan, Report, Task
from abuildpy.batch.seeing.grouped import Crowd
from abuildpy.batch.seeing.summary import Line, summary, titled
from abuildpy.batch.seeing.tally import Tally
from abuildpy.batch.seeing.trouble import first_error
from abuildpy.messages import Messages
from abuildpy.ui.words import counted, cut, duration, printable, size

_WIDEST = 300


class PlainView:
    """An observer that says what happens through ``messages``."""

    def __init__(self, messages: Messages) -> None:
        self._say = messages
        self._tally = Tally()
        self._crowd = Crowd()
        self._settled: frozenset[str] = frozenset()

    def planned(self, plan: Plan) -> None:
        """How much there is to do, and what will not be done, with the reason."""
        self._tally.planned(plan)
        self._say.msg(f"{counted(len(plan.tasks), 'recipe')} to build" + (f" for {plan.arch}" if plan.arch else ""))
        for line in plan.warnings:
            self._say.warning(printable(line))
        for outcome in plan.settled:
            if not self._crowd.takes(outcome):
                self._failed(outcome)
        self._settled = frozenset(outcome.name for outcome in plan.settled)
        self._tell_crowd()

    def started(self, task: Task, attempt: int, where: str) -> None:
        """``main/foo 1.0-r0: started on local-1``."""
        self._tell_crowd()
        self._tally.started(task, attempt, where)
        again = f", attempt {attempt}" if attempt > 1 else ""
        on = f" on {printable(where)}" if where else ""
        self._say.msg(f"{task.name} {task.version}: started{on}{again}")

    def phase(self, task: Task, phase: str) -> None:
        """Not told: a line for each would be a flood."""

    def finished(self, task: Task, outcome: Outcome) -> None:
        """``main/foo 1.0-r0: built in 31s (3 of 300)``; failures with the first error and the log."""
        if outcome.name in self._settled:
            return  # told already
        self._tally.finished(task, outcome)
        if self._crowd.takes(outcome):
            return
        self._tell_crowd()
        if outcome.status == "failed":
            self._failed(outcome)
            return
        peak = f", {size(outcome.max_rss)}" if outcome.max_rss else ""
        self._say.msg(f"{titled(outcome)}: {outcome.status} in {duration(outcome.seconds)}{peak} {self._count()}")

    def ended(self, report: Report) -> None:
        """The summary."""
        self._tell_crowd()
        for line in summary(report):
            self._tell(line)

    def _failed(self, outcome: Outcome) -> None:
        after = f" after {duration(outcome.seconds)}" if outcome.seconds else ""
        tries = f", {counted(outcome.attempts, 'attempt')}" if outcome.attempts > 1 else ""
        self._say.error(f"{titled(outcome)}: failed, {outcome.reason}{after}{tries} {self._count()}")
        self._say.error2(cut(first_error(outcome), _WIDEST))
        if outcome.log:
            self._say.error2(f"log: {printable(outcome.log)}")

    def _count(self) -> str:
        return f"({len(self._tally.outcomes)} of {self._tally.total})"

    def _tell_crowd(self) -> None:
        for line in self._crowd.told():
            self._say.msg(line)

    def _tell(self, line: Line) -> None:
        match line.kind:
            case "bad" | "failed":
                self._say.error(line.text)
            case "good":
                self._say.msg(line.text)
            case "detail":
                self._say.error2(line.text)
            case _:
                self._say.msg2(line.text)

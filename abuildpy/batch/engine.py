# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop over a plan: starts what can start, takes what comes of it, and tells all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from abuildpy.batch.gate import GateError, refusal_of
from abuildpy.batch.interface import Done, Executor, Observer, Publisher, Work
from abuildpy.batch.journal import Journal
from abuildpy.batch.model import RETRIED, Failure, Outcome, Plan, Refusal, Report, Task, blocked_by
from abuildpy.batch.reuse import Places, Reuse, as_reused
from abuildpy.batch.scheduler import Means, Scheduler
from abuildpy.batch.sound import identities
from abuildpy.errors import AbuildError, PackageError
from abuildpy.phases.workspace import remove_tree

_MOMENT = 0.5
"""Seconds after which the loop looks around when nothing happens: for a wish to end, a lower load, another try."""
_MOST_LOST = 5
"""So often a machine may go away under a build."""
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How a batch goes on after failures. ``pause`` is how long to wait before the second attempt, in seconds; it doubles.

    With ``publish_rest`` what the gate has nothing against is published, though other results are held back.
    """

    fail_fast: bool = False
    publish_rest: bool = False
    retry: int = 0
    pause: float = 1.0


class Engine:
    """Carries out one plan."""

    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        publisher: Publisher,
        journal: Journal,
        *,
        observers: Sequence[Observer],
        means: Means,
        places: Places,
        rules: Rules,
        reuse: Reuse,
        asked_to_end: Callable[[], bool] = lambda: False,
        more: Callable[[Collection[str]], Plan | None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._executor = executor
        self._publisher = publisher
        self._journal = journal
        self._observers = observers
        self._means = means
        self._places = places
        self._rules = rules
        self._reuse = reuse
        self._asked_to_end = asked_to_end
        self._more = more
        self._scheduler = Scheduler(plan, means)
        self._tasks = plan.by_name
        self._outcomes: list[Outcome] = []
        self._bad: dict[str, tuple[str, ...]] = {}
        self._attempts: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._running: dict[str, tuple[Work, str]] = {}
        self._stopped = False
        self._is_deserted = False
        """Whether nobody is there any more who builds."""
        self._began, self._clock = time.time(), time.monotonic()

    def run(self) -> Report:
        """Builds it all. Nothing runs any more when this returns or raises.

        Raises what the executor, observers and the publisher's last step raise (GateError), after the end was told.
        """
        complete = False
        error: AbuildError | None = None
        try:
            self._tell(lambda observer: observer.planned(self._plan))
            for outcome in self._plan.settled:
                self._finish(outcome)
            self._reuse_what_is_there()
            try:
                self._loop()
                self._go_on()
            except AbuildError as problem:
                error = problem
            complete = not self._is_deserted and not self._asked_to_end()
        finally:
            self._executor.close()
        if complete:
            error = self._publish(error)
        report = self._report(complete=complete, refusal=None if error is None or not complete else refusal_of(error))
        self._tell(lambda observer: observer.ended(report))
        if error is not None:
            raise error
        return report

    def _publish(self, error: AbuildError | None) -> AbuildError | None:
        """Publishes what can be, after an ``error`` if rebuilding came to one; what keeps results back."""
        if error is not None and not self._rules.publish_rest:
            return error
        needs = {task.name: task.waits_for for task in self._plan.tasks} if self._rules.publish_rest else None
        try:
            self._publisher.publish(needs)
        except GateError as gate:
            return gate.because_of(error) if isinstance(error, GateError) else gate
        except AbuildError as problem:
            return problem
        return error

    def _report(self, *, complete: bool, refusal: Refusal | None) -> Report:
        seconds = time.monotonic() - self._clock
        outcomes = tuple(self._outcomes)
        return Report(outcomes, self._plan, self._began, seconds, self._means.slots, complete, refusal)

    # --- the loop ------------------------------------------------------------------------------------------------

    def _reuse_what_is_there(self) -> None:
        """Settles what former runs have built."""
        for task in self._plan.tasks:
            if self._asked_to_end():
                return
            outcome = self._reuse.outcome(task)
            if outcome is not None:
                self._settle(outcome)
                continue
            left = self._reuse.left(task, self._places)
            if left is not None:
                outcome, packages = self._accepted(left)
                if outcome.is_good:
                    self._journal.keep(outcome, packages)
                    remove_tree(self._places.work / task.name)
                    self._settle(as_reused(outcome))

    def _loop(self) -> None:
        while not self._asked_to_end():
            self._start_what_can()
            if not self._running:
                if not self._scheduler.ready or self._stopped:
                    break
                time.sleep(min(_MOMENT, max(0.01, self._earliest() - time.monotonic())))
                continue
            for done in self._wait():
                self._take(done)
            self._look()
        if not self._asked_to_end():
            self._give_up_the_rest()

    def _wait(self) -> list[Done]:
        try:
            return self._executor.wait(_MOMENT)
        except AbuildError:
            self._is_deserted = True
            raise

    def _go_on(self) -> None:
        """Carries out what there is more to do once all is built, until there is nothing more. Raises what ``more`` raises."""
        while not self._stopped and not self._asked_to_end():
            failed = {outcome.name for outcome in self._outcomes if outcome.status in ("failed", "blocked")}
            plan = self._more(failed)
            if plan is None:
                return
            names = {*plan.by_name, *(outcome.name for outcome in plan.settled)}
            self._outcomes = [outcome for outcome in self._outcomes if outcome.name not in names]
            self._attempts = {name: count for name, count in self._attempts.items() if name not in names}
            self._lost = {name: count for name, count in self._lost.items() if name not in names}
            before = self._plan
            self._plan, self._tasks, self._scheduler = plan, plan.by_name, Scheduler(plan, self._means)
            self._tell(lambda observer: observer.planned(self._plan))
            for outcome in plan.settled:
                self._finish(outcome)
            self._reuse_what_is_there()
            self._loop()
            self._plan = before.followed_by(plan)

    def _start_what_can(self) -> None:
        while not self._stopped:
            found = self._scheduler.next(lambda task: self._not_before.get(task.name, 0.0) > time.monotonic())
            if found is None:
                return
            self._start(*found)

    def _earliest(self) -> float:
        return min((self._not_before.get(task.name, 0.0) for task in self._scheduler.ready), default=0.0)

    def _start(self, task: Task, jobs: int) -> None:
        attempt = self._attempts.get(task.name, 0) + 1
        self._attempts[task.name] = attempt
        place = self._places.work / task.name
        number = "" if attempt == 1 else f"~{attempt}"  # no name of a recipe has that in it
        log = self._places.logs / f"{task.name}{number}.log"
        work = Work(task, attempt, jobs, self._places.staged, place / "packages", log)
        try:
            remove_tree(place)
            work.destination.mkdir(parents=True)
            log.parent.mkdir(parents=True, exist_ok=True)
            self._journal.start(task.name, task.key, attempt)
            self._executor.start(work)
        except (AbuildError, OSError) as error:
            self._settle(self._failed(work, "internal", str(error)))
            return
        self._running[task.name] = (work, "")
        where = getattr(self._executor, "where", lambda _: "")(work)
        self._tell(lambda observer: observer.started(task, attempt, where))

    def _look(self) -> None:
        for name, (work, known) in self._running.items():
            phase = self._executor.phase_of(work)
            if phase != known:
                self._running[name] = (work, phase)
                self._tell(lambda observer, work=work, phase=phase: observer.phase(work.task, phase))  # type: ignore[misc]

    # --- what comes of it ----------------------------------------------------------------------------------------

    def _take(self, done: Done) -> None:
        name = done.work.task.name
        if self._running.pop(name, None) is None:
            return
        if done.lost and self._try_elsewhere(done):
            return
        outcome = replace(done.outcome, attempts=done.work.attempt, key=done.work.task.key, log=str(done.work.log))
        packages: Mapping[str, str] = {}
        if done.lost:
            outcome = self._failed(done.work, "internal", f"the machine that built it went away {_MOST_LOST} times")
        elif outcome.status == "built":
            outcome, packages = self._accepted(replace(done, outcome=outcome))
        if outcome.reason in RETRIED and done.work.attempt <= self._rules.retry and not self._asked_to_end():
            pause = min(_LONGEST_PAUSE, self._rules.pause * 2 ** (done.work.attempt - 1))
            self._not_before[name] = time.monotonic() + pause
            self._scheduler.again(name)
            return
        remove_tree(self._places.work / name)
        self._settle(outcome, packages)

    def _try_elsewhere(self, done: Done) -> bool:
        name = done.work.task.name
        self._lost[name] = self._lost.get(name, 0) + 1
        if self._lost[name] >= _MOST_LOST:
            return False
        self._attempts[name] = done.work.attempt - 1
        self._scheduler.again(name)
        return True

    def _accepted(self, done: Done) -> tuple[Outcome, Mapping[str, str]]:
        """Hands packages to the publisher. That they are there is written down first: it may be all that is left to do."""
        work = done.work
        try:
            if not done.outcome.apks:
                raise PackageError("it made no packages")
            packages = identities(work.destination, done.outcome.apks)
            self._journal.keep_made(done.outcome, packages)
            names = self._publisher.accept(done)
        except (AbuildError, OSError) as error:
            reason: Failure = "postcheck" if isinstance(error, PackageError) else "internal"
            return self._failed(work, reason, str(error), done.outcome), {}
        return replace(done.outcome, apks=names or done.outcome.apks), packages

    def _failed(self, work: Work, reason: Failure, error: str, before: Outcome | None = None) -> Outcome:
        task = work.task
        outcome = before or Outcome(task.name, task.version, "failed", log=str(work.log), key=task.key)
        return replace(outcome, status="failed", reason=reason, error=error, apks=(), attempts=work.attempt)

    def _settle(self, outcome: Outcome, packages: Mapping[str, str] | None = None) -> None:
        """An outcome is known; so may be those of tasks that waited for it."""
        self._finish(outcome, packages or {})
        waiting = [outcome.name]
        for name in waiting:
            for task in self._scheduler.done(name):
                by = blocked_by(task.waits_for, self._bad)
                if by:
                    self._finish(Outcome(task.name, task.version, "blocked", blocked_by=by, attempts=0, key=task.key))
                    waiting.append(task.name)

    def _finish(self, outcome: Outcome, packages: Mapping[str, str] | None = None) -> None:
        if outcome.status in ("built", "failed"):
            self._journal.keep(outcome, packages or {})
        if not outcome.is_good:
            self._bad[outcome.name] = outcome.blocked_by
        if outcome.status == "failed" and outcome.attempts and self._rules.fail_fast:
            self._stopped = True
        self._outcomes.append(outcome)
        self._tell(lambda observer: observer.finished(self._task_of(outcome), outcome))

    def _give_up_the_rest(self) -> None:
        """With ``--fail-fast``: those that were not started are blocked by what failed."""
        known = {outcome.name for outcome in self._outcomes}
        failed = tuple(sorted(outcome.name for outcome in self._outcomes if outcome.status == "failed"))
        for task in self._plan.tasks:
            if task.name not in known:
                by = blocked_by(task.waits_for, self._bad) or failed
                self._finish(Outcome(task.name, task.version, "blocked", blocked_by=by, attempts=0, key=task.key))

    def _tell(self, what: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            what(observer)

    def _task_of(self, outcome: Outcome) -> Task:
        """The task of an outcome; for one that was settled before there was any, what is known of it."""
        short = outcome.name.rpartition("/")[2]
        return self._tasks.get(outcome.name) or Task(outcome.name, "", short, outcome.version, self._plan.arch)

# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop over a plan, with an executor and a publisher that only pretend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from test_batch_scheduler import task

from abuildpy.batch import engine as module
from abuildpy.batch.engine import Engine, Rules
from abuildpy.batch.gate import GateError
from abuildpy.batch.interface import Done, Work
from abuildpy.batch.journal import Journal
from abuildpy.batch.model import Cycle, Loss, Outcome, Plan, Report, Task
from abuildpy.batch.reuse import Places, Reuse
from abuildpy.batch.scheduler import Means
from abuildpy.errors import AbuildError, PackageError, RepositoryError
from abuildpy.repository.trust import Keys


@dataclass
class Pretending:
    """An executor: ``fates`` are the reasons (None for built, ``lost``) of each attempt, the last for all that follow."""

    fates: dict[str, list[str | None]] = field(default_factory=dict)
    slots: int = 2
    running: list[Work] = field(default_factory=list)
    started: list[tuple[str, int, int]] = field(default_factory=list)
    most: int = 0
    closed: bool = False
    makes: bool = True
    before: Callable[[], None] = lambda: None
    cannot: str = ""

    def start(self, work: Work) -> None:
        if work.task.name == self.cannot:
            raise RepositoryError("no room")
        assert list(work.destination.iterdir()) == []
        self.started.append((work.task.name, work.attempt, work.jobs))
        self.running.append(work)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds: float) -> list[Done]:
        self.before()
        if not self.running:
            return []
        work = self.running.pop(0)
        name = work.task.name
        fates = self.fates.get(name, [None])
        fate = fates.pop(0) if len(fates) > 1 else fates[0]
        apks = (f"main/x86_64/{name}-1-r0.apk",) if self.makes else ()
        outcome = Outcome(name, "1-r0", "built", seconds=1.0, apks=apks)
        if fate == "lost":
            return [Done(work, replace(outcome, status="failed", reason="internal"), lost=True)]
        if fate is not None:
            outcome = replace(outcome, status="failed", reason=fate, apks=(), error="why")  # type: ignore[arg-type]
        return [Done(work, outcome)]

    def phase_of(self, work: Work) -> str:
        return "build"

    def cancel(self, work: Work) -> None:
        self.running.remove(work)

    def close(self) -> None:
        self.running.clear()
        self.closed = True


@dataclass
class Taking:
    """A publisher."""

    errors: dict[str, AbuildError] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    published: int = 0
    gate: AbuildError | None = None

    def accept(self, done: Done) -> tuple[str, ...]:
        name = done.work.task.name
        if name in self.errors:
            raise self.errors[name]
        self.taken.append(name)
        return (f"{name}.apk",)

    needs: Mapping[str, Collection[str]] | None = None

    def publish(self, needs: Mapping[str, Collection[str]] | None = None) -> None:
        self.published += 1
        self.needs = needs
        if self.gate is not None:
            raise self.gate


@dataclass
class Watching:
    """An observer."""

    seen: list[str] = field(default_factory=list)
    report: Report | None = None

    def planned(self, plan: Plan) -> None:
        self.seen.append(f"planned {len(plan.tasks)}")

    def started(self, task: Task, attempt: int, where: str) -> None:
        self.seen.append(f"started {task.name} {attempt}")

    def phase(self, task: Task, phase: str) -> None:
        self.seen.append(f"{phase} {task.name}")

    def finished(self, task: Task, outcome: Outcome) -> None:
        assert task.name == outcome.name
        self.seen.append(f"{outcome.status} {outcome.name}")

    def ended(self, report: Report) -> None:
        assert self.report is None
        self.report = report


@dataclass
class Stand:
    """All of it together."""

    folder: Path
    journal: Journal
    executor: Pretending = field(default_factory=Pretending)
    publisher: Taking = field(default_factory=Taking)
    observer: Watching = field(default_factory=Watching)
    rules: Rules = field(default_factory=lambda: Rules(pause=0.0))
    jobs: int = 2
    asked: bool = False
    more: AbuildError | None = None
    failed: set[str] = field(default_factory=set)

    def followers(self, failed: Collection[str]) -> None:
        self.failed = set(failed)
        if self.more is not None:
            raise self.more

    def run(self, *tasks: Task, plan: Plan | None = None) -> dict[str, str]:
        """Runs a plan; returns what became of each, as ``status``, ``status reason`` or ``blocked a b``."""
        places = Places(self.folder / "work", self.folder / "logs", self.folder / "staged")
        engine = Engine(
            plan or Plan(tasks),
            self.executor,
            self.publisher,
            self.journal,
            observers=[self.observer],
            means=Means(self.executor.slots, self.jobs),
            places=places,
            rules=self.rules,
            reuse=Reuse(self.journal, (), Keys({})),
            asked_to_end=lambda: self.asked,
            more=self.followers,
        )
        report = engine.run()
        assert report is self.observer.report
        assert self.executor.closed
        return {o.name: " ".join((o.status, *((o.reason,) if o.reason else o.blocked_by))) for o in report.outcomes}


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setattr(module, "identities", lambda folder, names: dict.fromkeys(names, "Q1"))
    with Journal(tmp_path / "batch") as journal:
        yield Stand(tmp_path, journal)


def test_all_is_built_in_order(stand: Stand) -> None:
    assert stand.run(task("a"), task("b", "a"), task("c", "b"), task("d")) == dict.fromkeys("adbc", "built")
    assert stand.executor.most == 2
    assert stand.publisher.taken == ["a", "d", "b", "c"]
    assert (stand.publisher.published, stand.publisher.needs) == (1, None)
    assert stand.observer.seen[:3] == ["planned 4", "started a 1", "started d 1"]
    assert stand.observer.seen.count("build d") == 1
    report = stand.observer.report
    assert report is not None
    assert (report.complete, report.exit_status) == (True, 0)
    assert report.outcomes[0].apks == ("a.apk",)
    assert list((stand.folder / "work").iterdir()) == []


def test_who_blocks_is_named(stand: Stand) -> None:
    stand.executor.fates = {"bad": ["compile"], "worse": ["timeout"]}
    tasks = (
        task("bad"),
        task("worse"),
        task("good"),
        task("x", "bad", "good"),
        task("y", "x", "worse"),
        task("z", "good"),
    )
    assert stand.run(*tasks) == {
        "bad": "failed compile",
        "worse": "failed timeout",
        "good": "built",
        "x": "blocked bad",
        "y": "blocked bad worse",
        "z": "built",
    }
    assert stand.failed == {"bad", "worse", "x", "y"}
    assert stand.publisher.published == 1


def test_what_is_settled_blocks_nobody_else(stand: Stand) -> None:
    settled = (Outcome("no", "1", "failed", "cycle", attempts=0), Outcome("off", "1", "skipped", "arch", attempts=0))
    plan = Plan((task("a"),), settled, (Cycle(("no",), (("no", "no"),)),))
    assert stand.run(plan=plan) == {"no": "failed cycle", "off": "skipped arch", "a": "built"}
    last = stand.journal.last("no")
    assert last is not None
    assert last.reason == "cycle"


def test_after_the_first_failure_nothing_starts(stand: Stand) -> None:
    stand.rules = Rules(fail_fast=True)
    stand.executor.fates = {"a": ["test"]}
    found = stand.run(*(task(name) for name in "abcd"), task("e", "a"))
    assert found == {"a": "failed test", "b": "built", "c": "blocked a", "d": "blocked a", "e": "blocked a"}


def test_only_some_reasons_are_tried_again(stand: Stand) -> None:
    stand.rules = Rules(retry=2, pause=0.0)
    stand.executor.fates = {"net": ["fetch", "internal", None], "hopeless": ["fetch"], "wrong": ["compile"]}
    assert stand.run(*map(task, ("net", "hopeless", "wrong"))) == {
        "wrong": "failed compile",
        "net": "built",
        "hopeless": "failed fetch",
    }
    attempts = [name for name, _, _ in stand.executor.started]
    assert (attempts.count("net"), attempts.count("hopeless"), attempts.count("wrong")) == (3, 3, 1)
    assert stand.observer.seen.count("failed hopeless") == 1


def test_a_machine_that_goes_away_is_no_attempt(stand: Stand) -> None:
    stand.executor.fates = {"a": ["lost", "lost", None], "b": ["lost"]}
    assert stand.run(task("a"), task("b")) == {"a": "built", "b": "failed internal"}
    assert {attempt for _, attempt, _ in stand.executor.started} == {1}
    assert [name for name, _, _ in stand.executor.started].count("b") == 5


def test_packages_that_are_refused(stand: Stand) -> None:
    stand.publisher.errors = {"a": PackageError("not what it says"), "b": RepositoryError("no room")}
    assert stand.run(task("a"), task("b"), task("c", "a")) == {
        "a": "failed postcheck",
        "b": "failed internal",
        "c": "blocked a",
    }
    assert stand.journal.last("a") is not None


def test_the_gate(stand: Stand) -> None:
    stand.publisher.gate = RepositoryError("would lose so:libx.so.1")
    with pytest.raises(RepositoryError, match="would lose"):
        stand.run(task("a"))
    assert stand.observer.report is not None
    assert stand.observer.report.complete


def test_what_the_gate_holds_back_is_in_the_report(stand: Stand) -> None:
    loss = Loss("main/app-1-r0", "main/app", "so:liba.so.1", ("main/a-2-r0",), ("main/a-1-r0",))
    stand.publisher.gate = GateError([loss], held=["main/a"])
    stand.rules = Rules(pause=0.0, publish_rest=True)
    with pytest.raises(GateError, match="not all is published"):
        stand.run(task("a"), task("b", "a"))
    assert stand.publisher.needs == {"a": (), "b": ("a",)}
    report = stand.observer.report
    assert report is not None
    assert report.exit_status == 1
    assert report.refusal is not None
    assert (report.refusal.losses, report.refusal.rebuild, report.refusal.held) == ((loss,), ("main/app",), ("main/a",))


@pytest.mark.parametrize("rest", [False, True])
def test_why_there_was_no_rebuilding_is_told_with_what_is_held_back(stand: Stand, rest: bool) -> None:
    loss = Loss("main/app-1-r0", "main/app", "so:liba.so.1", ("main/a-2-r0",), ("main/a-1-r0",))
    stand.publisher.gate = GateError([loss], held=["main/a"])
    stand.more = GateError([loss], "main/app is not built for x86_64", "drop it")
    stand.rules = Rules(pause=0.0, publish_rest=rest)
    with pytest.raises(GateError, match="published: main/app is not built for x86_64") as error:
        stand.run(task("a"))
    assert (error.value.held, error.value.hint) == (("main/a",) if rest else (), "drop it")
    assert stand.publisher.published == rest


def test_what_cannot_be_started_has_failed(stand: Stand) -> None:
    stand.executor.cannot = "a"
    assert stand.run(task("a"), task("b", "a"), task("c")) == {"a": "failed internal", "b": "blocked a", "c": "built"}
    report = stand.observer.report
    assert report is not None
    assert report.outcomes[0].error == "no room"


def test_asked_to_end(stand: Stand) -> None:
    rounds = []

    def before() -> None:
        rounds.append(1)
        stand.asked = len(rounds) >= 2

    stand.executor.before = before
    assert stand.run(*map(task, "abcdef")) == {"a": "built", "b": "built"}
    report = stand.observer.report
    assert report is not None
    assert (report.complete, report.exit_status) == (False, 130)
    assert stand.publisher.published == 0
    assert stand.executor.running == []


def test_nobody_builds_any_more(stand: Stand) -> None:
    """What was built until then is in the report; nothing is published, and nothing counts as failed."""
    rounds = []

    def before() -> None:
        rounds.append(1)
        if len(rounds) >= 2:
            raise AbuildError("the scheduler is gone")

    stand.executor.before = before
    with pytest.raises(AbuildError, match="is gone"):
        stand.run(*map(task, "abc"))
    report = stand.observer.report
    assert report is not None
    assert ([o.name for o in report.outcomes], report.complete) == (["a"], False)
    assert stand.publisher.published == 0
    assert stand.executor.closed


def test_nothing_runs_after_an_error_of_our_own(stand: Stand) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    stand.executor.before = broken
    with pytest.raises(RuntimeError):
        stand.run(task("a"))
    assert stand.executor.closed


def test_a_build_that_makes_nothing_has_failed(stand: Stand) -> None:
    stand.executor.makes = False
    assert stand.run(task("a")) == {"a": "failed postcheck"}

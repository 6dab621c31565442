# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks, plans, outcomes and reports: what they tell of themselves."""

from __future__ import annotations

from abuildpy.batch.model import Need, Outcome, Plan, Report, Task, Why, blocked_by


def need(on: str, wanted: str = "foo-dev") -> Need:
    return Need(on, wanted, wanted, "makedepends")


def task(name: str, *needs: Need) -> Task:
    return Task(name, f"/aports/{name}", name.split("/")[1], "1-r0", "x86_64", needs=needs)


def test_a_task_waits_once_for_each_other_task() -> None:
    waiting = task("main/a", need("main/b", "b-dev"), need("main/c"), need("main/b", "b-libs"))
    assert waiting.waits_for == ("main/b", "main/c")


def test_a_plan_knows_who_waits_for_whom() -> None:
    plan = Plan((task("main/c"), task("main/b", need("main/c")), task("main/a", need("main/c"), need("main/b"))))
    assert plan.dependants == {"main/a": (), "main/b": ("main/a",), "main/c": ("main/b", "main/a")}
    assert plan.by_name["main/b"] is plan.tasks[1]


def test_why_and_needs_read_as_sentences() -> None:
    assert str(Why("rebuild", "so:libfoo.so.1")) == "depends on so:libfoo.so.1"
    assert (
        str(Need("main/foo", "foo-dev>=1", "foo-dev", "makedepends")) == "makedepends foo-dev>=1 -> foo-dev of main/foo"
    )
    by_way = Need("main/foo", "foo", "foo", "installed", via=("bar-dev", "bar"))
    assert str(by_way) == "installed foo of main/foo (by way of bar-dev -> bar)"


def test_exit_status() -> None:
    built, failed = Outcome("main/a", "1-r0", "built"), Outcome("main/b", "1-r0", "failed", "compile")
    skipped, reused = Outcome("main/c", "1-r0", "skipped", "arch"), Outcome("main/d", "1-r0", "reused")
    plan = Plan((task("main/a"),))
    assert Report((), Plan(())).exit_status == 0
    assert Report((built, reused, skipped), plan).exit_status == 0
    assert Report((built, failed), plan).exit_status == 1
    assert Report((built, Outcome("main/e", "1-r0", "blocked", blocked_by=("main/b",))), plan).exit_status == 1
    assert Report((failed,), Plan((), settled=(failed,))).exit_status == 3
    assert Report((skipped,), Plan((), settled=(skipped,))).exit_status == 0
    assert Report((built,), plan, complete=False).exit_status == 130


def test_the_roots_of_the_trouble_block() -> None:
    bad = {"main/a": (), "main/b": ("main/a",), "main/c": ("main/x", "main/a")}
    assert blocked_by(["main/good", "main/b"], bad) == ("main/a",)
    assert blocked_by(["main/c", "main/b", "main/a"], bad) == ("main/a", "main/x")
    assert blocked_by(["main/good"], bad) == ()

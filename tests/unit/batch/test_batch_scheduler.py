# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built next: the longest path first, within memory, cores and load."""

from __future__ import annotations

from pathlib import Path

from abuildpy.batch.model import Need, Plan, Task
from abuildpy.batch.scheduler import Means, Scheduler, cores, free_memory


def task(name: str, *needs: str, **how: object) -> Task:
    edges = tuple(Need(need, need, need, "makedepends") for need in needs)
    return Task(name, f"/aports/{name}", name, "1-r0", "x86_64", needs=edges, **how)  # type: ignore[arg-type]


def started(scheduler: Scheduler) -> list[str]:
    found = []
    while (each := scheduler.next()) is not None:
        found.append(each[0].name)
    return found


def test_the_longest_path_first() -> None:
    plan = Plan((task("short"), task("root", seconds=1), task("long", seconds=5), task("leaf", "root", seconds=9)))
    scheduler = Scheduler(plan, Means(1, 1))
    order = []
    while (found := scheduler.next()) is not None:
        order.append(found[0].name)
        scheduler.done(found[0].name)
    assert order == ["root", "leaf", "short", "long"]  # the median stands for what nobody knows


def test_priorities_go_before_times() -> None:
    plan = Plan((task("long", seconds=50), task("urgent", priority=1, seconds=1)))
    assert started(Scheduler(plan, Means(1, 1))) == ["urgent"]


def test_only_what_waits_for_nothing() -> None:
    scheduler = Scheduler(Plan((task("a"), task("b", "a"), task("c", "a", "b"))), Means(9, 1))
    assert started(scheduler) == ["a"]
    assert [each.name for each in scheduler.done("a")] == ["b"]
    assert started(scheduler) == ["b"]
    assert [each.name for each in scheduler.done("b")] == ["c"]


def test_so_many_at_once() -> None:
    scheduler = Scheduler(Plan(tuple(task(name) for name in "abcde")), Means(3, 1))
    assert started(scheduler) == ["a", "b", "c"]
    scheduler.done("b")
    assert started(scheduler) == ["d"]


def test_as_many_as_there_are_machines_for() -> None:
    """They come and go meanwhile; one is always started, and waits for somebody."""
    room = [1]
    scheduler = Scheduler(Plan(tuple(task(name) for name in "abcdef")), Means(1, 1, room=lambda: room[0]))
    assert started(scheduler) == ["a"]
    room[0] = 3
    assert started(scheduler) == ["b", "c"]
    room[0] = 0
    for name in "abc":
        assert started(scheduler) == []
        scheduler.done(name)
    assert started(scheduler) == ["d"]


def test_within_memory_but_one_at_least() -> None:
    plan = Plan(
        (task("huge", max_rss=900, seconds=3), task("big", max_rss=60, seconds=2), task("small", max_rss=30, seconds=1))
    )
    scheduler = Scheduler(plan, Means(9, 1, memory=100))
    assert started(scheduler) == ["huge"]
    scheduler.done("huge")
    assert started(scheduler) == ["big", "small"]


def test_what_does_not_fit_lets_others_pass() -> None:
    plan = Plan((task("a", max_rss=70, seconds=3), task("b", max_rss=70, seconds=2), task("c", max_rss=20, seconds=1)))
    assert started(Scheduler(plan, Means(9, 1, memory=100))) == ["a", "c"]


def test_memory_that_nobody_knows_keeps_nobody_out() -> None:
    assert len(started(Scheduler(Plan(tuple(map(task, "abcd"))), Means(3, 1, memory=100)))) == 3


def test_not_above_the_load_but_one_at_least() -> None:
    load = [9.0]
    scheduler = Scheduler(Plan(tuple(map(task, "abc"))), Means(3, 1, most_load=4, load=lambda: load[0]))
    assert started(scheduler) == ["a"]
    load[0] = 3.0
    assert started(scheduler) == ["b", "c"]


def test_exclusive_ones_alone() -> None:
    plan = Plan((task("a", seconds=9), task("alone", exclusive=True, seconds=8), task("b", seconds=1)))
    scheduler = Scheduler(plan, Means(3, 4))
    assert started(scheduler) == ["a"]
    scheduler.done("a")
    found = scheduler.next()
    assert found is not None
    assert (found[0].name, found[1]) == ("alone", 4)
    assert started(scheduler) == []
    scheduler.done("alone")
    assert started(scheduler) == ["b"]


def test_jobs_are_shared() -> None:
    def shares(number: int, slots: int, jobs: int) -> list[int]:
        scheduler = Scheduler(Plan(tuple(map(task, "abcdefgh"[:number]))), Means(slots, jobs))
        found = []
        while (each := scheduler.next()) is not None:
            found.append(each[1])
        return found

    assert shares(1, 4, 8) == [8]
    assert shares(2, 4, 8) == [4, 4]
    assert shares(8, 3, 8) == [2, 3, 3]
    assert shares(8, 4, 2) == [1, 1, 1, 1]


def test_another_try() -> None:
    scheduler = Scheduler(Plan((task("a"), task("b"))), Means(1, 1))
    assert started(scheduler) == ["a"]
    scheduler.again("a")
    found = scheduler.next(lambda each: each.name == "a")
    assert found is not None
    assert found[0].name == "b"
    assert [each.name for each in scheduler.ready] == ["a"]


def test_what_this_machine_has(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 100 kB\nMemAvailable:  50 kB\n")
    assert free_memory(meminfo, tmp_path) == 46080
    (tmp_path / "memory.max").write_text("20480\n")
    (tmp_path / "memory.current").write_text("10480\n")
    assert free_memory(meminfo, tmp_path) == 9000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(meminfo, tmp_path) == 46080
    assert free_memory(tmp_path / "none", tmp_path / "none") is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cores(tmp_path) == cores(tmp_path / "none") >= 1

# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see of a batch: plain lines, a live table, folds and annotations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from seeingkit import HOSTILE, Kept, Screen, played, show, small, task

from abuildpy.batch.model import Loss, Outcome, Plan, Refusal, Report
from abuildpy.batch.seeing import observers_for, watching
from abuildpy.batch.seeing.ci import CiView, GitHub, GitLab, dialect_of
from abuildpy.batch.seeing.live import LiveView
from abuildpy.batch.seeing.plain import PlainView
from abuildpy.batch.seeing.report import ReportError, Reports
from abuildpy.batch.seeing.tally import Tally

PLAIN = """\
msg 5 recipes to build for x86_64
msg main/f: skipped
msg main/a 1.0-r0: started on local-1
msg main/a 1.0-r0: built in 12s, 300 MiB (2 of 6)
msg main/b 1.0-r0: started on local-1
error main/b 1.0-r0: failed, compile after 3.0s (3 of 6)
error2 b.c:1: error: no
error2 log: /nowhere/b.log
msg 2 recipes blocked by main/b: main/c main/d
msg main/e: reused
error 6 recipes in 15s: 1 built, 1 reused, 1 failed, 2 blocked, 1 skipped
error main/b 1.0-r0: compile, 3.0s: b.c:1: error: no
error2 log: /nowhere/b.log
msg2 main/b blocks 2: main/c main/d
"""


def test_plain_lines() -> None:
    kept = Kept()
    show(PlainView(kept), *small("/nowhere/b.log"))
    assert "".join(f"{line}\n" for line in kept.lines) == PLAIN


def test_plain_lines_are_no_flood(tmp_path: Path) -> None:
    """One for each start and each end; those for which nothing ran are told together."""
    kept = Kept()
    report = played(tmp_path, 400, [PlainView(kept)])
    ran = sum(outcome.attempts for outcome in report.outcomes if outcome.started is not None)
    ended = sum(outcome.started is not None for outcome in report.outcomes)
    assert sum(": started on " in line for line in kept.lines) == ran
    assert sum(" built in " in line or line.startswith("error ") for line in kept.lines) >= ended
    blocked = [line for line in kept.lines if "blocked by" in line]
    assert len(blocked) < sum(outcome.status == "blocked" for outcome in report.outcomes)
    assert all(line.isprintable() and len(line) < 2000 for line in kept.lines)


def test_interrupted() -> None:
    kept = Kept()
    plan, outcomes = small()
    show(PlainView(kept), plan, outcomes[:1], complete=False)
    assert kept.lines[-1] == "error interrupted: 6 recipes in 15s: 1 built, 1 skipped, 4 not reached"


def test_nothing_failed() -> None:
    kept = Kept()
    plan, outcomes = small()
    show(PlainView(kept), replace(plan, tasks=plan.tasks[:1]), outcomes[:1])
    assert kept.lines[-1] == "msg 2 recipes in 15s: 1 built, 1 skipped"


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_estimate() -> None:
    """By the longest chain or by all of the work on the places that were busy; known only by former times."""
    clock = Clock()
    tally = Tally(clock)
    tasks = (task("a", seconds=30), task("b", "a", seconds=60), task("c", seconds=20), task("d", seconds=10))
    tally.planned(Plan(tasks))
    assert tally.seconds_left() is None  # nobody knows how many run at once
    tally.started(tasks[0], 1, "local-1")
    tally.started(tasks[2], 1, "local-2")
    clock.now += 10
    assert tally.seconds_left() == pytest.approx(80)  # a and b, one after the other
    clock.now += 10
    tally.finished(tasks[2], Outcome("main/c", "1", "built", seconds=20))
    clock.now += 10
    tally.finished(tasks[0], Outcome("main/a", "1", "built", seconds=30))
    clock.now += 2
    assert tally.seconds_left() == pytest.approx(60)
    assert tally.left == 2
    clock.now += 1
    assert tally.seconds_left() == pytest.approx(59)  # it goes on between two estimates
    clock.now += 1
    tally.finished(tasks[1], Outcome("main/b", "1", "failed", "fetch"))
    tally.finished(tasks[3], Outcome("main/d", "1", "built"))
    clock.now += 2
    assert tally.seconds_left() is None


def test_what_is_reused_or_blocked_takes_no_time() -> None:
    clock = Clock()
    tally = Tally(clock)
    tasks = (
        task("a", seconds=30),
        task("b", seconds=40),
        task("c", "a", "b", seconds=500),
        task("d", "c", seconds=500),
        task("e", seconds=600),
    )
    tally.planned(Plan(tasks))
    clock.now += 10
    assert tally.seconds_left() is None  # it still looks what can be reused
    tally.finished(tasks[4], Outcome("main/e", "1", "reused"))
    tally.started(tasks[0], 1, "local-1")
    tally.started(tasks[1], 1, "local-2")
    tally.finished(tasks[0], Outcome("main/a", "1", "failed", "compile"))
    clock.now += 10
    # c waits for b still, and so has no outcome; it will be blocked, and d with it.
    assert tally.seconds_left() == pytest.approx(30)


def test_estimate_needs_former_times_and_knows_a_slow_day() -> None:
    clock = Clock()
    tally = Tally(clock)
    tasks = tuple(task(name, seconds=10 if name in "abc" else None) for name in "abcde")
    tally.planned(Plan(tasks))
    tally.started(tasks[0], 1, "x")
    clock.now += 20
    tally.finished(tasks[0], Outcome("main/a", "1", "built", seconds=20))
    assert tally.seconds_left() == pytest.approx(4 * 20)  # twice as slow as the last time; d and e like the others
    tally.finished(tasks[1], Outcome("main/b", "1", "built", seconds=20))
    tally.finished(tasks[2], Outcome("main/c", "1", "built", seconds=20))
    clock.now += 5
    assert tally.seconds_left() is None


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def live(screen: Screen, clock: Clock | None = None) -> LiveView:
    return LiveView(screen.descriptor, terminal=screen.size, tally=Tally(clock or Clock()), every=None)


@pytest.mark.usefixtures("clean")
def test_live() -> None:
    screen, clock = Screen(80, 24), Clock()
    view = live(screen, clock)
    plan, outcomes = small("/nowhere/b.log")
    view.planned(plan)
    a, b = plan.tasks[:2]
    view.started(a, 1, "local-1")
    view.phase(a, "check")
    clock.now += 7
    view.refresh()
    shown = screen.shown
    assert shown[0] == "- main/f: skipped"
    assert shown[-3].split() == ["main/a", "check", "7.0s", "10s", "local-1"]
    assert shown[-2].endswith(" 1/6  7.0s")
    assert shown[-1] == "built 0  failed 0  blocked 0  skipped 1  running 1  left 4"
    view.finished(a, outcomes[0])
    view.started(b, 2, "local-2")
    view.finished(b, outcomes[1])
    for outcome in outcomes[2:]:
        view.finished(plan.by_name[outcome.name], outcome)
    view.refresh()
    shown = screen.shown
    assert shown[1:5] == [
        "✗ main/b 1.0-r0 failed, compile after 3.0s",
        "  b.c:1: error: no",
        "  log: /nowhere/b.log",
        "- 2 recipes blocked by main/b: main/c main/d",
    ]
    assert "running" not in "".join(shown[:-1])
    assert shown[-1] == "built 1  reused 1  failed 1  blocked 2  skipped 1  running 0  left 0"
    view.ended(Report((*plan.settled, *outcomes), plan, seconds=15))
    shown = screen.shown
    assert shown[5:] == [
        "6 recipes in 15s: 1 built, 1 reused, 1 failed, 2 blocked, 1 skipped",
        "  ✗ main/b 1.0-r0: compile, 3.0s: b.c:1: error: no",
        "    log: /nowhere/b.log",
        "  main/b blocks 2: main/c main/d",
    ]


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("columns", [20, 40, 80, 120, 200])
@pytest.mark.parametrize("rows", [3, 12, 24])
def test_live_fits(columns: int, rows: int) -> None:
    """No line is wrapped and none is lost, with 16 at once, however small the terminal is."""
    screen = Screen(columns, rows)
    view = live(screen)
    tasks = tuple(task(f"{'long-name-' * (number % 7)}{number}", seconds=9) for number in range(40))
    view.planned(Plan(tasks))
    for number, each in enumerate(tasks[:16]):
        view.started(each, 1 + number % 2, f"a-worker-with-a-long-name-{number}")
    for _ in range(3):
        view.refresh()
    assert len(screen.shown) < rows + 1
    assert all(len(line) <= columns for line in screen.shown)
    assert not screen._glued
    assert screen.shown[-1].startswith("built 0")
    if rows == 24:
        assert sum(line.startswith("main/") for line in screen.shown) == 16
        assert ("version" in screen.shown[1]) == (columns >= 120)
    if rows == 12:
        assert screen.shown[-3].startswith("… and ")


@pytest.mark.usefixtures("clean")
def test_live_after_a_resize() -> None:
    """The lines that a narrower terminal wrapped are all taken away again."""
    screen = Screen(120, 60)
    view = live(screen)
    view.planned(Plan((task("a", seconds=3), task("b"))))
    view.finished(task("b"), Outcome("main/b", "1.0-r0", "failed", "test", error="no"))
    view.started(task("a", seconds=3), 1, "local-1")
    view.refresh()
    for columns in (50, 30, 100, 47, 120):
        screen.resize(columns)
        view.refresh()
        assert sum("main/a" in line for line in screen.shown) == 1
        assert sum(line.startswith("built 0") for line in screen.shown) == 1
        assert "".join(screen.shown).count("main/b") == 1


@pytest.mark.usefixtures("clean")
def test_others_may_write_while_it_pauses() -> None:
    screen = Screen(80, 24)
    view = live(screen)
    view.planned(Plan((task("a"),)))
    with view.paused():
        os.write(screen.descriptor, b"hello\n")
    assert screen.shown[0] == "hello"
    assert screen.shown[-1].startswith("built 0")


@pytest.mark.usefixtures("clean")
def test_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, outcomes = small()
    written: dict[str, bytes] = {}
    for value in ("", "1"):
        monkeypatch.setenv("NO_COLOR", value)
        screen = Screen(80, 24)
        show(live(screen), plan, outcomes)
        written[value] = os.read(screen._read, 1 << 20)
    assert b"\033[1;31m" in written[""]
    assert b"31m" not in written["1"]


@pytest.mark.usefixtures("clean")
def test_a_thread_goes_on_drawing() -> None:
    screen = Screen(80, 24)
    view = LiveView(screen.descriptor, terminal=screen.size, every=0.01)
    plan, outcomes = small()
    view.planned(plan)
    os.set_blocking(screen._read, True)
    assert b"built 0" in os.read(screen._read, 1 << 20)
    assert b"built 0" in os.read(screen._read, 1 << 20)  # and again, though nothing happened
    os.set_blocking(screen._read, False)
    assert view._thread is not None
    thread = view._thread
    view.ended(Report(tuple(outcomes), plan))
    assert not thread.is_alive()


@pytest.mark.usefixtures("clean")
def test_a_terminal_that_is_gone_ends_nothing() -> None:
    screen = Screen(80, 24)
    os.close(screen.descriptor)
    plan, outcomes = small()
    show(live(screen), plan, outcomes)


def commands(lines: list[str]) -> Iterator[str]:
    """What GitHub's runner would do of these lines: blanks in front do not count, and the old form is found anywhere."""
    stopped = ""
    for line in lines:
        text = line.strip()
        if stopped:
            if text == f"::{stopped}::":
                stopped = ""
            continue
        if text.startswith("::stop-commands::"):
            stopped = text.removeprefix("::stop-commands::")
        elif text.startswith("::") or "##[" in text:
            yield text


def github(tmp_path: Path, plan: Plan, outcomes: list[Outcome], environ: dict[str, str]) -> list[str]:
    written: list[str] = []
    kept = Kept()
    kept.msg = kept.msg2 = kept.error = kept.error2 = lambda text: written.append(f"    {text}\n")  # type: ignore[method-assign]
    show(CiView(kept, GitHub(), written.append, environ), plan, outcomes)
    return "".join(written).splitlines()


def hostile(tmp_path: Path) -> tuple[Plan, list[Outcome]]:
    """b's log is hostile, and so is what is said of its error."""
    log = tmp_path / "b.log"
    log.write_bytes(HOSTILE)
    recipe = tmp_path / "main/b/APKBUILD"
    recipe.parent.mkdir(parents=True)
    recipe.write_text("pkgname=b\n\nbuild() {\n\tmake\n}\n")
    plan, outcomes = small(str(log))
    tasks = tuple(replace(each, folder=str(tmp_path / each.name)) for each in plan.tasks)
    outcomes[1] = replace(outcomes[1], error="::set-env name=A::b ##[add-mask]x\n100%, really")
    return replace(plan, tasks=tasks), outcomes


def test_github(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    environ = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    lines = github(tmp_path, *hostile(tmp_path), environ)
    assert list(commands(lines)) == [
        "::group::main/b 1.0-r0: end of the log (14 lines)",
        "::endgroup::",
        "::error file=main/b/APKBUILD,line=3,title=main/b 1.0-r0%3A failed%2C compile after 3.0s (3 of 6)::"
        "::set-env name=A::b ## [add-mask]x 100%25, really%0A"
        "likely cause: the header <zlib.h> is not installed, or not where the compiler looks%0A"
        f"next step: add what provides it to makedepends%0Alog: {tmp_path}/b.log, line 10",
    ]
    assert "  make: *** [Makefile:12: main.o] Error 1" in lines
    assert summary.read_text().startswith("## ❌ 6 recipes in 15s")


def test_github_is_told_what_has_to_be_rebuilt(tmp_path: Path) -> None:
    """At its recipe, which is no part of the batch."""
    plan, outcomes = hostile(tmp_path)
    for name in ("main/app", "community/c"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "APKBUILD").write_text("pkgname=x\ndepends=y\n")
    losses = [
        Loss(f"{name}-1-r0", name, "so:%0A::x", ("main/a-2-r0",), ("main/a-1-r0",))
        for name in ("main/app", "community/c", "gone/z")
    ]
    refusal = Refusal("not published: why", "mend it\nor not", tuple(losses))
    written: list[str] = []
    view = CiView(Kept(), GitHub(), written.append, {"GITHUB_WORKSPACE": str(tmp_path)})
    show(view, plan, outcomes, refusal=refusal)
    assert [line.partition("::main")[0].partition("::gone")[0].partition("::comm")[0] for line in written[-3:]] == [
        "::error file=main/app/APKBUILD,line=2,title=main/app%3A must be rebuilt before all is published",
        "::error file=community/c/APKBUILD,line=2,title=community/c%3A must be rebuilt before all is published",
        "::error title=gone/z%3A must be rebuilt before all is published",
    ]
    assert written[-3].endswith(
        "::main/app-1-r0 would lose so:%250A::x: main/a-1-r0 has it, main/a-2-r0 has not%0A"
        "next step: mend it%0Aor not\n"
    )
    show(view, plan, outcomes, refusal=Refusal("no room on /x"))
    assert written[-1] == "::error title=not published::no room on /x\n"


def test_github_twice_never_the_same_word(tmp_path: Path) -> None:
    words = {line for _ in range(2) for line in GitHub().fold("a", ["b"]) if line.startswith("::stop")}
    assert len(words) == 2
    assert all(len(word) > 40 for word in words)


def test_gitlab(tmp_path: Path) -> None:
    written: list[str] = []
    kept = Kept()
    plan, outcomes = hostile(tmp_path)
    show(CiView(kept, GitLab(), written.append, {"CI_PROJECT_DIR": str(tmp_path)}), plan, outcomes)
    text = "".join(written)
    assert text.count("\033[0Ksection_start:") == text.count("\033[0Ksection_end:") == 1
    assert text.count("\r") == 2
    assert "[collapsed=true]\r\033[0Kmain/b 1.0-r0: end of the log (14 lines)\n" in text
    assert "\033[1;31mERROR: main/b/APKBUILD:3: main/b 1.0-r0: failed, compile after 3.0s (3 of 6)\033[0m\n" in text


def test_settled_failures_have_their_place(tmp_path: Path) -> None:
    for name in ("main/a", "main/x", "other/y"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "APKBUILD").write_text("makedepends=a\n")
    settled = tuple(Outcome(f"{name}", "1", "failed", "cycle", error="c") for name in ("main/x", "other/y", "gone/z"))
    plan = Plan((task("a", folder=str(tmp_path)),), settled)
    written: list[str] = []
    CiView(Kept(), GitHub(), written.append, {"GITHUB_WORKSPACE": str(tmp_path)}).planned(plan)
    assert [line.partition(",")[0] for line in written] == [
        "::error file=main/x/APKBUILD",
        "::error file=other/y/APKBUILD",
        "::error title=gone/z 1%3A failed%2C cycle (3 of 4)::c\n",
    ]


@dataclass(frozen=True)
class Orders:
    reports: tuple[Path, ...] = ()


def test_who_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def views(environ: dict[str, str], *reports: Path) -> list[str]:
        return [type(each).__name__ for each in observers_for(Orders(reports), Kept(), environ)]

    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor == 2)
    assert views({"TERM": "xterm"}) == ["LiveView"]
    assert views({"TERM": "dumb"}) == ["PlainView"]
    assert views({}) == ["PlainView"]
    assert views({"TERM": "xterm", "GITHUB_ACTIONS": "true"}) == ["CiView"]
    assert views({"GITLAB_CI": "true"}, tmp_path / "a.json") == ["CiView", Reports.__name__]
    monkeypatch.setattr(os, "isatty", lambda descriptor: False)
    assert views({"TERM": "xterm"}) == ["PlainView"]


def test_dialects() -> None:
    assert isinstance(dialect_of({"GITHUB_ACTIONS": "true"}), GitHub)
    assert isinstance(dialect_of({"GITLAB_CI": "true"}), GitLab)
    assert dialect_of({"CI": "true"}) is None


@pytest.mark.usefixtures("clean")
def test_watching_leaves_the_terminal_as_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where the batch ends with an error of which no observer hears; and messages appear above the picture."""
    screen = Screen(80, 24)
    view = live(screen)
    monkeypatch.setattr("abuildpy.batch.seeing._view", lambda *_: view)
    kept = Kept()
    monkeypatch.setattr(kept, "warning", lambda text: os.write(screen.descriptor, f"{text}\n".encode()))
    with pytest.raises(ZeroDivisionError), watching(Orders(), kept) as (observers, messages):
        observers[0].planned(Plan((task("a"),), warnings=("look out\x1b[2J",)))
        messages.warning("an old package")
        shown = screen.shown
        assert shown[:2] == ["warning: look out�[2J", "an old package"]
        assert shown[-1].startswith("built 0")
        raise ZeroDivisionError
    assert screen.shown == ["warning: look out�[2J", "an old package"]


def test_watching_tells_of_reports_that_were_not_written(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    with (
        pytest.raises(ReportError),
        watching(Orders((tmp_path / "gone/r.json",)), Kept(), {}) as (observers, messages),
    ):
        assert isinstance(messages, Kept)
        (tmp_path / "gone").rmdir()
        for observer in observers:
            observer.ended(Report(()))


def test_more_to_do_at_the_end() -> None:
    """As ``--rebuild-dependants`` adds it: what was built once is to be built again, and counts once."""
    tally = Tally(lambda: 0.0)
    first, second, third = task("a"), task("b"), task("c")
    tally.planned(Plan((first, second)))
    for each in (first, second):
        tally.finished(each, Outcome(each.name, each.version, "built"))
    tally.planned(Plan((second, third)))
    assert (tally.total, len(tally.outcomes), tally.left, tally.counts["built"]) == (3, 1, 2, 1)
    tally.finished(second, Outcome(second.name, second.version, "failed", "compile"))
    tally.finished(third, Outcome(third.name, third.version, "built"))
    assert (tally.total, tally.left, tally.counts["built"], tally.counts["failed"]) == (3, 0, 2, 1)


def test_what_github_takes_for_a_command() -> None:
    assert GitHub().harmless("  ::error::x::y") == "  : :error::x::y"
    assert GitHub().harmless("a ::b ##[c]##[d]") == "a ::b ## [c]## [d]"


@pytest.mark.usefixtures("clean")
def test_what_was_settled_is_told_once() -> None:
    settled = (Outcome("main/x", "1", "failed", "cycle", error="round"), Outcome("main/y", "1", "blocked"))
    screen, kept = Screen(80, 24), Kept()
    show(live(screen), Plan((), settled), ())
    assert sum(line.startswith("✗ main/x") for line in screen.shown) == 1
    assert sum("main/y: blocked" in line for line in screen.shown) == 1
    show(PlainView(kept), Plan((), settled), ())
    assert sum(line.startswith("error main/x 1: failed, cycle") for line in kept.lines) == 1

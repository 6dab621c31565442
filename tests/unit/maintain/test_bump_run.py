# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of ``abuildpy bump`` with builds that only pretend: whatever comes of them, a recipe is committed or as before."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from maintain_log import Log

from abuildpy.batch.gate import GateError
from abuildpy.batch.model import Need, Outcome, Plan, Report, Task
from abuildpy.errors import AbuildError
from abuildpy.maintain.bumping.git import GitTree
from abuildpy.maintain.bumping.keeping import Keeper
from abuildpy.maintain.bumping.ledger import Ledger
from abuildpy.maintain.bumping.model import Edit, Result, Summary, Wish
from abuildpy.maintain.bumping.run import Around, Bumping, Options

OLD, NEW = b"pkgver=1.0\n", b"pkgver=2.0\n"


@dataclass
class Building:
    """A builder: ``plans`` are what it answers, one after the other, ``fates`` the outcomes; ``meanwhile`` is run before each."""

    tasks: list[tuple[Task, ...]] = field(default_factory=list)
    settled: tuple[Outcome, ...] = ()
    fates: dict[str, Outcome] = field(default_factory=dict)
    error: AbuildError | None = None
    meanwhile: Callable[[str], None] = lambda _: None
    planned: list[list[str]] = field(default_factory=list)
    complete: bool = True
    log: Log = field(default_factory=Log)

    def require(self) -> None:
        """It always can."""

    def plan(self, wishes: Sequence[Wish]) -> Plan:
        self.planned.append([wish.name for wish in wishes])
        return Plan(self.tasks.pop(0), self.settled)

    def build(self, plan: Plan, done: Callable[[Outcome, Any], None]) -> Report:
        for task in plan.tasks:
            self.meanwhile(task.name)
            done(self.fates.get(task.name, Outcome(task.name, "2.0-r0", "built")), self.log)
        if self.error is not None:
            raise self.error
        return Report((), complete=self.complete)

    def packages(self, outcome: Outcome) -> list[Path]:
        return []

    def follow(self, provided: Sequence[object], own: Iterable[str]) -> None:
        raise AssertionError("nothing that was published changes")


class Preparing:
    """Every edit writes the new version, deletes a patch and adds another."""

    files: Mapping[str, bytes | None] = {"APKBUILD": NEW, "old.patch": None, "new.patch": b"new\n"}

    def prepare(self, wish: Wish, recipe: object, request: object, release: object = None) -> Edit:
        return Edit(wish, "1.0-r0", "2.0-r0", self.files)


@dataclass
class Stand:
    """A git tree of recipes, and what a run works with."""

    top: Path
    builder: Building = field(default_factory=Building)
    preparing: Preparing = field(default_factory=Preparing)
    functions: tuple[str, ...] = ("package",)

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.top, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def folder(self, name: str) -> Path:
        return self.top / "main" / name

    def files(self, name: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder(name).iterdir()}

    def run(self, *tasks: Task, names: Sequence[str] = (), options: Options = Options()) -> Summary:  # noqa: B008
        """Bumps these recipes (those of the tasks, if no others are named)."""
        self.builder.tasks.insert(0, tasks)
        wishes = [Wish(f"main/{name}", self.folder(name), "2.0") for name in names or (task.pkgname for task in tasks)]
        git = GitTree(self.top)
        with Keeper(self.top / ".git/kept") as keeper:
            ledger = Ledger(keeper, git, self.builder.log)
            before = cast(Any, SimpleNamespace(note=lambda *_: None, files=lambda _: ()))
            around = Around(
                git,
                before,
                self.builder,
                lambda _: cast(Any, self.preparing),
                self.read,
                lambda _: {},
                self.builder.log,
            )
            summary = Bumping(options, around, ledger).run(wishes)
        assert not (self.top / ".git/kept").exists(), "nothing is left to be put back"
        return summary

    def read(self, path: Path) -> Any:
        return SimpleNamespace(
            path=path, pkgver="1.0", version="1.0-r0", package_names=(), functions=self.functions, variables={}
        )

    def is_committed(self, name: str) -> bool:
        """Whether it is the new one, and so in the last commit; else it is as before."""
        if self.files(name) == {"APKBUILD": OLD, "old.patch": b"old\n"}:
            return False
        assert self.files(name) == {"APKBUILD": NEW, "new.patch": b"new\n"}
        assert self.git("status", "--porcelain", f"main/{name}") == ""
        return True


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stand:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.invalid")
    found = Stand(tmp_path / "aports")
    for name in ("a", "b", "c", "d"):
        found.folder(name).mkdir(parents=True)
        (found.folder(name) / "APKBUILD").write_bytes(OLD)
        (found.folder(name) / "old.patch").write_bytes(b"old\n")
    found.git("init", "--quiet", "--initial-branch=main")
    found.git("add", ".")
    found.git("commit", "--quiet", "-m", "recipes")
    return found


def task(name: str, *needs: str) -> Task:
    edges = tuple(Need(f"main/{each}", each, each, "makedepends") for each in needs)
    return Task(f"main/{name}", f"/aports/main/{name}", name, "2.0-r0", "x86_64", (name,), needs=edges)


def outcomes(summary: Summary) -> dict[str, str]:
    """What became of each, as ``bumped``, ``failed reason`` or ``held-back a b``."""
    found = {each.name: (each.status, each.reason, *each.held_by) for each in summary.results}
    return {name.removeprefix("main/"): " ".join(filter(None, words)) for name, words in found.items()}


def of(summary: Summary, name: str) -> Result:
    return next(each for each in summary.results if each.name == f"main/{name}")


def test_some_fail_and_some_need_them(stand: Stand) -> None:
    stand.builder.fates = {
        "main/a": Outcome("main/a", "2.0-r0", "failed", "compile", error="no"),
        "main/b": Outcome("main/b", "2.0-r0", "blocked", blocked_by=("main/a",)),
    }
    summary = stand.run(task("a"), task("b", "a"), task("c"))
    assert outcomes(summary) == {"a": "failed compile", "b": "held-back main/a", "c": "bumped"}
    assert [stand.is_committed(name) for name in "abc"] == [False, False, True]
    assert stand.git("log", "--format=%s", "HEAD~..") == "main/c: upgrade to 2.0"
    assert of(summary, "c").commit == stand.git("rev-parse", "--short", "HEAD")
    assert summary.exit_status == 1


@pytest.mark.parametrize(
    ("settled", "build", "wanted"),
    [
        (Outcome("main/a", "2.0-r0", "skipped", "arch", error="not for x86_64"), True, "failed arch"),
        (Outcome("main/a", "2.0-r0", "skipped", "arch"), False, "bumped"),
        (Outcome("main/a", "2.0-r0", "blocked", blocked_by=("main/x",)), True, "held-back main/x"),
        (Outcome("main/a", "2.0-r0", "failed", "cycle", error="a -> a"), True, "failed cycle"),
    ],
)
def test_what_is_settled_before_anything_is_built(stand: Stand, settled: Outcome, build: bool, wanted: str) -> None:
    stand.builder.settled = (Outcome("main/other", "1-r0", "failed", "evaluate"), settled)
    tasks = (task("b"), task("c", "a"), task("d", "c"))
    summary = stand.run(*tasks, names="abcd", options=Options(build=build))
    later = "bumped" if wanted == "bumped" else f"held-back {settled.blocked_by[0] if settled.blocked_by else 'main/a'}"
    assert outcomes(summary) == {"a": wanted, "b": "bumped", "c": later, "d": later}
    is_good = wanted == "bumped"
    assert [stand.is_committed(name) for name in "abcd"] == [is_good, True, is_good, is_good]
    if settled.error:
        assert of(summary, "a").error == settled.error


def test_what_somebody_else_wrote_meanwhile_is_not_committed(stand: Stand) -> None:
    def meanwhile(name: str) -> None:
        if name == "main/a":
            (stand.folder("a") / "APKBUILD").write_bytes(b"by hand\n")

    stand.builder.meanwhile = meanwhile
    summary = stand.run(task("a"), task("b", "a"), task("c"))
    assert outcomes(summary) == {"a": "failed commit", "b": "held-back main/a", "c": "bumped"}
    assert "by somebody else" in of(summary, "a").error
    assert (stand.folder("a") / "APKBUILD").read_bytes() == b"by hand\n"
    kept = next(line for line in stand.builder.log.said if "what it was before is in" in line).rpartition(" ")[2]
    assert (Path(kept) / "APKBUILD").read_bytes() == OLD
    assert not stand.is_committed("b")
    committed = stand.git("log", "--format=", "--name-only", "HEAD~..").split()
    assert {name.rpartition("/")[0] for name in committed} == {"main/c"}


def test_what_cannot_be_written_is_as_before(stand: Stand) -> None:
    stand.preparing.files = {"APKBUILD": NEW, "missing/new.patch": b"x"}
    summary = stand.run(names="ab")
    assert outcomes(summary) == {"a": "failed edit", "b": "failed edit"}
    assert "missing" in of(summary, "a").error
    assert stand.builder.planned == []
    assert not stand.is_committed("a")


def test_nothing_can_be_built(stand: Stand) -> None:
    stand.builder.error = AbuildError("no room", hint="make some")
    stand.builder.fates["main/b"] = stand.builder.fates["main/c"] = Outcome("main/other", "1-r0", "built")
    summary = stand.run(task("a"), task("b"), task("c"))
    assert outcomes(summary) == {"a": "bumped", "b": "failed internal", "c": "failed internal"}
    assert (of(summary, "b").error, of(summary, "b").hint) == ("no room", "make some")
    assert [stand.is_committed(name) for name in "abc"] == [True, False, False]


def test_what_the_gate_keeps_back_is_committed_and_told(stand: Stand) -> None:
    stand.builder.error = GateError([], "why")
    summary = stand.run(task("a"))
    assert (outcomes(summary), summary.trouble, summary.exit_status) == ({"a": "bumped"}, "not published: why", 1)
    assert stand.is_committed("a")


def test_interrupted(stand: Stand) -> None:
    def meanwhile(name: str) -> None:
        if name == "main/b":
            raise KeyboardInterrupt

    stand.builder.meanwhile = meanwhile
    summary = stand.run(task("a"), task("b"), task("c"))
    assert outcomes(summary) == {"a": "bumped", "b": "not-reached", "c": "not-reached"}
    assert [stand.is_committed(name) for name in "abc"] == [True, False, False]
    assert summary.exit_status == 130


def test_interrupted_when_it_was_just_committed(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = GitTree.commit

    def interrupted(git: GitTree, paths: Sequence[Path], message: str) -> str:
        commit(git, paths, message)
        raise KeyboardInterrupt

    monkeypatch.setattr(GitTree, "commit", interrupted)
    summary = stand.run(task("a"), task("b"))
    assert outcomes(summary) == {"a": "bumped", "b": "not-reached"}
    assert [stand.is_committed(name) for name in "ab"] == [True, False]
    assert summary.exit_status == 130


def test_the_builds_were_ended_early(stand: Stand) -> None:
    stand.builder.complete = False
    stand.builder.fates["main/b"] = Outcome("main/other", "1-r0", "built")
    summary = stand.run(task("a"), task("b"), options=Options(push="nowhere"))
    assert outcomes(summary) == {"a": "bumped", "b": "not-reached"}
    assert not stand.is_committed("b")
    assert (summary.exit_status, summary.pushed, summary.trouble) == (130, "", "")


def test_a_push_that_fails_is_told(stand: Stand) -> None:
    summary = stand.run(task("a"), options=Options(push="nowhere"))
    assert "git push nowhere main failed" in summary.trouble
    assert (summary.pushed, summary.exit_status) == ("", 1)
    assert stand.is_committed("a")


def test_nothing_is_pushed_if_nothing_was_committed(stand: Stand) -> None:
    stand.builder.fates["main/a"] = Outcome("main/a", "2.0-r0", "failed", "test", error="no")
    summary = stand.run(task("a"), options=Options(push="nowhere", branch="next"))
    assert (summary.pushed, summary.trouble, summary.branch) == ("", "", "")
    assert stand.git("branch", "--format=%(refname:short)") == "main"


def test_a_recipe_that_builds_nothing(stand: Stand) -> None:
    stand.functions = ("build",)
    summary = stand.run(names="a")
    assert of(summary, "a").error == "it has no package()"
    assert not stand.is_committed("a")


def test_what_needs_one_that_was_not_even_written_is_not_built(stand: Stand) -> None:
    (stand.folder("a") / "old.patch").write_bytes(b"mine\n")
    built: list[str] = []
    stand.builder.meanwhile = built.append
    summary = stand.run(task("a"), task("b", "a"), task("c", "b"), task("d"))
    held = "held-back main/a"
    assert outcomes(summary) == {"a": "failed git", "b": held, "c": held, "d": "bumped"}
    assert built == ["main/d"]
    assert [stand.is_committed(name) for name in "bc"] == [False, False]


def test_uncommitted_changes_are_nobody_elses(stand: Stand) -> None:
    (stand.folder("a") / "old.patch").write_bytes(b"mine\n")
    (stand.folder("b") / "notes").write_bytes(b"not known to git\n")
    summary = stand.run(task("b"), names="ab")
    assert outcomes(summary) == {"a": "failed git", "b": "bumped"}
    assert of(summary, "a").error == "it has uncommitted changes: main/a/old.patch"
    assert stand.files("a") == {"APKBUILD": OLD, "old.patch": b"mine\n"}
    stand.run(task("a"), options=Options(commit=False))
    assert stand.files("a") == {"APKBUILD": NEW, "new.patch": b"new\n"}

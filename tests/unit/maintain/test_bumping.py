# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of ``abuildpy bump`` that need no build: versions, titles, targets, what a run is told as."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from abuildpy.batch.targets import TargetError, Tree
from abuildpy.cli import bump
from abuildpy.config import load_config
from abuildpy.errors import RecipeError
from abuildpy.maintain.bumping.committing import message_of
from abuildpy.maintain.bumping.errors import BumpError, BumpUsageError
from abuildpy.maintain.bumping.git import GitTree
from abuildpy.maintain.bumping.model import Edit, Follower, Result, Summary, Wish
from abuildpy.maintain.bumping.sources import out_of_the_way, private_constants
from abuildpy.maintain.bumping.targets import find_wishes
from abuildpy.maintain.bumping.text import summary_lines
from abuildpy.maintain.bumping.upstream import Known, ask
from abuildpy.maintain.bumping.versions import release_after, require_version
from abuildpy.maintain.upstream.model import Newest, Upstream
from abuildpy.maintain.upstream.settings import UpstreamSettings
from abuildpy.recipe.answer import NOTHING, Answer
from abuildpy.recipe.model import Recipe

WISH = Wish("main/foo", Path("/aports/main/foo"), "2.0")
EDIT = Edit(WISH, "1.0-r3", "2.0-r0", {})


@pytest.fixture
def recipe() -> Recipe:
    """As much as is asked of a recipe of version 1.5-r3."""
    return cast(Recipe, SimpleNamespace(pkgver="1.5", pkgrel="3"))


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.5", "it has version 1.5 already"),
        ("1.4.9", "1.4.9 is older than 1.5"),
        ("1.5_rc1", "1.5_rc1 is older than 1.5"),
        ("1.6-r1", "'1.6-r1' is no version that apk can order"),
        ("v1.6", "no version that apk can order"),
    ],
)
def test_versions_that_are_refused(recipe: Recipe, version: str, said: str) -> None:
    with pytest.raises(BumpError, match=said) as error:
        require_version(recipe, version, downgrade=False)
    assert error.value.reason == "version"
    assert error.value.hint


def test_versions_that_are_fine(recipe: Recipe) -> None:
    for version in ("1.5.1", "1.6_alpha1", "1.5_p1", "2.0_git20240131"):
        require_version(recipe, version, downgrade=False)
    require_version(recipe, "1.4", downgrade=True)


def test_release_of_a_downgrade() -> None:
    past = [b"pkgver=2.0\npkgrel=5\n", b"no shell (", b'pkgver="1.0"\npkgrel=2 # x\n', b"pkgver=1.0\npkgrel=1\n"]
    assert release_after("1.0", past) == "3"
    assert release_after("0.9", past) == "0"


def test_titles() -> None:
    assert message_of(EDIT) == "main/foo: upgrade to 2.0\n"
    assert message_of(EDIT, "Why.\n\n") == "main/foo: upgrade to 2.0\n\nWhy.\n"
    fixes = ("CVE-2024-1", "CVE-2024-2 GHSA-1-2")
    assert message_of(replace(EDIT, fixes=fixes)) == "main/foo: security upgrade to 2.0 (CVE-2024-1, CVE-2024-2)\n"
    assert message_of(replace(EDIT, downgrade=True)) == "main/foo: downgrade to 2.0\n"
    rebuild = replace(EDIT, wish=replace(WISH, rebuild=True))
    assert message_of(rebuild) == "main/foo: rebuild\n"
    assert message_of(replace(rebuild, why="against bar-2.0")) == "main/foo: rebuild against bar-2.0\n"
    assert message_of(replace(rebuild, fixes=fixes)) == "main/foo: fix CVE-2024-1, CVE-2024-2\n"


# --- targets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree with names that look like others with versions."""
    for name in ("main/foo", "main/foo-1", "main/gtk-4.0", "community/foo"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "APKBUILD").write_text(f"pkgname={name.partition('/')[2]}\n")

    def answers(paths: Iterable[str]) -> Iterator[Answer]:
        return (Answer(path, NOTHING, error=RecipeError("not read")) for path in paths)

    return Tree(str(tmp_path), answers)


@pytest.mark.parametrize(
    ("word", "name", "version"),
    [
        ("main/foo-1.2", "main/foo", "1.2"),
        ("foo-1-1.2", "main/foo-1", "1.2"),
        ("main/foo-1.2-3", "main/foo", "1.2-3"),
        ("gtk-4.0-4.1", "main/gtk-4.0", "4.1"),
    ],
)
def test_targets(tree: Tree, word: str, name: str, version: str) -> None:
    (wish,) = find_wishes([word], tree, latest=False, rebuild=False)
    assert (wish.name, wish.version, wish.section, wish.pkgname) == (name, version, *name.split("/"))


def test_two_recipes_of_one_name(tree: Tree) -> None:
    with pytest.raises(BumpUsageError, match="foo are 2 recipes"):
        find_wishes(["foo-1.2"], tree, latest=False, rebuild=False)


def test_targets_by_path(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree.folder)
    for word in ("main/foo/-1.2", "./main/foo-1.2", f"{tree.folder}/main/foo-1.2", "main/foo/APKBUILD-1.2"):
        (wish,) = find_wishes([word], tree, latest=False, rebuild=False)
        assert (wish.name, wish.version) == ("main/foo", "1.2")
    (wish,) = find_wishes(["main/gtk-4.0"], tree, latest=True, rebuild=False)
    assert (wish.name, wish.version, wish.rebuild) == ("main/gtk-4.0", None, False)
    names = {wish.name for wish in find_wishes(["main"], tree, latest=False, rebuild=True)}
    assert names == {"main/foo", "main/foo-1", "main/gtk-4.0"}
    for words, said in {("main/gtk-4.0",): "version missing", ("nowhere-1", "x-2"): "nowhere-1 x-2"}.items():
        with pytest.raises(BumpUsageError, match=said):
            find_wishes(words, tree, latest=False, rebuild=False)
    with pytest.raises(BumpUsageError, match="--rebuild keeps the version"):
        find_wishes(["main/foo-1.2"], tree, latest=False, rebuild=True)


def test_a_target_that_cannot_be_read(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a version behind it and without; it is not called wrong."""
    Path(tree.folder, "main/shut").mkdir()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "shut" not in str(path) and real(path, mode))
    for word in ("main/shut", "main/shut-1.2"):
        with pytest.raises(TargetError, match="main/shut cannot be read"):
            find_wishes([word], tree, latest="-" not in word, rebuild=False)


@pytest.mark.parametrize(
    ("fixes", "sets", "said"),
    [
        (["bar:CVE-2024-1"], [], "bar is not among the recipes"),
        (["CVE-2024-1"], [], "which of the 2 recipes"),
        (["foo:"], [], "--fixes foo:"),
        (["foo:no CVE"], [], "--fixes foo:no CVE"),
        ([], ["_commit"], "--set takes NAME=VALUE, not '_commit'"),
        ([], ["a-b=1"], "--set takes NAME=VALUE"),
        ([], ["pkgver=2"], "--set pkgver: that is what this command sees to"),
        ([], ["_commit=abc"], "--set is for one recipe at a time, and there are 2"),
    ],
)
def test_words_that_will_not_do(fixes: list[str], sets: list[str], said: str) -> None:
    wishes = [WISH, replace(WISH, name="main/other")]
    with pytest.raises(BumpUsageError) as error:
        bump._fixes(fixes, wishes)
        bump._sets(sets, wishes)
    assert said in error.value.message


def test_words_for_one_recipe() -> None:
    wishes = [WISH, replace(WISH, name="main/other")]
    values = ["foo:CVE-2024-1", "main/foo:CVE-2024-2, CVE-2024-3", "other:CVE-2024-4"]
    assert bump._fixes(values, wishes) == {
        "main/foo": ("CVE-2024-1", "CVE-2024-2", "CVE-2024-3"),
        "main/other": ("CVE-2024-4",),
    }
    assert bump._sets(["_commit=a=b", "_x="], [WISH]) == {"_commit": "a=b", "_x": ""}


def test_trees_that_nothing_can_be_committed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@example.invalid")

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    def refused(branch: str = "", push: str = "") -> str:
        try:
            options = cast(bump.BumpOptions, SimpleNamespace(branch=branch, push=push))
            bump._require_git(GitTree.around(tmp_path), options, tmp_path)
        except BumpUsageError as error:
            return error.message.removeprefix(f"{tmp_path} ")
        return ""

    (tmp_path / ".git").mkdir()
    assert refused() == f"{tmp_path}: git does not want to work there"
    git("init", "-q", "--initial-branch=main")
    assert refused() == "has no commit yet"
    git("commit", "-q", "--allow-empty", "-m", "x")
    assert refused() == refused(branch="main") == refused(branch="next") == ""
    assert refused(branch="no..name") == "--branch no..name: no branch can have that name"
    assert refused(push="origin") == "--push=origin: there is no such remote"
    git("branch", "next")
    assert refused(branch="next") == "--branch next: there is such a branch"
    git("checkout", "-q", "--detach")
    assert refused().startswith("is on no branch")
    assert refused(branch="other") == ""
    (tmp_path / ".git/MERGE_HEAD").touch()
    assert refused() == "is in the middle of a merge"


# --- sources and upstream --------------------------------------------------------------------------------------------


def test_downloads_come_back(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(BumpError), out_of_the_way(["a", "missing"], tmp_path, "1.0"):
        (tmp_path / "a").write_text("half")
        raise BumpError("fetch", "no")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}
    with out_of_the_way(["a"], tmp_path, "1.0"):
        (tmp_path / "a").write_text("new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "a.1.0": "old"}


def test_what_a_version_may_hide_in() -> None:
    text = b"_commit=abc1\n_name=foo\npkgver=1.0\n_a=$pkgver\nbuild() {\n\t_b=1\n}\n"
    assert private_constants(text) == ["_commit"]


def test_upstream() -> None:
    Known().require("2.0")
    with pytest.raises(BumpError, match="the newest version is not known: no upstream was recognised"):
        Known().latest()
    known = Known("1.9", "", "github a/b", lambda version: version == "1.9")
    known.require("1.9")
    with pytest.raises(BumpError, match=r"upstream \(github a/b\) has no version 2.0; the newest is 1.9"):
        known.require("2.0")


@pytest.mark.parametrize(
    ("pkgver", "calls", "newest"), [("4.25.1", "25.1", ""), ("1.2", "1.2.0", "26.0"), ("25.1", "", "26.0")]
)
def test_a_pkgver_that_upstream_does_not_know_is_not_made_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pkgver: str, calls: str, newest: str
) -> None:
    def find_all(recipes: Iterable[Recipe], _: UpstreamSettings) -> Iterator[Newest]:
        source = Upstream("github", "a/b", "https://h.example/a/b", current=calls)
        return (Newest(recipe.pkgname, recipe.path, recipe.pkgver, source, "26.0") for recipe in recipes)

    monkeypatch.setattr("abuildpy.maintain.upstream.newest.find_all", find_all)
    recipe = cast(Recipe, SimpleNamespace(path=tmp_path / "APKBUILD", pkgname="foo", pkgver=pkgver))
    (known,) = ask([(recipe, None)], load_config({**os.environ, "HOME": str(tmp_path)})).values()
    if newest:
        assert known.latest() == newest
    else:
        with pytest.raises(BumpError, match=r"upstream has 26.0, but calls 25.1 what the recipe has"):
            known.latest()


# --- the summary -----------------------------------------------------------------------------------------------------


def test_summary() -> None:
    results = (
        Result("main/bad", "failed", "1-r0", "2-r0", "compile", "x.c:1: error\nmore", "a hint", "/a/log"),
        Result("main/good", "bumped", "1-r0", "2-r0", commit="abc"),
        Result("main/user", "held-back", "1-r0", "2-r0", held_by=("main/bad",)),
    )
    summary = Summary(results, (Follower("main/app", ("so:libx.so.1",)),), "not published: \033[31mx\nbecause", "next")
    assert list(summary_lines(summary)) == [
        "main/good  1-r0 -> 2-r0  bumped abc",
        "main/bad   1-r0 -> 2-r0  failed: compile",
        "    x.c:1: error",
        "    more",
        "    a hint",
        "    log: /a/log",
        "main/user  1-r0 -> 2-r0  held back by main/bad",
        "3 recipes: 1 bumped, 1 failed, 1 held back on next",
        "not published: \N{REPLACEMENT CHARACTER}[31mx",
        "    because",
        "to be rebuilt now (1 recipe; --rebuild-dependants does it):",
        "    main/app: so:libx.so.1",
    ]
    assert "\033[1;31mfailed\033[0m" in "".join(summary_lines(summary, colors=True))


@pytest.mark.parametrize(
    ("summary", "status"),
    [
        (Summary(()), 0),
        (Summary((Result("a", "bumped"), Result("b", "unchanged"))), 0),
        (Summary((Result("a", "held-back"),)), 1),
        (Summary((Result("a", "bumped"),), trouble="not published"), 1),
        (Summary((Result("a", "bumped"),), interrupted=True), 130),
    ],
)
def test_exit_status(summary: Summary, status: int) -> None:
    assert summary.exit_status == status


def test_looking_at_a_tree_runs_nothing_of_it(tmp_path: Path) -> None:
    """Its hooks are run by commits, which is what they are for."""

    def git(*words: str) -> None:
        name = ["-c", "user.name=A", "-c", "user.email=a@example.invalid"]
        subprocess.run(["git", *name, *words], cwd=tmp_path, check=True, capture_output=True)

    folder = tmp_path / "main/foo"
    folder.mkdir(parents=True)
    (folder / "APKBUILD").write_text("one")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "x")
    ran = tmp_path / "ran"
    for name in ("post-index-change", "pre-commit"):
        hook = tmp_path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    (folder / "APKBUILD").touch()  # the same content at another time: git would write that down
    os.utime(folder / "APKBUILD", (10**9, 10**9))
    ran.unlink(missing_ok=True)
    tree = GitTree(tmp_path)
    assert tree.changed([folder]) == {}
    assert not ran.exists()

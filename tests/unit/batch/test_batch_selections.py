# SPDX-License-Identifier: GPL-3.0-or-later
"""Selections: by what changed, by what is built, by what packages depend on; and the indexes that are asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from batchkit import entry, existing, node, unread, write_index, write_recipe

from abuildpy.batch.changes import changed_recipes
from abuildpy.batch.existing import Existing, find_existing
from abuildpy.batch.model import Past
from abuildpy.batch.recipes import Node, Recipes
from abuildpy.batch.selections import Selection, dependants_of, only, select
from abuildpy.batch.targets import TargetError
from abuildpy.repository.depends import parse


class Journal:
    def __init__(self, **statuses: str) -> None:
        self.statuses = statuses

    def last(self, name: str) -> Past | None:
        status = self.statuses.get(name.removeprefix("main/"))
        return Past(status, "compile" if status == "failed" else None) if status else None  # type: ignore[arg-type]

    def cost(self, name: str) -> tuple[float | None, int | None]:
        raise AssertionError(name)


def meant(
    selection: Selection,
    *nodes: Node,
    there: Existing | None = None,
    journal: Journal | None = None,
    changed: tuple[str, ...] = (),
) -> dict[str, str]:
    recipes = Recipes(nodes, (unread("broken"),))
    found = select(
        recipes,
        selection,
        existing=there or existing(),
        history=journal or Journal(),
        changed=[f"/aports/main/{name}" for name in changed],
        arch="x86_64",
    )
    assert {each.name for each in only(recipes, found).nodes} | {"main/broken"} >= set(found)
    return {name.removeprefix("main/"): ", ".join(map(str, why)) for name, why in found.items()}


def test_changed() -> None:
    nodes = (node("a"), node("b"), node("c", arch="aarch64"))
    found = meant(Selection(changed_since="v1"), *nodes, changed=("b", "c", "broken"))
    assert found == {"b": "changed since v1", "c": "changed since v1", "broken": "changed since v1"}


def test_failed() -> None:
    journal = Journal(a="failed", b="built", broken="failed")
    assert meant(Selection(states=("failed",)), node("a"), node("b"), node("c"), journal=journal) == {
        "a": "failed: compile",
        "broken": "failed: compile",
    }


def test_unbuilt_and_outdated() -> None:
    there = existing(entry("b", "0.9-r0"), entry("c"), entry("d"), entry("d-dev"))
    nodes = (
        node("a"),
        node("b"),
        node("c", subpackages="c-dev"),
        node("d", subpackages="d-dev"),
        node("e", arch="s390x"),
    )
    assert meant(Selection(states=("unbuilt",)), *nodes, there=there) == {"a": "not built: main has none of it"}
    outdated = {"b": "outdated: main has b-0.9-r0", "c": "outdated: main has no c-dev"}
    assert meant(Selection(states=("outdated",)), *nodes, there=there) == outdated
    assert set(meant(Selection(states=("unbuilt", "outdated")), *nodes, there=there)) == {"a", "b", "c"}


def test_packages_of_other_repositories_are_not_its_own() -> None:
    there = existing(entry("a"), own="community")
    assert set(meant(Selection(states=("unbuilt",)), node("a"), there=there)) == {"a"}


def test_rebuild_of() -> None:
    there = existing(
        entry("libfoo", origin="foo", provides="so:libfoo.so.1=1.2"),
        entry("foo-tools", origin="foo", depends="so:libfoo.so.1"),
        entry("b-libs", origin="b", depends="so:libfoo.so.1 so:libc.so"),
        entry("c", depends="so:libfoo.so.2 pc:foo>=3"),
        entry("z", origin="elsewhere", depends="so:libfoo.so.1"),
    )
    nodes = (node("a"), node("b"), node("c"), node("foo"))
    assert meant(Selection(rebuild_of=("so:libfoo.so.1",)), *nodes, there=there) == {"b": "depends on so:libfoo.so.1"}
    assert meant(Selection(rebuild_of=("pc:foo=1",)), *nodes, there=there) == {"c": "depends on pc:foo=1"}
    assert dependants_of("so:libfoo.so.1", there) == {"b", "elsewhere"}


def test_one_of_several_is_enough() -> None:
    there = existing(entry("a", depends="cmd:x"), entry("b", "0.1-r0"))
    found = meant(
        Selection("v1", ("outdated",), ("cmd:x",)), node("a"), node("b"), node("c"), there=there, changed=("a",)
    )
    assert found == {"a": "changed since v1, depends on cmd:x", "b": "outdated: main has b-0.1-r0"}


def test_indexes_on_this_machine(tmp_path: Path) -> None:
    root, repodest, mirror = tmp_path / "root", tmp_path / "packages", tmp_path / "mirror"
    write_index(repodest / "main/x86_64/APKINDEX.tar.gz", entry("a"))
    write_index(repodest / "main/aarch64/APKINDEX.tar.gz", entry("other"))
    write_index(mirror / "x86_64/APKINDEX.tar.gz", entry("b"))
    write_index(root / "var/cache/apk/APKINDEX.0123abcd.tar.gz", entry("c"))
    (repodest / "broken/x86_64").mkdir(parents=True)
    (repodest / "broken/x86_64/APKINDEX.tar.gz").write_text("damaged")
    (root / "etc/apk").mkdir(parents=True)
    configured = root / "etc/apk/repositories"

    def found(lines: str, *, installs: bool = True) -> tuple[str, bool]:
        configured.write_text(lines)
        there = find_existing(root, repodest, "x86_64", installs=installs)
        names = "".join(name for name in ("a", "b", "c", "other") if there.serves(parse(name)))
        assert set(there.built("main")) == {"a"}
        return names, there.complete

    assert found(f"@tag {mirror}\n# note\nhttps://example.org/main\n") == ("abc", True)
    assert found(f"{mirror}\nhttps://example.org/main\nhttps://example.org/community\n") == ("abc", False)
    assert found(f"{mirror}\n{tmp_path}/none\n") == ("abc", False)
    assert found(f"{mirror}\n", installs=False) == ("abc", False)
    assert found("") == ("ac", False)
    configured.unlink()
    assert not find_existing(root, repodest, "x86_64", installs=True).complete


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def main(tmp_path: Path) -> Path:
    folder = tmp_path / "main"
    for name in ("a", "b", "c", "d", "e f"):
        write_recipe(folder / name)
    (folder / ".gitignore").write_text("ignored\n")
    git(tmp_path, "init", "-q", "-b", "master")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "start")
    return folder


def changed(folder: Path, revision: str) -> list[str]:
    return [path.removeprefix(f"{folder}/") for path in changed_recipes([str(folder)], revision)]


def test_changes_of_all_kinds(main: Path) -> None:
    assert changed(main, "HEAD") == []
    (main / "a/APKBUILD").write_text("pkgname=a\npkgver=2\n")
    git(main, "commit", "-qam", "a")
    (main / "b/fix.patch").write_text("x")
    git(main, "add", "b")
    (main / "c/APKBUILD").write_text("pkgname=c\npkgver=2\n")
    (main / "e f/new").write_text("x")
    write_recipe(main / "new")
    (main / "README").write_text("x")
    assert changed(main, "HEAD") == ["b", "c", "e f", "new"]
    assert changed(main, "HEAD~1") == ["a", "b", "c", "e f", "new"]


def test_what_builds_leave_and_what_is_gone_did_not_change(main: Path) -> None:
    for name in ("a/src/x", "b/pkg/x", "c/ignored"):
        (main / name).parent.mkdir(exist_ok=True)
        (main / name).write_text("x")
    (main / "d/APKBUILD").unlink()
    assert changed(main, "HEAD") == []


def test_what_others_added_to_the_branch_did_not_change_here(main: Path) -> None:
    git(main, "checkout", "-qb", "mine")
    (main / "a/APKBUILD").write_text("pkgname=a\npkgver=2\n")
    git(main, "commit", "-qam", "a")
    git(main, "checkout", "-q", "master")
    (main / "b/APKBUILD").write_text("pkgname=b\npkgver=2\n")
    git(main, "commit", "-qam", "b")
    git(main, "checkout", "-q", "mine")
    assert changed(main, "master") == ["a"]


@pytest.mark.parametrize("revision", ["none", "--output=/tmp/x", "HEAD:main/a/APKBUILD", ""])
def test_revisions_that_there_are_not(main: Path, revision: str) -> None:
    with pytest.raises(TargetError, match="no revision"):
        changed(main, revision)


def test_outside_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(TargetError, match="git knows nothing"):
        changed(tmp_path, "HEAD")
    monkeypatch.setenv("git", "/nonexistent/git")
    with pytest.raises(TargetError, match="cannot run"):
        changed(tmp_path, "HEAD")

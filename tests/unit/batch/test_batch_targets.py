# SPDX-License-Identifier: GPL-3.0-or-later
"""What words mean: paths of recipes, folders of recipes and trees, names of repositories, recipes and packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from batchkit import evaluate, write_recipe

from abuildpy.batch.model import Why
from abuildpy.batch.targets import TargetError, Tree, find_targets, tree_around


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    top = tmp_path / "aports"
    for name in ("main/foo", "main/bar", "community/foo", "community/baz", "testing/new"):
        write_recipe(top / name, subpackages=f"{name.split('/')[1]}-dev")
    for name, sees in (("main", "main"), ("testing", "main community testing"), ("community", "main community")):
        lines = "".join(f"$mirror/$version/{each}\n" for each in sees.split())
        (top / name / ".rootbld-repositories").write_text(lines)
    (top / "docs").mkdir()
    (top / "main/README").write_text("")
    monkeypatch.chdir(top)
    return Tree(tree_around(".", ""), evaluate)


def found(tree: Tree, *words: str) -> list[str]:
    return [os.path.relpath(folder, tree.folder) for folder in find_targets(words, tree)]


ALL = ["main/bar", "main/foo", "community/baz", "community/foo", "testing/new"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("main/foo", ["main/foo"]),
        ("main/foo/", ["main/foo"]),
        ("./main/foo/APKBUILD", ["main/foo"]),
        ("main", ["main/bar", "main/foo"]),
        (".", ALL),
        ("new", ["testing/new"]),
        ("foo", ["main/foo", "community/foo"]),
        ("baz-dev", ["community/baz"]),
        ("foo-dev", ["main/foo", "community/foo"]),
    ],
)
def test_words(tree: Tree, word: str, meant: list[str]) -> None:
    assert found(tree, word) == meant


def test_names_mean_the_same_from_inside(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("community/baz")
    inside = Tree(tree_around(".", ""), evaluate)
    assert inside.folder == tree.folder
    assert found(inside, "main") == ["main/bar", "main/foo"]
    assert found(inside, ".", "main/foo", "../foo") == ["community/baz", "main/foo", "community/foo"]
    monkeypatch.chdir("..")
    assert tree_around(".", "/elsewhere") == tree.folder


def test_outside_of_a_tree(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert tree_around("aports/docs", "") == ""
    assert tree_around("aports/docs", tree.folder) == tree.folder
    assert found(Tree(tree_around("aports/docs", tree.folder), evaluate), "bar") == ["main/bar"]
    with pytest.raises(TargetError) as error:
        find_targets(["bar"], Tree("", evaluate))
    assert "there is no tree" in str(error.value.hint)


def test_everything_is_meant_once_with_all_reasons(tree: Tree) -> None:
    reasons = find_targets(["foo", "main"], tree)
    assert reasons[f"{tree.folder}/main/foo"] == [Why("target", "foo"), Why("target", "main")]
    assert len(reasons) == 3


def test_a_link_to_a_recipe_is_that_recipe(tree: Tree) -> None:
    os.symlink("../main/bar", "community/alias")
    assert found(tree, "community/alias") == ["main/bar"]


def test_a_folder_that_is_no_repository_of_the_tree(tree: Tree, tmp_path: Path) -> None:
    write_recipe(tmp_path / "mine/own")
    assert list(find_targets([str(tmp_path / "mine")], tree)) == [str(tmp_path / "mine/own")]


def test_wrong_words_are_all_named_at_once(tree: Tree) -> None:
    with pytest.raises(TargetError) as error:
        find_targets(["main/foo", "docs", "main/none", "nothing", "main/README", ""], tree)
    assert error.value.message.endswith(": docs main/none nothing main/README ")
    assert "APORTSDIR" in str(error.value.hint)
    assert error.value.exit_status == 2


@pytest.mark.parametrize("word", ["main", "main/shut", "./main/shut"])
def test_what_cannot_be_read_is_named(word: str, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no wrong word, and nothing to look for elsewhere."""
    top = Path(tree.folder)
    (top / "main/shut").mkdir()
    for name in ("foo", "bar"):
        (top / "main" / name / "APKBUILD").unlink()
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: "shut" not in str(path) and real(path, mode))
    with pytest.raises(TargetError, match="main/shut cannot be read: Permission denied"):
        find_targets([word], tree)

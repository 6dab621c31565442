# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes as planning reads them, repositories and their order, and the keys of recipes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from batchkit import VARIABLES, evaluate, node, repository, write_recipe

from abuildpy.batch.content import Keys
from abuildpy.batch.recipes import Recipes, Repository, in_order, read_recipes, recipe_folders
from abuildpy.errors import RecipeError


def test_recipes_of_a_folder(tmp_path: Path) -> None:
    write_recipe(tmp_path / "main/a", subpackages="a-dev a-doc:doc:noarch a-dev", pkgrel="3")
    write_recipe(tmp_path / "main/b").joinpath("APKBUILD").write_text("broken")
    write_recipe(tmp_path / "main/c", pkgname="")
    found = read_recipes(recipe_folders(str(tmp_path / "main")), evaluate)
    assert [(each.name, each.version, each.packages) for each in found.nodes] == [
        ("main/a", "1.0-r3", ("a", "a-dev", "a-doc"))
    ]
    assert [(each.name, each.error.message.rpartition("/")[2]) for each in found.unread] == [
        ("main/b", "APKBUILD: broken"),
        ("main/c", "APKBUILD: it sets no pkgname"),
    ]


def test_two_recipes_of_the_same_name_are_refused(tmp_path: Path) -> None:
    places = [write_recipe(tmp_path / tree / "main/a") for tree in ("one", "two")]
    with pytest.raises(RecipeError, match="two recipes are called main/a"):
        read_recipes(map(str, places), evaluate)


def test_repositories_see_what_their_file_names(tmp_path: Path) -> None:
    (tmp_path / "community").mkdir()
    (tmp_path / "community/.rootbld-repositories").write_text("# a note\n$mirror/v3/main\n\n$mirror/v3/community\n")
    community, main = Repository(str(tmp_path / "community")), Repository(str(tmp_path / "main"))
    assert (community.sees, main.sees) == (("main", "community"), ())
    assert community.hides(repository("testing"))
    assert not community.hides(main)
    assert not main.hides(community)


def test_repositories_that_others_take_from_come_first() -> None:
    given = [
        repository("testing", "main", "community", "testing"),
        repository("community", "main", "community"),
        repository("main", "main"),
    ]
    assert [each.name for each in in_order(given)] == ["main", "community", "testing"]
    assert [each.name for each in in_order([repository("z"), repository("a")])] == ["z", "a"]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    folder = write_recipe(tmp_path / "main/a", source="a.tar.gz::http://x/y fix.patch .hidden.patch")
    for name in ("fix.patch", ".hidden.patch", "files/deep/more", "files/also/more", "../shared"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "same.patch").write_text("fix.patch")
    (folder / "link").symlink_to("same.patch")
    (folder / "out").symlink_to("../shared")
    (folder / "folder").symlink_to("files")
    return folder


def _link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def key(folder: Path, *below: str, **variables: str) -> str:
    found: Recipes = read_recipes([str(folder)], evaluate)
    return Keys({**VARIABLES, **variables})(found.nodes[0], below)


def edit(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text("other")


@pytest.mark.parametrize(
    "change",
    [
        edit("fix.patch"),
        edit(".hidden.patch"),
        edit("files/deep/more"),
        edit("new.initd"),
        lambda folder: (folder / "fix.patch").chmod(0o755),
        lambda folder: (folder / "fix.patch").rename(folder / "fax.patch"),
        lambda folder: _link(folder / "link", "fix.patch"),
        lambda folder: _link(folder / "link", "nowhere"),
        lambda folder: (folder.parent / "shared").write_text("other"),
        lambda folder: write_recipe(folder, pkgrel="1", source="fix.patch"),
    ],
)
def test_what_changes_a_key(recipe: Path, change: Callable[[Path], object]) -> None:
    before = key(recipe)
    change(recipe)
    assert key(recipe) != before


def test_what_is_said_in_one_variable_is_not_said_in_two(tmp_path: Path) -> None:
    nodes = (node("a", license="1", options="2"), node("a", license="1options=2"))
    assert len({Keys(VARIABLES)(replace(each, folder=str(tmp_path)), ()) for each in nodes}) == 2


def test_the_order_in_which_folders_are_listed_does_not(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = os.walk

    def listed(reverse: bool) -> str:
        def sorting(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
            for where, folders, files in walk(top):
                folders.sort(reverse=reverse)
                files.sort(reverse=reverse)
                yield where, folders, files

        monkeypatch.setattr(os, "walk", sorting)
        return key(recipe)

    assert listed(reverse=True) == listed(reverse=False)


@pytest.mark.parametrize("name", ["a.tar.gz", "src/x", "pkg/a/usr/bin/a", ".#lock"])
def test_what_a_build_leaves_does_not(recipe: Path, name: str) -> None:
    before = key(recipe)
    (recipe / name).parent.mkdir(parents=True, exist_ok=True)
    (recipe / name).write_text("x")
    assert key(recipe) == before


def test_times_and_places_do_not_change_a_key(recipe: Path, tmp_path: Path) -> None:
    before = key(recipe)
    os.utime(recipe / "fix.patch", (1, 1))
    assert key(recipe) == before
    other = tmp_path / "elsewhere"
    (tmp_path / "main").rename(other)
    assert key(other / "a") == before


def test_configuration_and_needs_change_a_key(recipe: Path) -> None:
    assert len({key(recipe), key(recipe, CFLAGS="-O3"), key(recipe, "k1"), key(recipe, "k1", "k2")}) == 4
    assert key(recipe, "k1", "k2") == key(recipe, "k2", "k1")
    assert key(recipe, REPODEST="/elsewhere") == key(recipe)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="/aports/main/a"):
        Keys(VARIABLES)(node("a"), [])

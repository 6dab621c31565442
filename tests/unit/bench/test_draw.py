# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing recipes: the order follows from the seed and the names alone."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))
from draw import drawing_order, missing_sources, recipe_folders, recipe_name, tree_recipes

from bench import BenchError

NAMES = [f"{repository}/{letter}" for repository in ("main", "testing") for letter in "abcdefgh"]


def grow(tree: Path) -> Path:
    """A tree of recipes, made in no order."""
    for name in random.Random(7).sample(NAMES, len(NAMES)):
        (tree / name).mkdir(parents=True)
        (tree / name / "APKBUILD").touch()
    (tree / "main/not-a-recipe").mkdir()
    return tree


def test_a_tree_and_its_repositories_give_the_same_recipes(tmp_path: Path) -> None:
    tree = grow(tmp_path / "aports")

    whole = {recipe_name(folder) for folder in tree_recipes([tree])}

    assert whole == set(NAMES)
    assert whole == {recipe_name(folder) for folder in tree_recipes([tree / "main", tree / "testing"])}
    assert len(tree_recipes([tree, tree / "main"])) == len(NAMES)


def test_a_tree_without_recipes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no recipes"):
        tree_recipes([tmp_path])


def test_the_order_is_the_seed_s_shuffle_of_the_sorted_names_wherever_the_tree_lies(tmp_path: Path) -> None:
    expected = sorted(NAMES)
    random.Random(3).shuffle(expected)

    one, other = grow(tmp_path / "one"), grow(tmp_path / "other/deeper")
    for trees in ([one], [other], [one / "testing", other / "main"]):
        order = drawing_order(tree_recipes(trees), 3)
        assert [recipe_name(folder) for folder in order] == expected


def test_another_seed_gives_another_order(tmp_path: Path) -> None:
    folders = tree_recipes([grow(tmp_path)])

    assert drawing_order(folders, 1) != drawing_order(folders, 2)


def test_recipes_are_named_by_folders_and_by_lists(tmp_path: Path) -> None:
    tree = grow(tmp_path)
    listing = tree / "list"
    listing.write_text("# some\nmain/b | and more words\n\nmain/a\n")

    folders = recipe_folders([tree / "main/a", listing])

    assert [recipe_name(folder) for folder in folders] == ["main/a", "main/b"]


def test_a_folder_that_is_no_recipe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="not the folder of a recipe"):
        recipe_folders([tmp_path])


def test_only_remote_sources_that_are_not_held_are_missing(tmp_path: Path) -> None:
    (tmp_path / "here.tar.gz").touch()
    sources = [
        {"name": "here.tar.gz", "uri": "https://one.example/here.tar.gz", "remote": True},
        {"name": "gone.tar.gz", "uri": "https://two.example/v1.tar.gz", "remote": True},
        {"name": "more.tar.gz", "uri": "https://two.example/v2.tar.gz", "remote": True},
        {"name": "a.patch", "uri": "a.patch", "remote": False},
    ]

    assert missing_sources({"source": sources}, tmp_path) == ["two.example"]
    assert missing_sources({"source": sources[::3]}, tmp_path) == []

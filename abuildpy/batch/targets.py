# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of a command line mean: recipes, packages, folders of recipes, repositories, whole trees."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from abuildpy.aports.database import Evaluate
from abuildpy.batch.model import Why
from abuildpy.batch.recipes import Recipes, Repository, in_order, read_recipes, recipe_folders
from abuildpy.errors import RecipeError, UsageError


class TargetError(UsageError):
    """A target that means nothing."""

    exit_status = 2


@dataclass(frozen=True)
class Tree:
    """A folder of repositories, absolute; empty if there is none. ``evaluate`` reads recipes."""

    folder: str
    evaluate: Evaluate

    @cached_property
    def repositories(self) -> tuple[str, ...]:
        """The folders of its repositories: those first that others take packages from, then by name."""
        if not self.folder:
            return ()
        return tuple(r.folder for r in in_order([Repository(folder) for folder in repositories_in(self.folder)]))

    @cached_property
    def recipes(self) -> Recipes:
        """All of its recipes, evaluated."""
        return read_recipes((f for repository in self.repositories for f in recipe_folders(repository)), self.evaluate)

    @cached_property
    def makers(self) -> Mapping[str, Sequence[str]]:
        """The folders of the recipes that make each package."""
        found: dict[str, list[str]] = {}
        for node in self.recipes.nodes:
            for package in node.packages:
                found.setdefault(package, []).append(node.folder)
        return found


def tree_around(folder: str, aportsdir: str) -> str:
    """The tree that a folder lies in: above a recipe, above a repository, or the folder itself; else ``aportsdir``."""
    here = os.path.realpath(folder)
    if os.path.isfile(f"{here}/APKBUILD"):
        return os.path.dirname(os.path.dirname(here))
    if holds_recipes(here):
        return os.path.dirname(here)
    return here if repositories_in(here) else os.path.realpath(aportsdir) if aportsdir else ""


def find_targets(words: Sequence[str], tree: Tree) -> dict[str, list[Why]]:
    """The folders of the recipes that words mean, in their order, with the words as reasons.

    A word is the path of a recipe, of a folder of recipes (a repository is one) or of a tree of such; else the name of a
    repository of the tree, of a recipe (``main/foo``, ``foo``) or of a package. Raises TargetError that names all words which
    are none of these.
    """
    found: dict[str, list[Why]] = {}
    wrong = []
    for word in words:
        folders = _by_path(word) or _by_name(word, tree)
        if not folders:
            wrong.append(word)
        for folder in folders:
            found.setdefault(folder, []).append(Why("target", word))
    if wrong:
        require_readable(wrong, tree)
        where = f"looked here and in {tree.folder}" if tree.folder else "there is no tree of aports around this folder"
        raise TargetError(
            f"no recipe, package, repository or folder of recipes: {' '.join(wrong)}",
            hint=f"{where}; APORTSDIR names another tree",
        )
    return found


def require_readable(words: Iterable[str], tree: Tree) -> None:
    """Raises TargetError if a word means nothing only because a folder cannot be looked into."""
    for shut in filter(None, (_shut(word, tree) for word in words)):
        raise TargetError(f"{shut} cannot be read: Permission denied", hint="check the permissions")


def _shut(word: str, tree: Tree) -> str:
    """A folder that a word means, or one in it, that we may not look into; empty if there is none."""
    if not word:
        return ""
    places = [word, f"{tree.folder}/{word}"] if tree.folder else [word]
    inside = [path for place in places for path in (place, *_below(place)) if os.path.isdir(path)]
    return next((path for path in inside if not os.access(path, os.R_OK | os.X_OK)), "")


def holds_recipes(folder: str) -> bool:
    """Whether a folder is one of recipes."""
    return any(os.path.isfile(f"{path}/APKBUILD") for path in _below(folder))


def repositories_in(folder: str) -> list[str]:
    """The folders of recipes below a folder, by name."""
    return [path for path in _below(folder) if holds_recipes(path)]


def _below(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if entry.name[0] != "." and entry.is_dir())
    except OSError:
        return []


def _by_path(word: str) -> list[str]:
    if os.path.basename(word) == "APKBUILD" and os.path.isfile(word):
        return [os.path.dirname(os.path.realpath(word))]
    if not os.path.isdir(word):
        return []
    folder = os.path.realpath(word)
    if os.path.isfile(f"{folder}/APKBUILD"):
        return [os.path.dirname(os.path.realpath(f"{folder}/APKBUILD"))]
    return _recipes_below(folder)


def _recipes_below(folder: str) -> list[str]:
    if holds_recipes(folder):
        return recipe_folders(folder)
    repositories = in_order([Repository(path) for path in repositories_in(folder)])
    return [each for repository in repositories for each in recipe_folders(repository.folder)]


def _by_name(word: str, tree: Tree) -> Iterable[str]:
    if not tree.folder or word.startswith((".", "/")) or not word:
        return ()
    try:
        named = next((path for path in tree.repositories if os.path.basename(path) == word), "")
        if named:
            return recipe_folders(named)
        repository, slash, name = word.rpartition("/")
        places = [p for p in tree.repositories if not slash or os.path.basename(p) == repository]
        direct = [f"{place}/{name}" for place in places if name and os.path.isfile(f"{place}/{name}/APKBUILD")]
        if direct or slash:
            return [os.path.dirname(os.path.realpath(f"{folder}/APKBUILD")) for folder in direct]
        return tree.makers.get(word, ())
    except RecipeError:
        return ()

# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a Python package's recipe to another version: the number, and the dependencies that changed upstream between the two.

Whatever else the recipe has stays as it is, byte for byte: what a maintainer added, left out or wrote in another way.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.maintain.pyrecipe import Needs
from abuildpy.recipe.edit import add_to_list, remove_from_list, set_variable
from abuildpy.recipe.edit.file import edit_file
from abuildpy.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Upgraded:
    """``diff`` are the lines of what changed; ``left`` are changes of dependencies that could not be written."""

    diff: tuple[str, ...]
    left: tuple[str, ...]


def upgrade_recipe(recipe: Recipe, values: dict[str, str], before: Needs | None, after: Needs) -> Upgraded:
    """Sets variables of the recipe's file, and adds and removes the dependencies in which ``before`` and ``after`` differ.

    ``before`` None: not known, then no dependency is touched. RecipeError if a variable cannot be set; then the file stays.
    """
    left: list[str] = []
    texts: list[bytes] = []

    def change(text: bytes) -> bytes:
        texts.append(text)
        for name, value in values.items():
            text = set_variable(text, name, value)
        if before is not None:
            for variable, old, new in (
                ("depends", before.depends, after.depends),
                ("checkdepends", before.checkdepends, after.checkdepends),
            ):
                text = _follow(text, variable, _entries(recipe, variable), old, new, left)
        texts.append(text)
        return text

    edit_file(recipe.path, change)
    return Upgraded(tuple(_diff(recipe.path, *texts)), tuple(left))


def _follow(
    text: bytes, variable: str, entries: dict[str, str], old: Iterable[str], new: Iterable[str], left: list[str]
) -> bytes:
    for name in (name for name in old if name not in new and name in entries):
        try:
            text = remove_from_list(text, variable, entries[name])
        except RecipeError:
            left.append(f"{variable}: {name} is not needed any more")
    for name in (name for name in new if name not in old and name not in entries):
        try:
            text = add_to_list(text, variable, name)
        except RecipeError:
            left.append(f"{variable}: {name} is needed now")
    return text


def _entries(recipe: Recipe, variable: str) -> dict[str, str]:
    """The recipe's words by the names of packages in them."""
    words = recipe.depends if variable == "depends" else recipe.checkdepends
    return {_bare(word): word for word in words}


def _bare(word: str) -> str:
    for sign in "<>=~":
        word = word.partition(sign)[0]
    return word


def _diff(path: Path, old: bytes, new: bytes) -> Iterable[str]:
    name = f"{path.parent.name}/{path.name}"
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (old, new))
    return difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm="", n=1)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of the command line mean: recipes, each with the version that it is to get."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from abuildpy.batch.recipes import name_of
from abuildpy.batch.targets import TargetError, Tree, find_targets, require_readable
from abuildpy.maintain.bumping.errors import BumpUsageError
from abuildpy.maintain.bumping.model import Wish

_VERSION_BEGINS = re.compile(r"-(?=[0-9])")


def find_wishes(words: Sequence[str], tree: Tree, *, latest: bool, rebuild: bool) -> list[Wish]:
    """The wishes, in the order of the words; each recipe once.

    A word is anything that ``abuildpy batch`` takes for a target, with ``-VERSION`` behind it unless ``latest`` or
    ``rebuild``. Raises BumpUsageError, TargetError (exit status 2) that names the words which mean nothing.
    """
    found: dict[str, Wish] = {}
    wrong: list[str] = []
    for word in words:
        try:
            new = _wishes(word, tree, latest=latest, rebuild=rebuild)
        except TargetError:
            wrong.append(word)
            continue
        for wish in new:
            known = found.setdefault(wish.name, wish)
            if (known.version, known.rebuild) != (wish.version, wish.rebuild):
                raise BumpUsageError(f"{wish.name} is named with two versions: {known.word} and {wish.word}")
    if wrong:
        require_readable((name for word in wrong for name in (word, _VERSION_BEGINS.split(word)[0])), tree)
        where = f"looked here and in {tree.folder}" if tree.folder else "there is no tree of aports around this folder"
        raise BumpUsageError(
            f"no recipe, package, repository or folder of recipes: {' '.join(wrong)}",
            hint=f"{where}; APORTSDIR names another tree",
        )
    return list(found.values())


def _wishes(word: str, tree: Tree, *, latest: bool, rebuild: bool) -> list[Wish]:
    name, version = _split(word, tree)
    if version and rebuild:
        raise BumpUsageError(f"--rebuild keeps the version: {word} names one")
    if not version and not (latest or rebuild):
        raise BumpUsageError(
            f"version missing for {word}", hint=f"say which one, as in {_base(word)}-1.2.3, or --latest"
        )
    folders = list(find_targets([name], tree))
    if version and len(folders) > 1:
        raise BumpUsageError(f"{name} are {len(folders)} recipes, which do not get the same version")
    return [Wish(name_of(folder), Path(folder), version or None, rebuild and not version, word) for folder in folders]


def _split(word: str, tree: Tree) -> tuple[str, str]:
    """Name and version. What there is by its whole name has no version in it (``gtk-4``); else it is what stands behind the
    first dash before a digit that leaves the name of something (``foo-1.2``), or behind the last such dash.
    """
    if _means_something(word, tree):
        return word, ""
    places = [match.end() for match in _VERSION_BEGINS.finditer(word)]
    for at in reversed(places):
        if _means_something(word[: at - 1], tree):
            return word[: at - 1], word[at:]
    return (word[: places[-1] - 1], word[places[-1] :]) if places else (word, "")


def _means_something(word: str, tree: Tree) -> bool:
    if not word or (not os.path.exists(word) and not tree.folder):
        return False
    if os.path.isdir(word) or os.path.isfile(word):
        return True
    places = [tree.folder, *tree.repositories] if not word.startswith(("/", ".")) else []
    return any(os.path.isfile(f"{place}/{word}/APKBUILD") or place.endswith(f"/{word}") for place in places)


def _base(word: str) -> str:
    return word.rstrip("/").rpartition("/APKBUILD")[0] or word.rstrip("/")

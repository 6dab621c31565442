# SPDX-License-Identifier: GPL-3.0-or-later
"""Rebuilding what would lose what it needs: which recipes, with which pkgrel, in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from abuildpy.batch.gate import GateError
from abuildpy.batch.model import Loss, Plan, Why
from abuildpy.batch.recipes import Node, Recipes, read_recipes
from abuildpy.batch.targets import Tree
from abuildpy.errors import RecipeError
from abuildpy.maintain.pkgrel import set_release
from abuildpy.messages import Messages
from abuildpy.repository.version import compare

MakePlan = Callable[[Recipes, Mapping[str, Sequence[Why]]], Plan]
"""Plans some recipes, with why each is rebuilt."""


class Dependants:
    """Answers a gate that is closed with a plan, as often as it takes, and each recipe once at most.

    What is rebuilt may provide less in its turn, so the gate is asked again after every round; it ends because no recipe is
    rebuilt twice.
    """

    def __init__(self, tree: Tree, arch: str, make_plan: MakePlan, log: Messages) -> None:
        self._tree = tree
        self._arch = arch
        self._make_plan = make_plan
        self._log = log
        self._tried: set[str] = set()

    def __call__(self, losses: Sequence[Loss], versions: Mapping[str, str], failed: Collection[str] = ()) -> Plan:
        """The plan to carry out before publishing is tried again.

        ``losses`` are those of the GateError; ``versions`` are the highest that are staged or published, by the recipe's name
        (:meth:`Staging.versions`); ``failed`` the recipes that could not be built in this batch. The recipes' pkgrel is
        raised in their APKBUILDs where that version was taken already.

        Raises GateError where rebuilding cannot help: the recipe failed, was rebuilt before, is not in the tree, cannot be
        read, is not for this architecture, does not make the package any more, or has a version that is older than the one
        there is.
        """
        wanted: dict[str, list[Loss]] = {}
        for loss in losses:
            wanted.setdefault(loss.recipe, []).append(loss)
        for name, its in wanted.items():
            left = [loss.package for loss in its if loss.left_over]
            if left:
                hint = f"delete {' '.join(f'{each}.apk' for each in left)} from the repository, then run this again"
                raise GateError(its, f"{name} does not make {' '.join(left)} any more", hint)
            if name in failed:
                raise GateError(
                    its, f"{name} could not be rebuilt", "mend what its build failed with, then run this again"
                )
            if name in self._tried:
                raise GateError(its, f"{name} was rebuilt and still needs what is going away", "mend the recipe")
        folders = {self._folder(name, its): name for name, its in wanted.items()}
        for node in self._read(folders, wanted).nodes:
            name = folders[node.folder]
            self._bump(node, versions.get(name, ""), wanted[name])
        recipes = self._read(folders, wanted)
        why: dict[str, list[Why]] = {}
        for node in recipes.nodes:
            name = folders[node.folder]
            if (known := versions.get(name, "")) and compare(node.version, known) <= 0:
                hint = "set a higher version or pkgrel by hand, then run this again"
                raise GateError(wanted[name], f"{name} still has version {node.version}, and there is {known}", hint)
            why[node.name] = [Why("rebuild", word) for word in _named(wanted[name])]
        self._tried.update(wanted)
        return self._make_plan(recipes, why)

    def _folder(self, name: str, losses: Sequence[Loss]) -> str:
        direct = os.path.join(self._tree.folder, name)
        if self._tree.folder and os.path.isfile(f"{direct}/APKBUILD"):
            return os.path.dirname(os.path.realpath(f"{direct}/APKBUILD"))
        repository, _, pkgname = name.partition("/")
        for node in self._tree.recipes.nodes:
            if node.pkgname == pkgname and node.repository.name == repository:
                return node.folder
        where = self._tree.folder or "a tree of aports: there is none around this folder"
        raise GateError(losses, f"{name} cannot be rebuilt", f"no recipe of that name is in {where}")

    def _read(self, folders: Mapping[str, str], wanted: Mapping[str, Sequence[Loss]]) -> Recipes:
        """The recipes in folders, which have the names that the losses go by."""
        recipes = read_recipes(folders, self._tree.evaluate)
        for unread in recipes.unread:
            name = folders[unread.folder]
            raise GateError(wanted[name], f"{name} cannot be read", unread.error.message)
        for node in recipes.nodes:
            if node.absence(self._arch) is not None:
                name = folders[node.folder]
                hint = f"its arch is '{node.aport.value('arch')}': let it be built again, or delete its packages"
                raise GateError(wanted[name], f"{name} is not built for {self._arch}", hint)
        return recipes

    def _bump(self, node: Node, known: str, losses: Sequence[Loss]) -> None:
        """Raises pkgrel, unless the recipe has a version that is newer than all there are."""
        if not known or compare(node.version, known) > 0:
            return
        pkgrel = node.aport.value("pkgrel")
        release = int(pkgrel) + 1 if pkgrel.isascii() and pkgrel.isdigit() else 0
        pkgver, _, there = known.rpartition("-r")
        if pkgver == node.aport.value("pkgver") and there.isascii() and there.isdigit():
            release = max(release, int(there) + 1)
        self._log.msg(f"{node.name}: pkgrel {pkgrel} -> {release}, to be rebuilt for {' '.join(_named(losses))}")
        try:
            set_release(Path(node.folder, "APKBUILD"), release, self._log)
        except RecipeError as error:
            raise GateError(losses, f"pkgrel of {node.name} cannot be raised", error.message) from error


def _named(losses: Sequence[Loss]) -> list[str]:
    return list(dict.fromkeys(loss.wanted for loss in losses))

# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command lines of batches mean: the recipes, and the plan for them. Nothing here builds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.batch.changes import changed_recipes
from abuildpy.batch.content import Keys
from abuildpy.batch.existing import Existing, find_existing
from abuildpy.batch.journal import FOLDER, NAME, Records
from abuildpy.batch.planning import Wishes, make_plan
from abuildpy.batch.recipes import Recipes, name_of, read_recipes
from abuildpy.batch.selections import Selection, only, select
from abuildpy.batch.targets import TargetError, Tree, find_targets, tree_around
from abuildpy.cli.batch import BatchUsageError
from abuildpy.config import Config, load_config
from abuildpy.errors import RepositoryError
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.settings import Settings
from abuildpy.repository.installed import apk_root

if TYPE_CHECKING:
    from abuildpy.batch.dependants import Dependants
    from abuildpy.batch.model import Plan, Why
    from abuildpy.cli.batch import Orders
    from abuildpy.ui.console import Console


def configured(repodest: str = "", require_sandbox: str = "") -> Config:
    """The configuration, with what a command line says in its place."""
    said = {"REPODEST": os.path.realpath(repodest) if repodest else "", "ABUILDPY_REQUIRE_SANDBOX": require_sandbox}
    return replace_variables(load_config(), {name: value for name, value in said.items() if value})


def replace_variables(config: Config, values: dict[str, str]) -> Config:
    """The configuration with some variables set, also for recipes and programs."""
    from abuildpy.record import replace

    return replace(config, variables={**config.variables, **values}, environ={**config.environ, **values})


class Planner:
    """Makes plans for one configuration; what there is of packages and of former runs it looks at anew each time."""

    def __init__(self, config: Config, console: Console, *, installs: bool, tree: str | None = None) -> None:
        """``installs``: dependencies are installed, so what apk has counts. ``tree`` is the tree of aports, None for the one
        around the current folder.
        """
        self.config = config
        self.console = console
        self._installs = installs
        self.evaluate = Evaluations(config, Settings(quiet=True), console).answers
        folder = tree_around(".", config.get("APORTSDIR")) if tree is None else tree
        self.tree = Tree(folder, self.evaluate)

    def existing(self) -> Existing:
        """The packages that there are."""
        root = apk_root(self.config.apk, self.config.environ) or Path("/")
        return find_existing(root, self.config.repodest, self.config.carch, installs=self._installs)

    def history(self) -> Records:
        """What is known of former runs. Raises RepositoryError."""
        return Records(self.config.repodest / FOLDER / NAME)

    def tell(self, recipes: Recipes) -> None:
        """What recipes said while they were read."""
        for said in recipes.said:
            self.console.lines("stderr", tuple(f"{said.folder}: {line}" for line in said.lines))

    def plan(
        self,
        recipes: Recipes,
        wishes: Wishes,
        existing: Existing | None = None,
        history: Records | None = None,
        *,
        keyed: bool = True,
    ) -> Plan:
        """The plan for recipes. With ``keyed`` its tasks have keys, without which nothing can be built."""
        variables = self.config.variables
        return make_plan(
            recipes,
            variables,
            existing or self.existing(),
            wishes=wishes,
            history=history or self.history(),
            keys=Keys(variables) if keyed else None,
        )


def plan_of(planner: Planner, orders: Orders, words: Sequence[str], *, keyed: bool = True) -> Plan:
    """The plan for what the command line names; what recipes say while they are read is told.

    Raises UsageError for targets that mean nothing and revisions that git does not know.
    """
    history, existing = planner.history(), planner.existing()
    recipes, why = chosen(planner, orders.selection, words, existing, history)
    planner.tell(recipes)
    return planner.plan(recipes, _wishes(orders, recipes, planner.tree, why), existing, history, keyed=keyed)


def chosen(
    planner: Planner, selection: Selection, words: Sequence[str], existing: Existing, history: Records
) -> tuple[Recipes, dict[str, list[Why]]]:
    """The recipes that targets and selections mean, and why each.

    Raises UsageError, RecipeError, RepositoryError.
    """
    config, tree = planner.config, planner.tree
    if selection.rebuild_of and not existing.indexes:
        raise RepositoryError(
            "--rebuild-of: no index on this machine tells what packages depend on",
            hint=f"{config.repodest} and apk's repositories were looked at; 'apk update' fetches their indexes",
        )
    if not words and not tree.folder:
        raise TargetError("there is no tree of aports around this folder", hint="name a TARGET, or set APORTSDIR")
    named = find_targets(words, tree) if words else find_targets([tree.folder], tree)
    why = {name_of(folder): reasons for folder, reasons in named.items()}
    if not selection:
        return read_recipes(named, tree.evaluate), why
    changed: list[str] = []
    if selection.changed_since:
        changed = changed_recipes(dict.fromkeys(os.path.dirname(folder) for folder in named), selection.changed_since)
        if not selection.states and not selection.rebuild_of:  # nothing else can mean the others
            named = {folder: reasons for folder, reasons in named.items() if folder in set(changed)}
    recipes = read_recipes(named, tree.evaluate)
    meant = select(recipes, selection, existing=existing, history=history, changed=changed, arch=config.carch)
    return only(recipes, meant), meant


def dependants_to_rebuild(planner: Planner, orders: Orders) -> Dependants:
    """What ``--rebuild-dependants`` asks as long as the gate is closed: it gives the next plan, with pkgrel raised."""
    from abuildpy.batch.dependants import Dependants as Asked

    def planned(recipes: Recipes, why: Mapping[str, Sequence[Why]]) -> Plan:
        return planner.plan(recipes, Wishes(why, orders.exclusive, orders.priorities))

    return Asked(Tree(planner.tree.folder, planner.evaluate), planner.config.carch, planned, planner.console)


def _wishes(orders: Orders, recipes: Recipes, tree: Tree, why: dict[str, list[Why]]) -> Wishes:
    known = {name for node in recipes.nodes for name in (node.name, node.pkgname)}
    for option, names in (("exclusive", orders.exclusive), ("priority", orders.priorities)):
        for name in sorted(names):
            if name not in known and known:
                raise BatchUsageError(f"--{option} {name}: no recipe of that name is in this batch")
    return Wishes(why, orders.exclusive, orders.priorities, _around(recipes, tree))


def _around(recipes: Recipes, tree: Tree) -> Callable[[], Recipes]:
    """All recipes of the trees that the recipes lie in."""

    def around() -> Recipes:
        folders = dict.fromkeys(os.path.dirname(node.repository.folder) for node in recipes.nodes)
        trees = [tree if folder == tree.folder else Tree(folder, tree.evaluate) for folder in folders]
        return Recipes(tuple(node for each in trees for node in each.recipes.nodes))

    return around


def show_plan(plan: Plan, *, as_json: bool) -> None:
    """Prints a plan."""
    if as_json:
        import json

        from abuildpy.batch.document import plan_document

        text = json.dumps(plan_document(plan), ensure_ascii=False) + "\n"
    else:
        from abuildpy.ui.plan import plan_lines

        text = "".join(f"{line}\n" for line in plan_lines(plan))
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()

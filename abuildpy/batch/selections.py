# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipes of those named are meant: by what changed, by what is built, by what packages depend on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from abuildpy.batch.existing import Existing
from abuildpy.batch.model import History, Why
from abuildpy.batch.recipes import Node, Recipes
from abuildpy.repository import depends

State = Literal["failed", "outdated", "unbuilt"]
STATES: Final[tuple[State, ...]] = ("failed", "outdated", "unbuilt")


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; a recipe is meant if any of it applies. ``rebuild_of`` are names that packages depend on."""

    changed_since: str = ""
    states: tuple[State, ...] = ()
    rebuild_of: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed_since or self.states or self.rebuild_of)


def select(
    recipes: Recipes, selection: Selection, *, existing: Existing, history: History, changed: Iterable[str], arch: str
) -> dict[str, list[Why]]:
    """Names of the recipes that are meant, with the reasons. ``changed`` are the folders of those that changed.

    Recipes that are not for ``arch`` are meant only if they changed.
    """
    here = frozenset(changed)
    wanting = {name: dependants_of(name, existing) for name in selection.rebuild_of}
    found: dict[str, list[Why]] = {}
    for node in recipes.nodes:
        why = [Why("changed", selection.changed_since)] if node.folder in here else []
        if node.absence(arch) is None:
            why += _states(node, selection, existing, history)
            why += [Why("rebuild", name) for name, origins in wanting.items() if node.pkgname in origins]
        if why:
            found[node.name] = why
    for unread in recipes.unread:
        why = [Why("changed", selection.changed_since)] if unread.folder in here else []
        if "failed" in selection.states:
            why += _failed(unread.name, history)
        if why:
            found[unread.name] = why
    return found


def dependants_of(name: str, existing: Existing) -> frozenset[str]:
    """The recipes (``pkgname``) whose built packages depend on a name (``so:libfoo.so.1``, ``pc:foo``, ``foo``), whatever
    version they ask for; those that provide it themselves are left out.
    """
    name = depends.bare_name(name)
    found: set[str] = set()
    own: set[str] = set()
    for _, index in existing.indexes:
        own.update(entry.origin or entry.name for entry, _ in index.providers(name))
        for entry in index.entries:
            if any(depends.bare_name(word) == name for word in entry.depends):
                found.add(entry.origin or entry.name)
    return frozenset(found - own)


def _states(node: Node, selection: Selection, existing: Existing, history: History) -> list[Why]:
    why = _failed(node.name, history) if "failed" in selection.states else []
    if "unbuilt" in selection.states or "outdated" in selection.states:
        built = existing.built(node.repository.name)
        there = [name for name in node.packages if name in built]
        if not there:
            why += [Why("unbuilt", f"{node.repository.name} has none of it")] if "unbuilt" in selection.states else []
        elif "outdated" in selection.states:
            other = [_old(name, built[name].version) for name in there if built[name].version != node.version]
            other += [f"no {name}" for name in node.packages if name not in built]
            why += [Why("outdated", f"{node.repository.name} has {other[0]}")] if other else []
    return why


def _failed(name: str, history: History) -> list[Why]:
    past = history.last(name)
    return [Why("failed", past.reason or "unknown")] if past is not None and past.status == "failed" else []


def _old(name: str, version: str) -> str:
    return f"{name}-{version}"


def only(recipes: Recipes, names: Mapping[str, object]) -> Recipes:
    """Some of the recipes, by their names."""
    return Recipes(
        tuple(node for node in recipes.nodes if node.name in names),
        tuple(unread for unread in recipes.unread if unread.name in names),
        recipes.said,
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a change: the recipes to rebuild when packages provide something no more, or something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from abuildpy.batch.existing import Existing
from abuildpy.batch.gate import newest
from abuildpy.batch.planning import make_plan
from abuildpy.batch.recipes import Node, Recipes
from abuildpy.batch.splits import provided_by_splits
from abuildpy.errors import DependencyError
from abuildpy.maintain.diff.model import Provided
from abuildpy.repository import depends
from abuildpy.repository.index import IndexEntry

ReasonKind = Literal["lost", "abi", "build"]
"""``lost``: a package of it depends at run time on what is gone, so it cannot be installed. ``abi``: a package of it depends
on what is still there and has another ABI. ``build``: its build takes packages that the change concerns, but nothing of it
depends on them at run time; only what is linked statically, or generated, makes a rebuild necessary."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a recipe follows.

    ``wanted`` is the dependency as it is written (``so:libfoo.so.1``, ``foo-dev>=1.2``); ``by`` who has it: a package with its
    version, or the variable of the recipe (``makedepends``).
    """

    kind: ReasonKind
    wanted: str
    by: str


@dataclass(frozen=True, slots=True)
class Follower:
    """A recipe that follows. ``folder`` is empty where the tree has no recipe that makes the packages.

    ``named`` are dependencies that the recipe itself spells out (``depends="cmd:foo"``): a rebuild alone does not mend them.
    """

    name: str
    pkgname: str
    folder: str
    reasons: tuple[Reason, ...]
    named: tuple[str, ...] = ()

    @property
    def must(self) -> bool:
        """Whether its packages are broken until it is rebuilt, or may be."""
        return any(reason.kind != "build" for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Following:
    """Those that follow, in build order: ``rebuild`` those that must be, ``perhaps`` those that only build with it.

    ``own`` are the names of the recipes that changed, as far as the tree has them. ``circles`` are ways from one of the names
    over others back to it; ``absent`` are followers that the tree has no recipe for, or none for this architecture.
    """

    changes: tuple[Provided, ...]
    own: tuple[str, ...] = ()
    rebuild: tuple[Follower, ...] = ()
    perhaps: tuple[Follower, ...] = ()
    circles: tuple[tuple[str, ...], ...] = ()
    absent: tuple[Follower, ...] = ()


def what_follows(
    changes: Iterable[Provided],
    existing: Existing,
    recipes: Recipes,
    variables: Mapping[str, str],
    *,
    own: Iterable[str] = (),
    builders: bool = False,
) -> Following:
    """The recipes of a tree that have to be rebuilt after some changes (:attr:`Difference.provided`), and why.

    ``existing`` has the indexes that tell what packages depend on; ``variables`` are the configuration's, CARCH among them;
    ``own`` are the recipes (``pkgname``) that the changes come from: they do not follow. Those that only build with them are
    looked for where a name is gone or an ABI changed, and where ``builders`` asks for them.
    """
    return _Work(tuple(changes), existing, recipes, variables, frozenset(own), builders).following()


class _Work:
    def __init__(
        self,
        changes: tuple[Provided, ...],
        existing: Existing,
        recipes: Recipes,
        variables: Mapping[str, str],
        own: frozenset[str],
        builders: bool,
    ) -> None:
        self._changes = changes
        self._by_name = {change.name: change for change in changes}
        self._existing = existing
        self._variables = variables
        self._arch = variables.get("CARCH", "")
        self._own = own
        self._wants_builders = builders or any(change.abi or change.new is None for change in changes)
        self._nodes: dict[str, list[Node]] = {}
        for node in recipes.nodes:
            self._nodes.setdefault(node.pkgname, []).append(node)

    def following(self) -> Following:
        reasons: dict[str, dict[Reason, None]] = {}
        absent: dict[str, dict[Reason, None]] = {}
        nodes: dict[str, Node] = {}
        for repository, entry, reason in self._at_run_time():
            node = self._maker(repository, entry)
            if node is None:
                absent.setdefault(entry.origin or entry.name, {})[reason] = None
            else:
                nodes[node.name] = node
                reasons.setdefault(node.name, {})[reason] = None
        must = frozenset(reasons)
        if self._wants_builders:
            for node, reason in self._at_build_time():
                if node.name not in must:
                    nodes[node.name] = node
                    reasons.setdefault(node.name, {})[reason] = None
        followers = {name: self._follower(node, tuple(reasons[name])) for name, node in nodes.items()}
        order, circles = self._order(tuple(nodes.values()))
        lost = [Follower(name, name, "", tuple(each)) for name, each in sorted(absent.items())]
        lost += [
            followers[name] for name, node in nodes.items() if name in must and node.absence(self._arch) is not None
        ]
        here = [followers[name] for name in order if nodes[name].absence(self._arch) is None]
        return Following(
            self._changes,
            tuple(sorted(node.name for pkgname in self._own for node in self._nodes.get(pkgname, ()))),
            tuple(each for each in here if each.must),
            tuple(each for each in here if not each.must),
            circles,
            tuple(lost),
        )

    # --- at run time: what packages depend on ------------------------------------------------------------------------

    def _at_run_time(self) -> Iterator[tuple[str, IndexEntry, Reason]]:
        listed = newest((place.own, entry) for place, index in self._existing.indexes for entry in index.entries)
        for repository, entry in listed.values():
            if (entry.origin or entry.name) in self._own:
                continue
            for word in dict.fromkeys(entry.depends):
                change = self._by_name.get(depends.bare_name(word))
                kind = None if change is None else self._kind(word, change)
                if kind is not None:
                    yield repository, entry, Reason(kind, word, f"{entry.name}-{entry.version}")

    def _kind(self, word: str, change: Provided) -> ReasonKind | None:
        try:
            wanted = depends.parse(word)
        except DependencyError:
            return None
        if change.new is not None and depends.satisfies(wanted, wanted.name, change.new):
            return "abi" if change.abi else None
        if change.old and not depends.satisfies(wanted, wanted.name, change.old):
            return None  # it is broken already, or somebody else's
        others = (entry for entry in self._existing.satisfying(wanted) if (entry.origin or entry.name) not in self._own)
        return None if any(others) else "lost"

    def _maker(self, repository: str, entry: IndexEntry) -> Node | None:
        """The recipe that makes a package: that of its own repository, if several have the name."""
        found = self._nodes.get(entry.origin or entry.name, ())
        return next((node for node in found if node.repository.name == repository), found[0] if found else None)

    # --- at build time: what recipes name ----------------------------------------------------------------------------

    def _at_build_time(self) -> Iterator[tuple[Node, Reason]]:
        names = self._names()
        for nodes in self._nodes.values():
            for node in nodes:
                if node.pkgname in self._own or node.absence(self._arch) is not None:
                    continue
                for word, kind in node.wanted(self._variables):
                    if kind != "depends" and depends.bare_name(word) in names:
                        yield node, Reason("build", word, kind)

    def _names(self) -> frozenset[str]:
        """All that the packages of the changed recipes can be asked for by."""
        found = set(self._by_name)
        for pkgname in self._own:
            for node in self._nodes.get(pkgname, ()):
                found.update(node.packages, node.aport.provides)
                found.update(depends.bare_name(word) for _, word, _ in provided_by_splits(node))
            for entry in self._existing.by_origin.get(pkgname, ()):
                found.add(entry.name)
                found.update(map(depends.bare_name, entry.provides))
        return frozenset(found)

    # --- what becomes of them ----------------------------------------------------------------------------------------

    def _follower(self, node: Node, reasons: tuple[Reason, ...]) -> Follower:
        written = frozenset(
            word for name, text in node.aport.variables.items() if "depends" in name for word in text.split()
        )
        named = dict.fromkeys(each.wanted for each in reasons if each.kind == "lost" and each.wanted in written)
        return Follower(node.name, node.pkgname, node.folder, reasons, tuple(named))

    def _order(self, nodes: tuple[Node, ...]) -> tuple[list[str], tuple[tuple[str, ...], ...]]:
        """Names in the order in which a batch would build them, with those last that a circle keeps it from."""
        plan = make_plan(Recipes(nodes), self._variables, self._existing)
        names = {node.name: None for node in nodes}
        order = [task.name for task in plan.tasks if task.name in names]
        order += [name for name in names if name not in set(order)]
        return order, tuple(tuple(path) for cycle in plan.cycles for path in cycle.paths)

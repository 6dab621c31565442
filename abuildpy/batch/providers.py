# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipe of a batch a dependency is fulfilled by, chosen as apk would choose between their packages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abuildpy.batch.existing import Existing
from abuildpy.batch.recipes import Node
from abuildpy.batch.splits import provided_by_splits
from abuildpy.errors import DependencyError
from abuildpy.repository import depends
from abuildpy.repository.depends import Dependency
from abuildpy.repository.version import sort_key


@dataclass(frozen=True, slots=True)
class Offer:
    """A package of a recipe that has a name, or provides it in a version (empty: without one)."""

    node: Node
    package: str
    version: str
    priority: int = 0


class Providers:
    """What the recipes of a batch offer."""

    def __init__(
        self, nodes: Iterable[Node], unread: Iterable[Node], places: Sequence[str], existing: Existing
    ) -> None:
        """``unread`` are recipes that could not be evaluated, of which no more than their names is known; ``places`` are
        names of repositories in their order; ``existing`` tells what former builds provided.
        """
        self.existing = existing
        self._places = {name: place for place, name in enumerate(places)}
        self._offers: dict[str, list[Offer]] = {}
        self._unread: dict[str, list[Offer]] = {}
        self._by_pkgname: dict[str, list[Node]] = {}
        self._parsed: dict[str, Dependency | None] = {}
        self._chosen: dict[str, dict[str, list[Offer]]] = {}
        for node in nodes:
            self.add(node)
        for node in unread:
            for name in (node.pkgname, *(entry.name for entry in existing.by_origin.get(node.pkgname, ()))):
                self._unread.setdefault(name, []).append(Offer(node, name, ""))

    def add(self, node: Node) -> None:
        """One more recipe."""
        offers, version = self._offers, node.version
        for package in node.packages:
            offers.setdefault(package, []).append(
                Offer(node, package, version, node.provider_priority if package == node.pkgname else 0)
            )
        for word in node.aport.words("provides"):
            provided = self.parse(word)
            if provided is not None:
                offer = Offer(node, node.pkgname, provided.version, node.provider_priority)
                offers.setdefault(provided.name, []).append(offer)
        self._by_pkgname.setdefault(node.pkgname, []).append(node)
        self._chosen.clear()

    def learn(self, nodes: Iterable[Node]) -> None:
        """Also takes into account what split functions of recipes may provide, which has to be read in their texts."""
        for node in nodes:
            for package, word, priority in provided_by_splits(node):
                provided = self.parse(word)
                if provided is not None and package in node.packages:
                    offer = Offer(node, package, provided.version, priority)
                    self._offers.setdefault(provided.name, []).append(offer)
        self._chosen.clear()

    def parse(self, word: str) -> Dependency | None:
        """A dependency; None for what is none."""
        if word not in self._parsed:
            try:
                self._parsed[word] = depends.parse(word)
            except DependencyError:
                self._parsed[word] = None
        return self._parsed[word]

    def offers(self, node: Node, word: str) -> list[Offer]:
        """What fulfils a dependency of a recipe, the one that apk would take first; what it makes itself is among them.

        As apk does, the highest version that is there under the name is taken (none at all is the lowest, so a package of
        that name comes before a virtual), then the highest provider_priority; then the order of the repositories decides,
        then the name. Recipes that the asking one's repository does not see come last.
        """
        chosen = self._chosen.get(node.repository.folder)
        if chosen is None:
            chosen = self._chosen[node.repository.folder] = {}
        found = chosen.get(word)
        if found is None:
            found = chosen[word] = self._choose(node, word)
        return found

    def _choose(self, node: Node, word: str) -> list[Offer]:
        wanted = self.parse(word)
        if wanted is None:
            return []
        named = self._offers.get(wanted.name)
        if named is None:
            found = list(self._unread.get(wanted.name, ()))
        else:
            found = [offer for offer in named if depends.satisfies(wanted, wanted.name, offer.version)]
        found = found or self._formerly(wanted)
        if len(found) > 1:
            found.sort(key=lambda offer: (self._place(node, offer.node), offer.node.name))
            found.sort(key=lambda offer: -offer.priority)
            found.sort(key=lambda offer: sort_key(offer.version) if offer.version else (), reverse=True)
            found.sort(key=lambda offer: node.repository.hides(offer.node.repository))
        return found

    def named(self, name: str) -> Sequence[Offer]:
        """All that have or provide a name, in whatever version."""
        return self._offers.get(name, ())

    def _place(self, node: Node, other: Node) -> int:
        sees, name = node.repository.sees, other.repository.name
        if name in sees:
            return sees.index(name)
        return -1 if name == node.repository.name else self._places.get(name, len(self._places))

    def _formerly(self, wanted: Dependency) -> list[Offer]:
        """Recipes of the batch that provided it when they were built before (``so:``, ``pc:``, ``cmd:``, what subpackages
        provide), if nobody else does.
        """
        found = []
        for entry in self.existing.satisfying(wanted):
            makers = [n for n in self._by_pkgname.get(entry.origin, ()) if entry.name in n.packages]
            if not makers:
                return []
            found += [Offer(node, entry.name, "", entry.provider_priority) for node in makers]
        return found

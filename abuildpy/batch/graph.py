# SPDX-License-Identifier: GPL-3.0-or-later
"""Who waits for whom in a batch, and why.

A recipe waits for those that make what its build has installed: what it names in makedepends, checkdepends and depends, and
what the packages that fulfil these depend on in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from abuildpy.batch.model import Need, NeedKind
from abuildpy.batch.providers import Offer, Providers
from abuildpy.batch.recipes import Node

_Links = tuple[tuple[Offer, str, tuple[str, ...]], ...]
"""What a package pulls in: an offer of another recipe, the word that asks for it, the packages on the way."""


@dataclass(frozen=True, slots=True)
class Graph:
    """``edges`` has for each recipe the others that it waits for, with the reasons; ``met`` what recipes need of themselves,
    which their predecessors serve; ``missing`` what no other recipe of the batch provides and no index is known to have.
    """

    edges: dict[str, dict[str, list[Need]]] = field(default_factory=dict)
    met: dict[str, list[Need]] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)


def make_graph(nodes: Iterable[Node], providers: Providers, variables: Mapping[str, str]) -> Graph:
    """The graph of some recipes that are all among the providers; ``variables`` are the configuration's."""
    return _Making(providers, variables).graph(nodes)


class _Making:
    def __init__(self, providers: Providers, variables: Mapping[str, str]) -> None:
        self._providers = providers
        self._variables = variables
        self._wanted: dict[str, list[tuple[str, NeedKind]]] = {}
        self._links: dict[tuple[str, str], _Links] = {}

    def graph(self, nodes: Iterable[Node]) -> Graph:
        graph = Graph()
        for node in nodes:
            edges: dict[str, list[Need]] = {}
            for word, kind in self._wants(node):
                self._add(node, word, kind, edges, graph)
            graph.edges[node.name] = edges
        return graph

    def _wants(self, node: Node) -> list[tuple[str, NeedKind]]:
        found = self._wanted.get(node.name)
        if found is None:
            found = self._wanted[node.name] = node.wanted(self._variables)
        return found

    def _add(self, node: Node, word: str, kind: NeedKind, edges: dict[str, list[Need]], graph: Graph) -> None:
        dependency = self._providers.parse(word)
        if dependency is not None and (dependency.conflict or dependency.name in node.packages):
            return
        offers = self._providers.offers(node, word)
        if not offers:
            if not self._serves(word):
                graph.missing.setdefault(node.name, []).append(word)
            return
        other = offers[0]
        mine = None if len(offers) == 1 and other.node is not node else _of(node, offers)
        if mine is not None:
            following = next((each for each in offers if each.node is not node), None)
            if following is None or self._serves(word):
                self._meet(node, _need(node, mine, word, kind), graph)
                return
            other = following
        edges.setdefault(other.node.name, []).append(_need(node, other, word, kind))
        self._follow(node, other, edges, graph)

    def _follow(self, node: Node, offer: Offer, edges: dict[str, list[Need]], graph: Graph) -> None:
        """Adds what has to be installed together with a package."""
        for other, word, via in self._pulled_in(offer):
            need = _need(node, other, word, "installed", via)
            if other.node is node:
                self._meet(node, need, graph)
            elif other.node.name not in edges:
                edges[other.node.name] = [need]

    def _meet(self, node: Node, need: Need, graph: Graph) -> None:
        """A recipe needs what only it makes: it is built with its predecessor, which apk has if we do not know of it."""
        graph.met.setdefault(node.name, []).append(need)
        if not self._serves(need.wanted):
            graph.missing.setdefault(node.name, []).append(need.wanted)

    def _serves(self, word: str) -> bool:
        dependency = self._providers.parse(word)
        return dependency is not None and self._providers.existing.serves(dependency)

    def _pulled_in(self, offer: Offer) -> _Links:
        """What a package depends on, and what that does, as far as the recipes themselves do not wait for it.

        Where the maker of a package has all that it depends on installed for its own build, as it is with ``depends``, who
        waits for the maker has waited for that.
        """
        key = (offer.node.name, offer.package)
        found = self._links.get(key)
        if found is None:
            found = self._links[key] = tuple(self._walk(offer))
        return found

    def _walk(self, start: Offer) -> list[tuple[Offer, str, tuple[str, ...]]]:
        found: list[tuple[Offer, str, tuple[str, ...]]] = []
        seen = {(start.node.name, start.package)}
        waiting: list[tuple[Offer, tuple[str, ...]]] = [(start, (start.package,))]
        for offer, via in waiting:
            words = offer.node.runtime(offer.package)
            if not words:
                continue
            for_build = {word for word, _ in self._wants(offer.node)}
            for word in words:
                dependency = self._providers.parse(word)
                if word in for_build or dependency is None or dependency.conflict:
                    continue
                offers = self._providers.offers(offer.node, word)
                if not offers:
                    continue
                # A package of the same recipe is there as soon as the first one is.
                other = next((each for each in offers if each.node is offer.node), offers[0])
                if (other.node.name, other.package) in seen:
                    continue
                seen.add((other.node.name, other.package))
                if other.node is not start.node:
                    found.append((other, word, via))
                waiting.append((other, (*via, other.package)))
        return found


def _need(node: Node, offer: Offer, word: str, kind: NeedKind, via: tuple[str, ...] = ()) -> Need:
    return Need(offer.node.name, word, offer.package, kind, via, node.repository.hides(offer.node.repository))


def _of(node: Node, offers: Iterable[Offer]) -> Offer | None:
    return next((offer for offer in offers if offer.node is node), None)

# SPDX-License-Identifier: GPL-3.0-or-later
"""From recipes to a plan: what is built in which order, and what cannot be, with the reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from abuildpy.aports.database import Aport
from abuildpy.batch.cycles import Edges, break_cycles
from abuildpy.batch.existing import Existing
from abuildpy.batch.graph import Graph, make_graph
from abuildpy.batch.model import Cycle, Failure, History, Need, NoHistory, Outcome, Plan, Task, Why, blocked_by
from abuildpy.batch.providers import Providers
from abuildpy.batch.recipes import Node, Recipes, Unread
from abuildpy.repository.cleanroot import TEMPLATE

Keys = Callable[[Node, Sequence[str]], str]
"""The key of a recipe, given those of the tasks it waits for."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user wants of a plan beyond its recipes.

    ``why`` has for each recipe why it is in the plan; ``exclusive`` and ``priorities`` go by recipe or package name.
    ``around`` gives the other recipes of the tree, in which those are looked for that are needed and nowhere to be had:
    they are planned too. It is only asked where it is certain that they are nowhere.
    """

    why: Mapping[str, Sequence[Why]] = field(default_factory=dict)
    exclusive: frozenset[str] = frozenset()
    priorities: Mapping[str, int] = field(default_factory=dict)
    around: Callable[[], Recipes] | None = None


def make_plan(
    recipes: Recipes,
    variables: Mapping[str, str],
    existing: Existing,
    *,
    wishes: Wishes | None = None,
    history: History | None = None,
    keys: Keys | None = None,
) -> Plan:
    """The plan for some recipes. Where nothing else decides, their order is that of the tasks.

    ``variables`` are the configuration's, CARCH among them. No error of a recipe is raised: it is an outcome of the plan.
    """
    return _Planning(variables, existing, wishes or Wishes(), history or NoHistory(), keys).plan(recipes)


class _Planning:
    def __init__(
        self, variables: Mapping[str, str], existing: Existing, wishes: Wishes, history: History, keys: Keys | None
    ) -> None:
        self._variables = variables
        self._arch = variables.get("CARCH", "")
        self._existing = existing
        self._wishes = wishes
        self._history = history
        self._keys = keys
        self._settled: dict[str, Outcome] = {}
        self._why: dict[str, list[Why]] = {name: list(why) for name, why in wishes.why.items()}
        self._warnings: list[str] = []

    def plan(self, recipes: Recipes) -> Plan:
        nodes = self._present(recipes.nodes)
        for unread in recipes.unread:
            self._fail_unread(unread)
        phantoms = [_phantom(unread) for unread in recipes.unread]
        repositories = list(dict.fromkeys(node.repository.name for node in (*nodes, *phantoms)))
        providers = Providers(nodes, phantoms, repositories, self._existing)
        graph = make_graph(nodes, providers, self._variables)
        if graph.missing:
            providers.learn(nodes)
            again = make_graph([node for node in nodes if node.name in graph.missing], providers, self._variables)
            graph = Graph({**graph.edges, **again.edges}, {**graph.met, **again.met}, again.missing)
        if graph.missing and self._existing.complete and self._wishes.around is not None:
            nodes, graph = self._pull_in(nodes, providers, graph, {n.name for n in recipes.nodes})
        by_name = {node.name: node for node in nodes}
        cycles = break_cycles(graph.edges, self._serves(providers))
        self._settle(by_name, graph, cycles, providers)
        for cycle in cycles:
            for name, need in cycle.broken:
                graph.met.setdefault(name, []).append(need)
        order = _in_order([n for n in nodes if n.name in graph.edges], graph.edges, self._given)
        priorities = self._priorities(order, graph.edges)
        tasks: dict[str, Task] = {}
        for node in order:
            tasks[node.name] = self._task(node, graph, priorities[node.name], tasks)
        asked = [node.name for node in recipes.nodes] + [unread.name for unread in recipes.unread]
        places = {name: place for place, name in enumerate(asked)}
        settled = sorted(self._settled.values(), key=lambda outcome: places.get(outcome.name, len(places)))
        return Plan(
            tuple(tasks.values()),
            tuple(settled),
            tuple(cycles),
            self._arch,
            (*self._hidden(tasks.values()), *self._warnings),
        )

    def _present(self, nodes: Iterable[Node]) -> list[Node]:
        """Those that are for this architecture; the others are settled."""
        found = []
        for node in nodes:
            absence = node.absence(self._arch)
            if absence is None:
                found.append(node)
            else:
                listed = node.aport.value("arch")
                error = f"it is for {listed}, not for {self._arch}" if absence == "arch" else "its arch names none"
                self._settled[node.name] = Outcome(node.name, node.version, "skipped", absence, error=error, attempts=0)
        return found

    def _fail_unread(self, unread: Unread) -> None:
        text = unread.error.message + (f" ({unread.error.hint})" if unread.error.hint else "")
        self._settled[unread.name] = Outcome(unread.name, "", "failed", "evaluate", error=text, attempts=0)

    def _pull_in(
        self, nodes: list[Node], providers: Providers, graph: Graph, known: set[str]
    ) -> tuple[list[Node], Graph]:
        """Adds recipes from around that make what is missing, and what these miss."""
        around = self._wishes.around() if self._wishes.around is not None else Recipes()
        others = [node for node in around.nodes if node.name not in known and node.absence(self._arch) is None]
        places = list(dict.fromkeys(node.repository.name for node in (*nodes, *others)))
        elsewhere = Providers(others, (), places, Existing())
        elsewhere.learn(others)
        nodes, by_name = list(nodes), {node.name: node for node in nodes}
        while True:
            added: dict[str, Node] = {}
            for name, words in graph.missing.items():
                for word in words:
                    offers = elsewhere.offers(by_name[name], word)
                    if offers and offers[0].node.name not in by_name:
                        node = offers[0].node
                        added[node.name] = node
                        self._why.setdefault(node.name, []).append(Why("needed", f"{name}: {word}"))
            if not added:
                return nodes, graph
            for node in added.values():
                providers.add(node)
            providers.learn(added.values())
            nodes += added.values()
            by_name |= added
            graph = make_graph(nodes, providers, self._variables)

    def _serves(self, providers: Providers) -> Callable[[Need], bool]:
        def serves(need: Need) -> bool:
            dependency = providers.parse(need.wanted)
            return dependency is not None and self._existing.serves(dependency)

        return serves

    def _settle(self, by_name: Mapping[str, Node], graph: Graph, cycles: Iterable[Cycle], providers: Providers) -> None:
        """Outcomes of what cannot be built, and of all that waits for it; both leave the graph."""
        bad = {name: outcome.blocked_by for name, outcome in self._settled.items() if outcome.status == "failed"}
        for cycle in cycles:
            for name in cycle.stopped:
                path = next((path for path in cycle.paths if name in path), cycle.paths[0])
                self._settle_one(by_name[name], "cycle", f"they need each other: {' -> '.join(path)}", bad)
        if self._existing.complete:
            for name, words in graph.missing.items():
                # What packages get to provide when they are made (so:, cmd:), only their build can tell.
                nowhere = [word for word in words if ":" not in word]
                if nowhere and name not in bad:
                    self._settle_one(by_name[name], "dependencies", _whom_nobody_makes(nowhere, providers), bad)
        self._block(by_name, graph, bad)
        for name in self._settled:
            graph.edges.pop(name, None)

    def _settle_one(self, node: Node, reason: Failure, error: str, bad: dict[str, tuple[str, ...]]) -> None:
        self._settled[node.name] = Outcome(node.name, node.version, "failed", reason, error=error, attempts=0)
        bad[node.name] = ()

    def _block(self, by_name: Mapping[str, Node], graph: Graph, bad: Mapping[str, tuple[str, ...]]) -> None:
        dependants: dict[str, list[str]] = {}
        for name, edges in graph.edges.items():
            for to in edges:
                dependants.setdefault(to, []).append(name)
        reached = dict.fromkeys(bad)
        waiting = list(bad)
        for at in waiting:
            new = [name for name in dependants.get(at, ()) if name not in reached]
            reached |= dict.fromkeys(new)
            waiting += new
        roots = dict(bad)
        for node in _in_order([by_name[name] for name in reached if name not in bad], graph.edges, lambda _: 0):
            roots[node.name] = by = blocked_by(graph.edges[node.name], roots)
            self._settled[node.name] = Outcome(node.name, node.version, "blocked", blocked_by=by, attempts=0)

    def _task(self, node: Node, graph: Graph, priority: int, before: Mapping[str, Task]) -> Task:
        needs = tuple(need for wanted in graph.edges[node.name].values() for need in wanted)
        seconds, max_rss = self._history.cost(node.name)
        key = ""
        if self._keys is not None:
            key = self._keys(node, [before[name].key for name in sorted(graph.edges[node.name])])
        return Task(
            name=node.name,
            folder=node.folder,
            pkgname=node.pkgname,
            version=node.version,
            arch=self._arch,
            packages=node.packages,
            why=tuple(self._why.get(node.name, ())),
            needs=needs,
            met=tuple(graph.met.get(node.name, ())),
            missing=tuple(graph.missing.get(node.name, ())),
            key=key,
            exclusive=not self._wishes.exclusive.isdisjoint((node.name, node.pkgname)),
            priority=priority,
            seconds=seconds,
            max_rss=max_rss,
        )

    def _priorities(self, order: Sequence[Node], edges: Edges) -> dict[str, int]:
        """What each recipe was given, or the highest that something which waits for it was given."""
        found = {node.name: self._given(node) for node in order}
        for node in reversed(order):
            for to in edges[node.name]:
                found[to] = max(found[to], found[node.name])
        return found

    def _given(self, node: Node) -> int:
        priorities = self._wishes.priorities
        return priorities.get(node.name, priorities.get(node.pkgname, 0))

    @staticmethod
    def _hidden(tasks: Iterable[Task]) -> Iterator[str]:
        for task in tasks:
            for need in task.needs:
                if need.hidden:
                    yield (
                        f"{task.name}: {need.wanted} is made by {need.on} alone, and {task.name.partition('/')[0]}"
                        f"/{TEMPLATE} does not name {need.on.partition('/')[0]}"
                    )


def _in_order(nodes: Sequence[Node], edges: Edges, priority: Callable[[Node], int]) -> list[Node]:
    """Each after all that it waits for; of those that nothing decides about, the higher priority first, then as given."""
    by_name = {node.name: node for node in nodes}
    seen: set[str] = set()
    found: list[Node] = []
    for start in sorted(nodes, key=priority, reverse=True):
        if start.name in seen:
            continue
        seen.add(start.name)
        path = [(start, iter(edges[start.name]))]
        while path:
            node, rest = path[-1]
            following = next((to for to in rest if to in by_name and to not in seen), None)
            if following is None:
                found.append(node)
                path.pop()
            else:
                seen.add(following)
                path.append((by_name[following], iter(edges[following])))
    return found


def _whom_nobody_makes(words: Iterable[str], providers: Providers) -> str:
    found = []
    for word in words:
        dependency = providers.parse(word)
        offers = providers.named(dependency.name) if dependency else ()
        made = ", ".join(f"{o.node.name} has {o.version or 'it in no version'}" for o in offers)
        found.append(f"{word} ({made})" if made else word)
    return f"nothing provides {', '.join(found)}"


def _phantom(unread: Unread) -> Node:
    """Stands for a recipe that could not be evaluated, by the name that its folder has."""
    return Node(unread.name, unread.folder, unread.repository, Aport(unread.folder, unread.name.rpartition("/")[2], {}))

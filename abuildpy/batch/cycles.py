# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes that need each other: found, broken where a package that is there serves, and told with their whole path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from abuildpy.aports.order import circles, shortest_circle
from abuildpy.batch.model import Cycle, Need, NeedKind

Edges = dict[str, dict[str, list[Need]]]
"""For each recipe the others that it waits for, with the reasons."""

_WEIGHT: Final[Mapping[NeedKind, int]] = {"checkdepends": 1, "depends": 2, "installed": 3, "makedepends": 4}
"""What is given up first: an older package is least harm where it only serves tests."""


def break_cycles(edges: Edges, serves: Callable[[Need], bool]) -> list[Cycle]:
    """Takes out of ``edges`` what closes cycles and is served by a package that is there, the least harmful first.

    Returns all cycles that there were. What cannot be broken stays in ``edges``; its members are ``stopped``.
    """
    found = []
    for group in _groups(edges):
        paths = _paths(edges, group)
        needs = tuple(tuple(edges[at][to][0] for at, to in pairwise(path)) for path in paths)
        broken, stopped = _break(edges, group, serves)
        found.append(Cycle(tuple(group), paths, needs, tuple(broken), tuple(sorted(stopped))))
    return found


def _groups(edges: Edges) -> list[list[str]]:
    """Recipes that need each other."""
    return circles({name: [to for to in wanted if to in edges] for name, wanted in edges.items()})


def _paths(edges: Edges, group: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Shortest ways around, until every member is on one of them."""
    members = set(group)
    inside = {name: [to for to in edges[name] if to in members] for name in group}
    paths: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for name in group:
        if name not in seen:
            paths.append(tuple(shortest_circle(inside, [name, *(each for each in group if each != name)])))
            seen.update(paths[-1])
    return tuple(paths)


def _break(
    edges: Edges, group: Sequence[str], serves: Callable[[Need], bool]
) -> tuple[list[tuple[str, Need]], set[str]]:
    """What was taken out, and which recipes of the group still need each other."""
    broken: list[tuple[str, Need]] = []
    stopped: set[str] = set()
    known: dict[tuple[str, str], bool] = {}

    def breakable(at: str, to: str) -> bool:
        if (at, to) not in known:
            known[at, to] = all(serves(need) for need in edges[at][to])
        return known[at, to]

    waiting = [list(group)]
    while waiting:
        members = waiting.pop()
        inside = set(members)
        links = [(at, to) for at in members for to in edges[at] if to in inside and breakable(at, to)]
        if not links:
            stopped.update(members)
            continue
        at, to = min(links, key=lambda link: (_weight(edges[link[0]][link[1]]), link))
        broken += [(at, need) for need in edges[at].pop(to)]
        waiting += _groups({name: {to: edges[name][to] for to in edges[name] if to in inside} for name in members})
    return broken, stopped


def _weight(needs: Sequence[Need]) -> tuple[int, int]:
    """What all of it together weighs: hidden needs nothing, since nobody counts on them."""
    return max(0 if need.hidden else _WEIGHT[need.kind] for need in needs), len(needs)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be there before what: build order, dependencies of dependencies, and circles.

Nothing here calls itself, so that a chain of any length is walked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from abuildpy.aports.database import Aport, Database

_T = TypeVar("_T")
Edges = Mapping[str, Sequence[str]]
"""Aports (their folders) with those they want built before, in the order of their recipes."""


def recursive_dependencies(database: Database, name: str, seen: set[str] | None = None) -> Iterator[str]:
    """A name, and before it all that it wants, each once and after what it wants itself.

    Those that nothing makes or provides are left out, as are those in ``seen``; what has been met is added to it.
    """

    def wanted(name: str) -> Iterator[str]:
        return (each for aport in database.providers(name) for each in aport.dependencies if database.knows(each))

    return _afterwards(name, wanted, set() if seen is None else seen) if database.knows(name) else iter(())


def recursive_dependents(database: Database, name: str) -> Iterator[str]:
    """A package, and before it all packages of the aports that want it, of those that want one of these, and so on."""

    def wanting(name: str) -> Iterator[str]:
        for aport in database.dependents.get(name, ()):
            yield from aport.subpackages
            yield aport.pkgname

    return _afterwards(name, wanting, set()) if name in database.by_name else iter(())


def build_order(database: Database, names: Sequence[str]) -> Iterator[Aport]:
    """The aports that make packages of these names, each once and after those of them that it wants.

    A circle is cut where the way from the first name that leads into it closes. Where nothing decides, the order is that of
    the names, and of the dependencies in the recipes.
    """
    waiting = {aport.folder for name in names for aport in database.by_name.get(name, ())}
    # Whatever was met for one name has been handed out with all it wants: another name need not look there again.
    seen: set[str] = set()
    for name in names:
        for dependency in recursive_dependencies(database, name, seen):
            for aport in database.providers(dependency):
                if aport.folder in waiting:
                    waiting.remove(aport.folder)
                    yield aport


def wanted_aports(database: Database, aport: Aport) -> list[str]:
    """The folders of all other aports that an aport wants built before it, in the order of its dependencies."""
    folders = {each.folder: None for name in aport.dependencies for each in database.providers(name)}
    folders.pop(aport.folder, None)
    return list(folders)


def edges_between(database: Database, roots: Iterable[Aport] | None = None) -> dict[str, list[str]]:
    """What each aport wants: of all aports, or of some and what they want, and so on."""
    waiting = list(database.by_folder.values() if roots is None else roots)
    edges: dict[str, list[str]] = {}
    while waiting:
        aport = waiting.pop()
        if aport.folder not in edges:
            edges[aport.folder] = wanted_aports(database, aport)
            waiting += [database.by_folder[folder] for folder in edges[aport.folder] if folder not in edges]
    return edges


def circles(edges: Edges) -> list[list[str]]:
    """Groups of folders each of which wants, over however many others, each other of its group.

    Both the groups and what is in them are sorted. This is Tarjan's algorithm for strongly connected components.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_ones: list[str] = []
    is_open: set[str] = set()
    found: list[list[str]] = []
    for root in edges:
        if root in number:
            continue
        path: list[tuple[str, Iterator[str]]] = []
        following: str | None = root
        while following is not None or path:
            if following is not None:
                number[following] = low[following] = len(number)
                open_ones.append(following)
                is_open.add(following)
                path.append((following, iter(edges[following])))
            at, rest = path[-1]
            following = None
            for each in rest:
                if each not in number:
                    following = each
                    break
                if each in is_open:
                    low[at] = min(low[at], number[each])
            if following is not None:
                continue
            path.pop()
            if path:
                above = path[-1][0]
                low[above] = min(low[above], low[at])
            if low[at] == number[at]:
                group = [open_ones.pop()]
                while group[-1] != at:
                    group.append(open_ones.pop())
                is_open.difference_update(group)
                if len(group) > 1:
                    found.append(sorted(group))
    return sorted(found, key=" ".join)


def shortest_circle(edges: Edges, group: Sequence[str]) -> list[str]:
    """A shortest way from the first folder of a group back to it; both ends are that folder."""
    start, inside = group[0], set(group)
    came_from: dict[str, str] = {}
    waiting = [start]
    for at in waiting:
        for each in edges[at]:
            if each == start and at != start:
                way = [start, at]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if each in inside and each != start and each not in came_from:
                came_from[each] = at
                waiting.append(each)
    raise ValueError(f"no circle among {', '.join(group)}")


def _afterwards(start: _T, following: Callable[[_T], Iterator[_T]], seen: set[_T]) -> Iterator[_T]:
    """All that can be reached from ``start``, depth first, each after what follows it; those in ``seen`` are left out."""
    if start in seen:
        return
    seen.add(start)
    path = [(start, following(start))]
    while path:
        at, rest = path[-1]
        for each in rest:
            if each not in seen:
                seen.add(each)
                path.append((each, following(each)))
                break
        else:
            path.pop()
            yield at

# SPDX-License-Identifier: GPL-3.0-or-later
"""What to hold back where the gate is closed, so that the rest can be published.

The rest takes nothing from anybody: the gate is open for it. And it needs nothing that is held back: neither do its packages
depend on it, nor was it built with it. So the repository is as sound as if the rest had been all there was to build.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from abuildpy.batch.gate import Listed, find_losses, full_name, newest
from abuildpy.batch.model import Loss
from abuildpy.errors import DependencyError
from abuildpy.repository import depends
from abuildpy.repository.depends import Dependency

Needs = Mapping[str, Collection[str]]
"""For recipes (``main/foo``) the other recipes that they were built with."""


def hold_back(
    current: Sequence[Listed],
    staged: Mapping[str, Sequence[Listed]],
    needs: Needs,
    counts: Callable[[Loss], bool] = lambda _: True,
) -> frozenset[str]:
    """The recipes of ``staged``, which has their packages, that must not be published, so that the others can be.

    ``current`` are the packages that are published; all are of one architecture. ``counts`` tells which losses matter.
    """
    owner = {full_name(*package): name for name, packages in staged.items() for package in packages}
    everything = _World((*current, *_all(staged)))
    held: set[str] = set()
    while True:
        rest = {name: packages for name, packages in staged.items() if name not in held}
        losses = [loss for loss in find_losses(current, _all(rest)) if counts(loss)]
        more = {owner[package] for loss in losses for package in loss.taken_by if package in owner}
        if losses and not more:
            return frozenset(staged)  # nobody to hold back for it: then all of it
        held |= more
        held |= _built_with(held, rest, needs)
        there = _World((*current, *_all({name: each for name, each in rest.items() if name not in held})))
        lacking = {name for name, packages in rest.items() if name not in held and _lacks(packages, everything, there)}
        held |= lacking
        if not more and not lacking:
            return frozenset(held)


def _all(staged: Mapping[str, Sequence[Listed]]) -> list[Listed]:
    return [package for packages in staged.values() for package in packages]


def _built_with(held: Collection[str], rest: Iterable[str], needs: Needs) -> set[str]:
    """Those that were built with something that is held back, over others too."""
    found = set(held)
    size = -1
    while size != len(found):
        size = len(found)
        found |= {name for name in rest if not found.isdisjoint(needs.get(name, ()))}
    return found


class _World:
    """What packages provide together."""

    def __init__(self, listed: Iterable[Listed]) -> None:
        self._versions: dict[str, list[str]] = {}
        for _, entry in newest(listed).values():
            self._versions.setdefault(entry.name, []).append(entry.version)
            for word in entry.provides:
                name = depends.bare_name(word)
                self._versions.setdefault(name, []).append(word[len(name) :].lstrip("<>=~"))

    def has(self, wanted: Dependency) -> bool:
        """Whether somebody satisfies a dependency; of a conflict, whether there is none with anybody."""
        found = (depends.satisfies(wanted, wanted.name, each) for each in self._versions.get(wanted.name, ()))
        return all(found) if wanted.conflict else any(found)


def _lacks(packages: Iterable[Listed], everything: _World, there: _World) -> bool:
    """Whether packages need what there is only with those that are held back."""
    for _, entry in packages:
        for word in entry.depends:
            try:
                wanted = depends.parse(word)
            except DependencyError:
                continue
            if everything.has(wanted) and not there.has(wanted):
                return True
    return False

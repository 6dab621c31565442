# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that are there already: what the indexes on this machine say, of earlier builds and of apk's repositories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from abuildpy.errors import AbuildError
from abuildpy.repository import depends
from abuildpy.repository.depends import Dependency
from abuildpy.repository.index import Index, IndexEntry, read_index
from abuildpy.repository.nearby import built_indexes, configured_indexes


@dataclass(frozen=True, slots=True)
class Place:
    """Where an index lies; ``own`` is the name of the repository below the destination that it is the index of."""

    path: Path
    own: str = ""


class Existing:
    """The packages of some indexes, which are read when first asked for; those that cannot be read count as empty."""

    def __init__(self, places: Iterable[Place] = (), *, complete: bool = False) -> None:
        """``complete`` tells that there are no others: what is in none of them cannot be installed."""
        self.complete = complete
        self.unread: list[AbuildError] = []
        """Why indexes that are there could not be read, once they have been asked for."""
        self._places = tuple(dict.fromkeys(places))

    @cached_property
    def indexes(self) -> Sequence[tuple[Place, Index]]:
        """What could be read."""
        return tuple(self._read())

    def _read(self) -> Iterator[tuple[Place, Index]]:
        for place in self._places:
            try:
                yield place, read_index(place.path)
            except AbuildError as error:
                if place.path.exists():
                    self.unread.append(error)

    def providers(self, name: str) -> list[tuple[IndexEntry, str]]:
        """Who provides a name, and in which version (empty: without one)."""
        return [each for _, index in self.indexes for each in index.providers(name)]

    def satisfying(self, wanted: Dependency) -> list[IndexEntry]:
        """Packages that fulfil a dependency."""
        wanted = replace(wanted, conflict=False)
        return [
            entry for entry, version in self.providers(wanted.name) if depends.satisfies(wanted, wanted.name, version)
        ]

    def serves(self, wanted: Dependency) -> bool:
        """Whether anything fulfils a dependency."""
        return bool(self._places) and bool(self.satisfying(wanted))

    @cached_property
    def by_origin(self) -> dict[str, list[IndexEntry]]:
        """All packages by the recipe that they are made of."""
        found: dict[str, list[IndexEntry]] = {}
        for _, index in self.indexes:
            for entry in index.entries:
                found.setdefault(entry.origin or entry.name, []).append(entry)
        return found

    def built(self, repository: str) -> dict[str, IndexEntry]:
        """What the destination has of a repository, by package."""
        return {
            entry.name: entry for place, index in self.indexes if place.own == repository for entry in index.entries
        }


def find_existing(root: Path, repodest: Path, arch: str, *, installs: bool) -> Existing:
    """The indexes of earlier builds below ``repodest``, and those of the repositories that apk is configured for below
    ``root`` as far as they are on this machine: folders, and what apk has cached.

    ``installs`` tells that dependencies are to be installed from them: only then they can be complete, and only if each
    configured one could be found.
    """
    known = configured_indexes(root, arch)
    places = [Place(path, path.parts[-3]) for path in built_indexes(repodest, arch)]
    places += map(Place, (*known.folders, *known.cached))
    complete = installs and not known.is_empty and all(path.is_file() for path in known.folders)
    return Existing(places, complete=complete and len({path.name for path in known.cached}) >= known.remote)

# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may know which package provides something: apk's database, then the local repository's index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import DependencyError, RepositoryError
from abuildpy.package.providers import NoLookup, ProviderLookup, Providers
from abuildpy.phases.upkeep import built_earlier
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.outputs import Outputs
from abuildpy.repository.index import Index, IndexEntry, parse_index, read_trusted
from abuildpy.repository.installed import InstalledDatabase, apk_root, open_database
from abuildpy.repository.trust import trusted_keys

if TYPE_CHECKING:
    from abuildpy.phases.rootfolder import RootFolder


@dataclass(frozen=True, slots=True)
class Installed:
    """apk's database of installed packages as a source of providers."""

    database: InstalledDatabase
    available: bool = field(default=True)

    def provides(self, dependency: str) -> str | None:
        """Name of the installed package that provides it."""
        return self.database.provider_of(dependency)

    def owner_of(self, path: str) -> str | None:
        """Name of the installed package that owns a file."""
        return self.database.owner_of_file(path)


@dataclass(frozen=True, slots=True)
class Indexed:
    """A repository's index as a source of providers."""

    index: Index
    available: bool = field(default=True)

    def provides(self, dependency: str) -> str | None:
        """Name of a package in the index that provides it."""
        try:
            found = self.index.satisfying(dependency)
        except DependencyError:
            return None
        return found[0].name if found else None

    def owner_of(self, path: str) -> str | None:  # noqa: ARG002 - an index lists no files
        """Nobody: an index lists no files."""
        return None


def providers_for(config: Config, recipe: Recipe, clean_root: RootFolder | None = None) -> Callable[[str], Providers]:
    """A function from a package's triplet to who is asked; databases are read when first needed.

    It is the clean root's database, or its sysroot's, where the recipe was built in one, else this machine's or CBUILDROOT's.
    """
    known: dict[str, Providers] = {}
    native, cross = "", config.get("CBUILDROOT")
    if clean_root is not None:
        native, cross = str(clean_root.root), str(clean_root.sysroot)

    def lookup(triplet: str) -> Providers:
        if triplet not in known:
            root = cross if triplet != config.get("CBUILD") else native
            arch = _architecture(config, triplet)
            known[triplet] = Providers(_installed(config, root), _indexed(config, recipe, arch), root or "/")
        return known[triplet]

    return lookup


def _installed(config: Config, root: str) -> ProviderLookup:
    found = Path(root) if root else apk_root(config.apk, config.environ)
    database = open_database(found) if found is not None else None
    return Installed(database) if database is not None else NoLookup()


def _architecture(config: Config, triplet: str) -> str:
    """The architecture whose packages serve a triplet: when cross-building not all packages are for CARCH."""
    for machine in ("CBUILD", "CTARGET"):
        if triplet == config.get(machine) != config.get("CHOST"):
            return config.get(f"{machine}_ARCH")
    return config.carch


def _indexed(config: Config, recipe: Recipe, arch: str) -> ProviderLookup:
    keys = trusted_keys(config)
    entries: dict[str, IndexEntry] = {}
    found = False
    for place in built_earlier(config):
        path = Path(Outputs(recipe.variables, place).folder(arch), "APKINDEX.tar.gz")
        try:
            index = parse_index(read_trusted(path, keys), source=str(path))
        except RepositoryError:
            continue  # no index yet; one that is damaged is made anew at the end of this build
        found = True
        for entry in index.entries:
            entries.setdefault(entry.name, entry)
    return Indexed(Index.of(entries.values())) if found else NoLookup()

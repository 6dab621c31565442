# SPDX-License-Identifier: GPL-3.0-or-later
"""The questions that ``ap`` answers, as lua-aports 1.3 does; where its order is random, ours is that of the names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from abuildpy.aports.database import Aport, Database
from abuildpy.aports.order import (
    build_order,
    circles,
    edges_between,
    recursive_dependencies,
    recursive_dependents,
    shortest_circle,
)

Warn = Callable[[str], None]
"""Is told of names that no aport makes a package of."""

_MAINTAINER = re.compile(rb"^[ \t\v\f\r]*#[ \t\v\f\r]*Maintainer:[ \t\v\f\r]*(.*)", re.MULTILINE)
_REMOTE = re.compile(r"(?:https?|ftp)://|.*::")


@dataclass(frozen=True, slots=True)
class SourceUse:
    """A remote source: as the recipe has it, and with ``$VERSION`` for every ``replaced`` place that pkgver stood in."""

    pkgname: str
    pkgver: str
    source: str
    general: str
    replaced: int


@dataclass(frozen=True, slots=True)
class Circle:
    """Aports that want each other: ``path`` is a shortest way around by their names, ``folders`` are all of them."""

    path: Sequence[str]
    folders: Sequence[str]


@dataclass(frozen=True, slots=True)
class Builds:
    """Where built packages are looked for: in ``pkgdest``, else below ``repodest``, else beside the recipe."""

    arch: str
    pkgdest: str
    repodest: str

    def path(self, aport: Aport, package: str) -> str:
        """The file of a package."""
        if self.pkgdest:
            return os.path.join(self.pkgdest, aport.apk(package))
        if self.repodest:
            return os.path.join(self.repodest, aport.repository, self.arch, aport.apk(package))
        return os.path.join(aport.folder, aport.apk(package))

    def lack(self, aport: Aport) -> bool:
        """Whether a package of an aport for this architecture is not there."""
        return aport.builds_on(self.arch) and not all(os.path.exists(self.path(aport, p)) for p in aport.packages)


def all_packages(database: Database) -> Iterator[str]:
    """Every package, as often as there are aports that make it."""
    for name in sorted(database.by_name):
        yield from [name] * len(database.by_name[name])


def apk_files(database: Database, arch: str) -> Iterator[str]:
    """The file names of all packages for an architecture."""
    for name in sorted(database.by_name):
        for aport in database.by_name[name]:
            if aport.builds_on(arch):
                yield aport.apk(name)


def main_aports(database: Database) -> Iterator[Aport]:
    """Every aport, by name."""
    for name in sorted(database.by_name):
        for aport in database.by_name[name]:
            if aport.pkgname == name:
                yield aport


def direct_dependents(database: Database, names: Sequence[str]) -> Iterator[str]:
    """The aports that depend on names, once for each time they do."""
    for name in names:
        for aport in database.dependents.get(name, ()):
            yield aport.pkgname


def all_dependencies(database: Database, names: Sequence[str]) -> Iterator[str]:
    """For each name, what it wants and what that wants, down to itself."""
    for name in names:
        yield from recursive_dependencies(database, name)


def all_dependents(database: Database, names: Sequence[str]) -> Iterator[str]:
    """For each name, what wants it and what wants that, down to itself."""
    for name in names:
        yield from recursive_dependents(database, name)


def folders_in_order(database: Database, names: Sequence[str], warn: Warn) -> Iterator[str]:
    """The folders of the aports that make packages, in the order in which they can be built."""
    for name in names:
        _made_by(database, name, warn)
    for aport in build_order(database, names):
        yield aport.folder


def lacking(database: Database, builds: Builds, warn: Warn) -> Iterator[str]:
    """The folders of aports whose packages are not all there, in the order in which they can be built."""
    return folders_in_order(database, [a.pkgname for a in main_aports(database) if builds.lack(a)], warn)


def remote_sources(database: Database, names: Sequence[str], warn: Warn) -> Iterator[SourceUse]:
    """The sources of aports that are not in their folders."""
    for name in names:
        for aport in _made_by(database, name, warn):
            pkgver = aport.value("pkgver")
            # lua-aports takes pkgver for a pattern, in which a dot stands for any character.
            pattern = re.escape(pkgver).replace(r"\.", ".")
            for source in aport.words("source"):
                if _REMOTE.match(source):
                    yield SourceUse(aport.pkgname, pkgver, source, *re.subn(pattern, "$VERSION", source))


def unwanted(database: Database) -> Iterator[str]:
    """The aports whose own name nothing depends on."""
    for aport in main_aports(database):
        if aport.pkgname not in database.dependents:
            yield aport.pkgname


def dependency_circles(database: Database, names: Sequence[str], warn: Warn) -> Iterator[Circle]:
    """Aports that want each other: all, or those that the named packages lead to."""
    roots = [aport for name in names for aport in _made_by(database, name, warn)] if names else None
    edges = edges_between(database, roots)
    for group in circles(edges):
        path = shortest_circle(edges, group)
        yield Circle([database.by_folder[folder].pkgname for folder in path], group)


def described(database: Database) -> dict[str, dict[str, object]]:
    """What the recipes say, by pkgname; of aports with the same name, the last one."""
    return {aport.pkgname: _description(aport) for aport in main_aports(database)}


def _description(aport: Aport) -> dict[str, object]:
    description: dict[str, object] = {
        name: aport.value(name) for name in ("pkgname", "pkgver", "pkgdesc", "url", "license")
    }
    pkgrel = aport.value("pkgrel")
    if pkgrel.isascii() and pkgrel.isdigit():
        description["pkgrel"] = int(pkgrel)
    description |= {
        "arch": list(dict.fromkeys(aport.words("arch"))),
        "depends": aport.names("depends"),
        "makedepends": aport.names("makedepends", "makedepends_host", "makedepends_build"),
        "checkdepends": aport.names("checkdepends"),
        "subpackages": aport.subpackages,
        "source": aport.words("source"),
    }
    maintainer = _maintainer(aport)
    if maintainer is not None:
        description["maintainer"] = maintainer
    return description


def _maintainer(aport: Aport) -> str | None:
    try:
        with open(os.path.join(aport.folder, "APKBUILD"), "rb") as stream:
            found = _MAINTAINER.search(stream.read())
    except OSError:
        return None
    return found[1].decode("utf-8", "surrogateescape") if found else None


def _made_by(database: Database, name: str, warn: Warn) -> Sequence[Aport]:
    if name not in database.by_name:
        warn(name)
    return database.by_name.get(name, ())

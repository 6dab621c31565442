# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluated recipe: what the shell said an APKBUILD means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Subpackage:
    """One element of ``subpackages``: ``name[:split[:arch]]`` with the defaults filled in.

    ``split`` is the name of the split function; ``arch`` is the resulting architecture of the package (``noarch`` stays
    ``noarch``) and ``triplet`` the one whose tools (strip) serve it.
    """

    name: str
    split: str
    arch: str
    triplet: str


@dataclass(frozen=True, slots=True)
class Source:
    """One element of ``source``: the file's name, where it comes from and whether that is a URL."""

    entry: str
    name: str
    uri: str
    remote: bool


@dataclass(frozen=True, slots=True)
class Recipe:
    """An APKBUILD after evaluation. Lists are split as the shell splits them; ``variables`` has the raw values."""

    path: Path
    startdir: Path
    repo: str
    pkgname: str
    pkgver: str
    pkgrel: str
    pkgdesc: str
    url: str
    license: str
    maintainer: str
    pkgarch: str
    builddir: str
    arch: tuple[str, ...]
    depends: tuple[str, ...]
    makedepends: tuple[str, ...]
    makedepends_build: tuple[str, ...]
    makedepends_host: tuple[str, ...]
    checkdepends: tuple[str, ...]
    provides: tuple[str, ...]
    replaces: tuple[str, ...]
    install_if: tuple[str, ...]
    install: tuple[str, ...]
    triggers: tuple[str, ...]
    options: tuple[str, ...]
    pkgusers: tuple[str, ...]
    pkggroups: tuple[str, ...]
    subpackages: tuple[Subpackage, ...]
    source: tuple[Source, ...]
    checksums: tuple[tuple[str, str], ...]
    """Pairs of (hash, name) in the order written; their algorithm is ``sum_algorithm``."""
    sum_algorithm: str
    """``sha512``, or ``sha256`` for old recipes that have no sha512sums."""
    functions: frozenset[str]
    """Every function the recipe itself defines (or redefines)."""
    variables: Mapping[str, str] = field(repr=False)
    """Raw values by variable name, unset ones left out."""

    @property
    def version(self) -> str:
        """``pkgver-rPKGREL``."""
        return f"{self.pkgver}-r{self.pkgrel}"

    @property
    def package_names(self) -> tuple[str, ...]:
        """The main package's name, then the subpackages' in list order."""
        return (self.pkgname, *(s.name for s in self.subpackages))

    def arch_of(self, package: str) -> str:
        """Architecture of the package of that name (KeyError if the recipe does not make it)."""
        if package == self.pkgname:
            return self.pkgarch
        for sub in self.subpackages:
            if sub.name == package:
                return sub.arch
        raise KeyError(package)

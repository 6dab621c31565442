# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of ``abuild validate``, applied to what is certain of a recipe that has not been run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from abuildpy.recipe.finding import Finding
from abuildpy.recipe.model import Recipe, Source, Subpackage
from abuildpy.recipe.static import StaticValues
from abuildpy.recipe.subpackages import default_split
from abuildpy.recipe.validate import every_finding
from abuildpy.source.uri import file_name, is_remote, remote_uri

_VARIABLES = (
    "pkgname pkgver pkgrel pkgdesc url license depends makedepends makedepends_build makedepends_host install triggers "
    "source options provides sha512sums sha256sums depends_dev maintainer subpackages replaces_priority provider_priority "
    "depend makedepend pkguser pkggroup subpackage checkdepend conflicts"
).split()


def known_faults(path: Path, data: bytes, values: StaticValues, *, require_check: bool) -> tuple[Finding, ...]:
    """What ``abuild validate`` would say of a recipe (its path, text and certain values), all of it.

    Rules that read a variable whose value is not certain are left out.
    """
    known = {name: value for name in _VARIABLES if (value := values.value(name)) is not None}
    unknown = {name for name in _VARIABLES if name not in known}
    functions = values.functions
    if functions is None:
        unknown.add("()")
    return tuple(
        every_finding(
            _recipe(path, known, functions or frozenset()),
            data.decode("utf-8", "surrogateescape"),
            unknown=unknown,
            require_check=require_check,
        )
    )


def _recipe(path: Path, known: Mapping[str, str], functions: frozenset[str]) -> Recipe:
    def words(name: str) -> tuple[str, ...]:
        return tuple(known.get(name, "").split())

    subpackages = []
    for entry in words("subpackages"):
        name, _, rest = entry.partition(":")
        subpackages.append(Subpackage(name, rest.partition(":")[0] or default_split(name), "", ""))
    makedepends = words("makedepends") or (*words("makedepends_build"), *words("makedepends_host"))
    return Recipe(
        path=path,
        startdir=path.parent,
        repo=path.parent.parent.name,
        pkgname=known.get("pkgname", ""),
        pkgver=known.get("pkgver", ""),
        pkgrel=known.get("pkgrel", ""),
        pkgdesc=known.get("pkgdesc", ""),
        url=known.get("url", ""),
        license=known.get("license", ""),
        maintainer=known.get("maintainer", ""),
        pkgarch="",
        builddir="",
        arch=(),
        depends=words("depends"),
        makedepends=makedepends,
        makedepends_build=words("makedepends_build"),
        makedepends_host=words("makedepends_host"),
        checkdepends=(),
        provides=words("provides"),
        replaces=(),
        install_if=(),
        install=words("install"),
        triggers=words("triggers"),
        options=words("options"),
        pkgusers=(),
        pkggroups=(),
        subpackages=tuple(subpackages),
        source=tuple(Source(w, file_name(w), remote_uri(w), is_remote(w)) for w in words("source")),
        checksums=(),
        sum_algorithm="sha512",
        functions=functions,
        variables=known,
    )

# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes as planning sees them: what each makes, what it wants, and which repositories it may take that from."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from abuildpy.aports.database import Aport, Evaluate
from abuildpy.aports.tree import find_recipes
from abuildpy.batch.model import Absence, NeedKind
from abuildpy.errors import RecipeError
from abuildpy.repository.apkclient import repositories as repositories_of_template
from abuildpy.repository.cleanroot import TEMPLATE

_OF_SUBPACKAGES = {f"-{name}": f"depends_{name}" for name in ("dev", "doc", "libs", "openrc", "static")}
"""What abuild's own split functions give a subpackage to depend on (abuild 3.18), by the ending of its name."""


@dataclass(frozen=True)
class Repository:
    """A folder of recipes, absolute."""

    folder: str

    @cached_property
    def name(self) -> str:
        """Its name, as in ``main/foo``."""
        return os.path.basename(self.folder)

    @cached_property
    def sees(self) -> tuple[str, ...]:
        """Names of the repositories that its recipes may take packages from, in their order, itself among them.

        Empty where there is no ``.rootbld-repositories``: nothing is known then, and all of a batch may serve.
        """
        template = Path(self.folder, TEMPLATE)
        if not template.is_file():
            return ()
        found = repositories_of_template("", self.name, template)
        # Itself is put first in any case; where the file has a place for it, that is its place.
        names = [path.rpartition("/")[2] for path in found]
        return tuple(dict.fromkeys(names[1:] if self.name in names[1:] else names))

    def hides(self, other: Repository) -> bool:
        """Whether its recipes may not take packages from another one."""
        return bool(self.sees) and other.name not in self.sees


@dataclass(frozen=True, eq=False)
class Node:
    """One recipe. ``folder`` is absolute; what there is beyond that is worked out when it is first asked for."""

    name: str
    folder: str
    repository: Repository
    aport: Aport

    @cached_property
    def pkgname(self) -> str:
        """Name of its main package."""
        return self.aport.pkgname

    @cached_property
    def version(self) -> str:
        """``pkgver-rPKGREL``."""
        return f"{self.aport.value('pkgver')}-r{self.aport.value('pkgrel')}"

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """All that it makes: the main package, then the subpackages."""
        return tuple(dict.fromkeys(self.aport.packages))

    @cached_property
    def provider_priority(self) -> int:
        """Of the main package; 0 where it has none."""
        digits = self.aport.value("provider_priority")
        return int(digits) if digits.isascii() and digits.isdigit() else 0

    def wanted(self, variables: Mapping[str, str]) -> list[tuple[str, NeedKind]]:
        """What has to be installed for its build, as the recipe spells it, each word once (abuild 3.18, calc_deps).

        ``variables`` are the configuration's. ``build-base``, which everything wants, is taken to be there, and packages of
        its own are not wanted.
        """
        found: dict[str, NeedKind] = {}
        aport = self.aport
        cross = variables.get("CBUILD", "") != variables.get("CHOST", "")
        parts = aport.words("makedepends_build") + aport.words("makedepends_host")
        if cross and parts:
            kinds: tuple[tuple[NeedKind, list[str]], ...] = (("makedepends", parts),)
        else:
            kinds = (
                ("makedepends", aport.words("makedepends") or parts),
                ("checkdepends", aport.words("checkdepends") if self._is_checked(cross, variables) else []),
                ("depends", aport.words("depends")),
            )
        for kind, words in kinds:
            for word in words:
                found.setdefault(word, kind)
        return list(found.items())

    def _is_checked(self, cross: bool, variables: Mapping[str, str]) -> bool:
        options = self.aport.words("options")
        return not (cross or variables.get("ABUILD_BOOTSTRAP")) and not (
            "!check" in options or f"{self.pkgname}::!check" in options
        )

    def runtime(self, package: str) -> list[str]:
        """What one of its packages depends on, as far as the recipe alone tells."""
        if package == self.pkgname:
            return self.aport.words("depends")
        variable = _OF_SUBPACKAGES.get(package[package.rfind("-") :])
        return self.aport.words(variable) if variable else []

    def absence(self, arch: str) -> Absence | None:
        """Why it is not to be built for an architecture; None if it is."""
        if self.aport.builds_on(arch):
            return None
        return "arch" if any(word[0] != "!" for word in self.aport.words("arch")) else "disabled"


@dataclass(frozen=True, slots=True)
class Unread:
    """A recipe that cannot be evaluated."""

    name: str
    folder: str
    repository: Repository
    error: RecipeError


@dataclass(frozen=True, slots=True)
class Said:
    """Lines that a recipe printed while it was evaluated."""

    folder: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipes:
    """Evaluated recipes, in the order asked for."""

    nodes: tuple[Node, ...] = ()
    unread: tuple[Unread, ...] = ()
    said: tuple[Said, ...] = ()


def name_of(folder: str) -> str:
    """The name of the recipe in a folder (absolute): ``main/foo``."""
    return "/".join(folder.rsplit("/", 2)[-2:])


def recipe_folders(repository: str) -> list[str]:
    """The folders of all recipes of a repository (absolute, without symbolic links). Raises RecipeError."""
    return list(dict.fromkeys(os.path.dirname(place.apkbuild) for place in find_recipes(repository)))


def read_recipes(folders: Iterable[str], evaluate: Evaluate) -> Recipes:
    """Evaluates the recipes in some folders (absolute, without symbolic links).

    Raises RecipeError if two of them have the same name.
    """
    places = list(dict.fromkeys(folders))
    named: dict[str, str] = {}
    for folder in places:
        if named.setdefault(name_of(folder), folder) != folder:
            raise RecipeError(
                f"two recipes are called {name_of(folder)}: in {named[name_of(folder)]} and in {folder}",
                hint="build them one after the other",
            )
    nodes: list[Node] = []
    unread: list[Unread] = []
    said: list[Said] = []
    repositories: dict[str, Repository] = {}
    for folder, answer in zip(places, evaluate([f"{folder}/APKBUILD" for folder in places]), strict=True):
        where = os.path.dirname(folder)
        repository = repositories.get(where) or repositories.setdefault(where, Repository(where))
        name = f"{repository.name}/{folder[len(where) + 1 :]}"
        variables, error = answer.variables, answer.error
        pkgname = "" if error else variables.get("pkgname", "")
        if answer.said:
            said.append(Said(folder, answer.said))
        if pkgname:
            nodes.append(Node(name, folder, repository, Aport(folder, pkgname, variables)))
        else:
            error = error or RecipeError(f"{folder}/APKBUILD: it sets no pkgname", hint="set pkgname")
            unread.append(Unread(name, folder, repository, error))
    return Recipes(tuple(nodes), tuple(unread), tuple(said))


def in_order(repositories: Sequence[Repository]) -> list[Repository]:
    """Repositories with those first that others take packages from; where that decides nothing, in the order given."""
    given = {repository.name: repository for repository in repositories}
    found: dict[str, Repository] = {}
    for repository in repositories:
        for name in (*repository.sees, repository.name):
            if name in given:
                found.setdefault(name, given[name])
    return list(found.values())

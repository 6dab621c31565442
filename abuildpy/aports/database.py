# SPDX-License-Identifier: GPL-3.0-or-later
"""What the aports of a tree are, by everything they can be asked for.

The rules are those of lua-aports 1.3: what counts as a dependency, and that a name means every aport with a package of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from abuildpy.aports.tree import find_recipes
from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import Answer
from abuildpy.shell import words

Evaluate = Callable[[Iterable[str]], Iterable[Answer]]
"""Evaluates recipes (absolute paths of APKBUILDs); one answer for each, in the order given."""

_CONSTRAINT = re.compile(r"[=<>~]\S*")
_BLANKS = re.compile(r"[ \t\n]+")
_SPLIT = re.compile(r":\S*")


@dataclass(frozen=True, eq=False)
class Aport:
    """One recipe. ``folder`` is spelled as the repository was that it was found in.

    What there is beyond that is worked out when it is first asked for: few questions need all of it.
    """

    folder: str
    pkgname: str
    variables: Mapping[str, str]

    @property
    def subpackages(self) -> Sequence[str]:
        """Names of the subpackages, language packs among them."""
        subpackages = self.variables.get("subpackages", "")
        made = _words(_SPLIT.sub("", subpackages)) if subpackages else []
        linguas = self.variables.get("linguas", "")
        return made + [f"{self.pkgname}-lang-{lingua}" for lingua in _words(linguas)] if linguas else made

    @property
    def provides(self) -> Sequence[str]:
        """Names that it provides, without versions."""
        return self.names("provides")

    @cached_property
    def dependencies(self) -> Sequence[str]:
        """Names, without versions, that a build wants: also ``depends`` and, if it has a check, ``checkdepends``."""
        get = self.variables.get
        wanted = f"{get('depends', '')} {get('makedepends', '')} {get('makedepends_host', '')} {get('makedepends_build', '')}"
        if (checkdepends := get("checkdepends", "")) and "!check" not in self.words("options"):
            wanted = f"{wanted} {checkdepends}"
        return _names(wanted)

    def value(self, name: str) -> str:
        """A variable, each run of white space in it a blank, as ``echo $name`` between other texts gives it."""
        return _BLANKS.sub(" ", self.variables.get(name, ""))

    def words(self, name: str) -> list[str]:
        """The words of a variable."""
        return _words(self.variables.get(name, ""))

    def names(self, *names: str) -> list[str]:
        """The words of some variables, without versions."""
        return _names(" ".join(self.variables.get(name, "") for name in names))

    @property
    def packages(self) -> tuple[str, ...]:
        """All that it makes: the main package, then the subpackages."""
        return (self.pkgname, *self.subpackages)

    @property
    def repository(self) -> str:
        """The name of the repository it lies in, e.g. ``main``."""
        return os.path.basename(os.path.abspath(os.path.dirname(self.folder)))

    def builds_on(self, arch: str) -> bool:
        """Whether it is meant for an architecture."""
        named = self.words("arch")
        return f"!{arch}" not in named and any(name in named for name in ("all", "noarch", arch))

    def apk(self, package: str) -> str:
        """The name of the file that a package of it is in."""
        return f"{package}-{self.value('pkgver')}-r{self.value('pkgrel')}.apk"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A recipe that cannot be evaluated, or said something while it was: ``said`` are its lines."""

    folder: str
    said: tuple[str, ...]
    error: RecipeError | None


@dataclass(frozen=True, eq=False)
class Database:
    """The aports in the order of their recipes; so they stand wherever there are several of them."""

    aports: Sequence[Aport]
    troubles: Sequence[Trouble] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Sequence[Aport]]:
        """The aports that make each package."""
        return _by_each(self.aports, lambda aport: aport.packages)

    @cached_property
    def by_provided(self) -> Mapping[str, Sequence[Aport]]:
        """The aports that have each name in ``provides``."""
        return _by_each(self.aports, lambda aport: aport.provides)

    @cached_property
    def dependents(self) -> Mapping[str, Sequence[Aport]]:
        """The aports that depend on each name; one that does twice stands there twice."""
        return _by_each(self.aports, lambda aport: aport.dependencies)

    @cached_property
    def by_folder(self) -> Mapping[str, Aport]:
        """Each aport by its folder."""
        return {aport.folder: aport for aport in self.aports}

    def knows(self, name: str) -> bool:
        """Whether anything makes or provides it."""
        return name in self.by_name or name in self.by_provided

    def providers(self, name: str) -> Iterator[Aport]:
        """Aports that make a package of that name, then those that provide it."""
        yield from self.by_name.get(name, ())
        yield from self.by_provided.get(name, ())


def read_database(repositories: Iterable[str], evaluate: Evaluate) -> Database:
    """The aports of some repositories (folders). Recipes that cannot be evaluated are among the troubles.

    Raises RecipeError if one of the folders is not there or holds no recipe.
    """
    places = [place for repository in repositories for place in find_recipes(repository)]
    aports: list[Aport] = []
    troubles: list[Trouble] = []
    for place, answer in zip(places, evaluate([place.apkbuild for place in places]), strict=True):
        error, variables = answer.error, answer.variables
        pkgname = "" if error else variables.get("pkgname", "")
        if pkgname:
            aports.append(Aport(place.folder, pkgname, variables))
        elif error is None:
            error = RecipeError(f"{place.apkbuild}: it sets no pkgname")
        if error is not None or answer.said:
            troubles.append(Trouble(place.folder, answer.said, error))
    return Database(aports, troubles)


def _by_each(aports: Sequence[Aport], names: Callable[[Aport], Sequence[str]]) -> dict[str, list[Aport]]:
    found: dict[str, list[Aport]] = {}
    for aport in aports:
        for name in names(aport):
            if name in found:
                found[name].append(aport)
            else:
                found[name] = [aport]
    return found


def _words(text: str) -> list[str]:
    # The shell knows no white space beyond ASCII; where there is none, the quick way is the same.
    return text.split() if text.isascii() else list(words({"": text}, ""))


def _names(text: str) -> list[str]:
    return _words(_CONSTRAINT.sub("", text)) if text else []

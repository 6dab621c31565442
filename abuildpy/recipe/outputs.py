# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package files a recipe makes, and whether they are there and up to date, from its variables alone.

"Is there anything to do?" is the most frequent run of all, so this works on plain strings and imports next to nothing.
"""

from __future__ import annotations

import os

from abuildpy.errors import RecipeError
from abuildpy.recipe.subpackages import parse_subpackage
from abuildpy.shell import words
from abuildpy.source.uri import file_name, is_remote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abuildpy.config import Config


class Outputs:
    """The packages of one recipe. ``variables`` are those that its evaluation gave; paths are absolute."""

    def __init__(self, variables: Mapping[str, str], repodest: str) -> None:
        self._variables = variables
        self._repodest = repodest
        value = variables.get
        self.version = f"{value('pkgver', '')}-r{value('pkgrel', '')}"
        self.arches = {value("pkgname", ""): value("pkgarch", "")}
        """Architecture by package name, main package first."""
        for word in words(variables, "subpackages"):
            name, _, arch, _ = parse_subpackage(word, variables)
            self.arches[name] = arch

    def require_safe(self) -> None:
        """Raises RecipeError for a name, version, repository or architecture that would lead out of its folder."""
        if not self._variables.get("pkgver"):
            raise RecipeError("pkgver is missing", hint="every package needs a version")
        repo = self._variables.get("repo", "")  # a folder's name, so nearly anything may stand in it
        if "/" in repo or "\0" in repo or repo in ("", ".", ".."):
            raise RecipeError(f"'{repo}' is not a valid name of a repository", hint="does the recipe set repo?")
        for what in (*self.arches, self.version, *self.arches.values()):
            if "/" in what or "\0" in what or what.startswith((".", "-")) or not what or len(what.split()) != 1:
                raise RecipeError(
                    f"'{what}' is not a valid package name, version or architecture",
                    hint="use letters, digits and . _ + - only",
                )

    @property
    def file_names(self) -> tuple[str, ...]:
        """Name of every package's file."""
        return tuple(f"{name}-{self.version}.apk" for name in self.arches)

    def folder(self, arch: str) -> str:
        """Where packages of an architecture go; noarch ones live with those of CARCH."""
        carch = self._variables.get("CARCH", "")
        return os.path.join(self._repodest, self._variables.get("repo", ""), carch if arch == "noarch" else arch)

    def path(self, name: str) -> str:
        """The file of one package."""
        return os.path.join(self.folder(self.arches[name]), f"{name}-{self.version}.apk")

    @property
    def paths(self) -> tuple[str, ...]:
        """The files of all packages, main package first."""
        return tuple(self.path(name) for name in self.arches)

    @property
    def for_this_arch(self) -> bool:
        """Whether ``arch`` lists the architecture we build for and does not exclude it (``all !s390x``)."""
        carch = self._variables.get("CARCH", "")
        listed = words(self._variables, "arch")
        return not {"all", "noarch", carch}.isdisjoint(listed) and f"!{carch}" not in listed

    def up_to_date(self, *, keep: bool) -> bool:
        """Whether packages and indexes exist and are newer than what they are made of."""
        return self.packages_up_to_date(keep=keep) and all(
            _age(path) <= _age(os.path.join(os.path.dirname(path), "APKINDEX.tar.gz")) for path in self.paths
        )

    def packages_up_to_date(self, *, keep: bool) -> bool:
        """Whether every package exists and, unless ``keep``, the main one is not older than any input."""
        self.require_safe()
        paths = self.paths
        if not all(map(os.path.isfile, paths)):
            return False
        built = _age(paths[0])
        return keep or all(_age(path) <= built for path in self._inputs())

    def _inputs(self) -> Iterator[str]:
        variables = self._variables
        startdir = variables.get("startdir", "")
        yield variables.get("APKBUILD", "")
        for script in words(variables, "install"):
            yield os.path.join(startdir, os.path.basename(script))
        for trigger in words(variables, "triggers"):
            yield os.path.join(startdir, os.path.basename(trigger.rpartition("=")[0]))
        for source in words(variables, "source"):
            folder = (variables.get("SRCDEST") or startdir) if is_remote(source) else startdir
            yield os.path.join(folder, file_name(source))


def nothing_to_do(outputs: Outputs, config: Config, *, keep: bool) -> str | None:
    """Why ``all`` has nothing to do, in abuild's words; None if it has."""
    if not outputs.for_this_arch:
        return f"not available for the target architecture ({config.carch}). Skipping."
    return "Package is up to date" if outputs.up_to_date(keep=keep) else None


def _age(path: str) -> int:
    """Modification time in nanoseconds; 0 for what does not exist (then it is newer than nothing)."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0

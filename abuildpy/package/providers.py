# SPDX-License-Identifier: GPL-3.0-or-later
"""How tracing asks which package provides something."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class ProviderLookup(Protocol):
    """One source of knowledge about packages: a database of installed ones, or a repository's index."""

    @property
    def available(self) -> bool:
        """Whether there is anything to ask: without a database every answer is None."""

    def provides(self, dependency: str) -> str | None:
        """Name of a package that satisfies ``dependency`` (``so:libz.so.1``, ``pc:zlib>=1.2``), None if
        there is none.
        """

    def owner_of(self, path: str) -> str | None:
        """Name of the package that owns the absolute ``path``, None if none does."""


class NoLookup:
    """Knows nothing, because there is no database."""

    @property
    def available(self) -> bool:
        """Never."""
        return False

    def provides(self, dependency: str) -> str | None:  # noqa: ARG002
        """Nothing."""
        return None

    def owner_of(self, path: str) -> str | None:  # noqa: ARG002
        """Nobody."""
        return None


@dataclass(frozen=True, slots=True)
class Providers:
    """Who is asked, in this order, for what the packages of one build do not provide themselves.

    ``root`` is where the installed packages live (CBUILDROOT when cross compiling), for libraries that no
    package names as provided.
    """

    installed: ProviderLookup
    index: ProviderLookup
    root: str = "/"

    def of(self, dependency: str) -> str | None:
        """Name of the package that satisfies ``dependency``."""
        return self.installed.provides(dependency) or self.index.provides(dependency)

    @property
    def known(self) -> bool:
        """Whether an answer "none" means something: only a database of installed packages knows the whole
        system.
        """
        return self.installed.available

    def owner_of_library(self, name: str, directories: Iterable[str]) -> tuple[str | None, str | None]:
        """(path, owning package) of the file ``name`` in the first of ``directories`` that has one; None
        for unknown.
        """
        for directory in directories:
            path = os.path.normpath(f"/{directory}/{name}".replace("//", "/"))
            place = os.path.join(self.root, path.lstrip("/"))
            if not os.path.exists(place):
                continue
            owner = None
            if self.root == "/":
                owner = self.installed.owner_of(os.path.realpath(place))
            return path, owner or self.installed.owner_of(path)
        return None, None


def usable_name(name: str) -> bool:
    """Whether apk reads ``name`` as one name: no blanks or control characters, no operator, no repository
    tag.
    """
    return name.isprintable() and name != "" and not any(c.isspace() or c in "<>=~@" for c in name)

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a recipe's upstream: where it publishes, how it spells versions, which is the newest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.repository.version import compare


@dataclass(frozen=True, slots=True)
class Form:
    """How a version stands in a tag or a file's name: ``before`` it, ``after`` it, and what separates its numbers.

    ``release-1_2`` is Form("release-", "", "_"). With ``loose`` nothing is known, and any usual spelling is taken.
    """

    before: str = ""
    after: str = ""
    separator: str = "."
    loose: bool = False

    def __str__(self) -> str:
        return "any" if self.loose else f"{self.before}{self.separator.join('12')}{self.after}"


@dataclass(frozen=True, slots=True)
class Upstream:
    """A source of truth: ``kind`` (``github``, ``listing``...), the project there, and the address to be asked first.

    ``form`` is how a version stands in its tags or file names. ``guessed`` marks a last resort, found by name alone.
    """

    kind: str
    project: str
    address: str
    form: Form = field(default=Form(loose=True))
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """A version that upstream published: in apk's spelling, and as upstream spells it. ``date`` is ISO 8601 or empty."""

    version: str
    name: str
    date: str = ""
    prerelease: bool = False


@dataclass(frozen=True, slots=True)
class Newest:
    """The answer about one recipe.

    ``source`` is None where no upstream was recognised; ``version`` (apk's spelling, without pkgrel) is None where none that
    counts was found; ``name`` is how upstream spells it. ``error`` tells why nothing is known. ``releases`` are all versions
    that upstream was heard to have, also those that do not count, the newest first; ``complete`` tells whether it has no others.
    """

    pkgname: str
    path: Path
    """The APKBUILD."""
    current: str
    """The recipe's pkgver."""
    source: Upstream | None = None
    version: str | None = None
    name: str = ""
    date: str = ""
    releases: tuple[Release, ...] = field(default=(), repr=False)
    complete: bool = False
    error: str | None = None

    @property
    def is_newer(self) -> bool:
        """Whether upstream has a newer version than the recipe."""
        return self.version is not None and compare(self.version, self.current) > 0

    def exists(self, version: str) -> bool | None:
        """Whether upstream has a version (apk's spelling, without pkgrel); None where the source cannot tell."""
        if any(release.version == version or compare(release.version, version) == 0 for release in self.releases):
            return True
        return False if self.complete and self.error is None else None

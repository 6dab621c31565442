# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a recipe's upstream: where it publishes, how it spells versions, which is the newest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.repository.version import compare


@dataclass(frozen=True, slots=True)
class Form:
    """How a version stands in a tag or a file's name: ``before`` it, ``after`` it, and what may separate its numbers.

    ``release-1_2`` is Form("release-", "", "_"). ``widths`` are the digits of each number where nothing separates them.
    With ``glued`` the recipe has the numbers as one: a date, 20240131 for 2024-01-31. With ``loose`` nothing is known of the
    form, and the usual ones are taken.
    """

    before: str = ""
    after: str = ""
    separators: str = "."
    widths: tuple[int, ...] = ()
    glued: bool = False
    loose: bool = False

    def __str__(self) -> str:
        if self.loose:
            return "any"
        numbers = "12" if self.widths else f"1{self.separators}2"
        return f"{self.before}{{{numbers}}}{self.after}"


LOOSE = Form(loose=True)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A source of truth: ``kind`` (``github``, ``listing``...), the project there, and the address to be asked first.

    ``form`` is how a version stands in its tags or file names. ``template`` is the recipe's own source with ``{}`` for the
    version and ``{N}`` for its first N numbers, where folders are walked. ``current`` is upstream's version that the recipe
    packages, where its pkgver is another thing (a kernel's, for a module). ``guessed`` marks a last resort, found by name
    alone.
    """

    kind: str
    project: str
    address: str
    form: Form = LOOSE
    template: str = ""
    current: str = ""
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
    beyond: str = ""
    """A newer version that does not count because the recipe is kept for a series, as its name tells or somebody says."""
    releases: tuple[Release, ...] = field(default=(), repr=False)
    complete: bool = False
    unread: tuple[str, ...] = field(default=(), repr=False)
    """Tags and files in which no version was read: they have another form, or none."""
    error: str | None = None

    @property
    def is_newer(self) -> bool:
        """Whether upstream has a newer version than the recipe."""
        if self.version is None or same_version(self.version, self.packaged):
            return False
        return compare(self.version, self.packaged) > 0

    @property
    def packaged(self) -> str:
        """Upstream's version that the recipe packages, in apk's spelling: mostly its pkgver."""
        return (self.source.current if self.source else "") or self.current

    def exists(self, version: str) -> bool | None:
        """Whether upstream has a version (apk's spelling, without pkgrel); None where the source cannot tell."""
        if any(same_version(release.version, version) for release in self.releases):
            return True
        if not self.complete or not self.releases:
            return None
        from abuildpy.maintain.upstream.spelling import find_form

        # A tag that is not of the recipe's form may be that very version all the same.
        return None if any(find_form(name, version) for name in self.unread) else False


def same_version(one: str, other: str) -> bool:
    """Whether two spellings are of one version: upstreams leave zeros at the end away, or do not."""
    return _bare(one) == _bare(other)


def _bare(version: str) -> str:
    """A version without zeros at the end of its numbers: upstreams call the same one 1.2 and 1.2.0."""
    return re.sub(r"\A(\d+(?:\.\d+)*?)(?:\.0+)+(?![\d.])", r"\1", version)

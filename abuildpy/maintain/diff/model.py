# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two packages, as plain data: sections of changes, and what they mean for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

Sign = Literal["+", "-", "~", ">"]
"""Added, removed, changed, renamed."""

Impact = Literal["abi", "provides", ""]
"""Whom a change concerns beyond the package itself.

``abi``: programs that were linked with its libraries may not start, or go wrong. ``provides``: a name that others may depend
on (``pc:``, ``cmd:``, ``py3.12:``, any other) is gone.
"""

SectionName = Literal[
    "metadata", "depends", "provides", "libraries", "symbols", "effects", "scripts", "files", "contents", "build"
]
SECTIONS: Final[tuple[SectionName, ...]] = get_args(SectionName)

TITLES: Final[dict[SectionName, str]] = {
    "metadata": "Metadata",
    "depends": "Dependencies",
    "provides": "Provides",
    "libraries": "Libraries",
    "symbols": "Symbols",
    "effects": "When installed",
    "scripts": "Scripts",
    "files": "Files",
    "contents": "Contents",
    "build": "Of the build only",
}

Verdict = Literal["same", "differs", "provides", "abi"]
"""From harmless to grave: nothing that counts; something, and nobody else is concerned; names are lost; the ABI changed."""

VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Package:
    """One of the packages compared. ``size`` is that of the file, ``installed_size`` what its ``.PKGINFO`` says; in bytes."""

    path: Path
    name: str
    version: str
    arch: str
    origin: str
    size: int
    installed_size: int

    @property
    def label(self) -> str:
        """``foo-1.0-r0``."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    ``what`` is a field, a dependency, a path, a symbol; ``where`` what it belongs to, if that is worth a heading (a
    library). ``old`` and ``new`` are empty where there is nothing on that side. ``note`` says what it means, ``lines`` are
    those of a unified diff.
    """

    sign: Sign
    what: str
    old: str = ""
    new: str = ""
    note: str = ""
    impact: Impact = ""
    where: str = ""
    lines: tuple[str, ...] = ()
    readable: str = ""
    """Of a symbol whose name is mangled (C++, Rust): what the source calls it, without its version. Empty: not known."""


@dataclass(frozen=True, slots=True)
class Section:
    """All changes of one kind; there is at least one."""

    name: SectionName
    changes: tuple[Change, ...]

    @property
    def title(self) -> str:
        """Its heading."""
        return TITLES[self.name]


@dataclass(frozen=True, slots=True)
class Provided:
    """A name that was provided and is not any more, or in another version, or by a library with another ABI.

    ``old`` and ``new`` are versions (empty: none was given); ``new`` is None where the name is gone. ``abi`` tells that the
    name stayed while the ABI behind it changed. The package's own name is one of those that it provides.
    """

    name: str
    old: str
    new: str | None
    abi: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two packages. Either side may be missing: then the package came or went.

    ``sections`` holds those that have changes, in the order of SECTIONS; ``provided`` what those who depend on the package
    have to look at. ``unseen`` tells what could not be compared, and why.
    """

    old: Package | None
    new: Package | None
    sections: tuple[Section, ...] = ()
    provided: tuple[Provided, ...] = ()
    unseen: tuple[str, ...] = ()

    def section(self, name: SectionName) -> tuple[Change, ...]:
        """The changes of one section."""
        return next((section.changes for section in self.sections if section.name == name), ())

    @property
    def changes(self) -> Iterator[Change]:
        """All changes."""
        return (change for section in self.sections for change in section.changes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs but what differs from build to build: times, commit, and the hash of it all."""
        return all(section.name == "build" for section in self.sections)

    @property
    def abi_changed(self) -> bool:
        """Whether programs that were linked with its libraries may fail."""
        return any(change.impact == "abi" for change in self.changes)

    @property
    def lost_provides(self) -> tuple[str, ...]:
        """Names that others may depend on and that are gone, without versions; sonames (``so:``) among them."""
        return tuple(each.name for each in self.provided if each.new is None)

    @property
    def verdict(self) -> Verdict:
        """The gravest that applies."""
        if self.abi_changed:
            return "abi"
        if any(change.impact == "provides" for change in self.changes):
            return "provides"
        return "same" if self.is_empty else "differs"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Packages compared pairwise, by name; those that came or went stand among them with one side missing."""

    differences: tuple[Difference, ...]

    @property
    def verdict(self) -> Verdict:
        """The gravest of all."""
        return max((each.verdict for each in self.differences), key=VERDICTS.index, default="same")

    @property
    def provided(self) -> tuple[Provided, ...]:
        """What those who depend on any of them have to look at, each name once."""
        return tuple({each.name: each for difference in self.differences for each in difference.provided}.values())

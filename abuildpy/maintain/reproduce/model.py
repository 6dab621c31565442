# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found out about a recipe's packages when they are built again, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

VARIATIONS: Final = {
    "time": "the time",
    "zone": "the time zone",
    "locale": "the locale",
    "umask": "the caller's umask",
    "user": "the user, their number and home",
    "cores": "the number of cores and of jobs",
    "order": "the order in which folders are read",
    "host": "the machine's name",
    "environment": "variables that nobody asked for",
    "path": "the folder that it is built in",
}
"""What can be varied, and how messages call it."""

DEFAULT: Final = tuple(name for name in VARIATIONS if name != "path")

Result = Literal["reproducible", "different", "unbuildable"]
"""``unbuildable``: the second build failed where the first did not."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A variation: ``how`` it was done, or why it was not (then ``applied`` is False)."""

    name: str
    applied: bool
    how: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the bytes of a file tell of why it differs.

    ``cause`` is a key of ``causes.CAUSES`` and ``form`` says what bears it (``gzip header``, ``text``). ``where`` leads into
    the file, as ``offset 0x1c`` or ``member a.o, offset 0x10``; ``first`` and ``second`` are what stands there. ``sure`` is
    False where the bytes fit the cause, but others as well; ``follows`` tells that it is itself only the effect of another
    difference (a hash over what differs).
    """

    cause: str
    form: str
    where: str
    first: str
    second: str
    sure: bool = True
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Different:
    """A file of a package that differs.

    ``what`` is ``content``, ``mode``, ``owner``, ``target``, ``kind``, ``missing`` (only in the first), ``new`` (only in the
    second), ``capability``, several of them, or ``control``. ``varied`` names the variations that alone make the difference;
    ``always`` tells that it comes without any. Both are empty and False if that was not looked for.
    """

    path: str
    what: tuple[str, ...]
    evidence: tuple[Evidence, ...] = ()
    excerpt: tuple[str, ...] = ()
    varied: tuple[str, ...] = ()
    always: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A package of both builds; ``files`` are those that differ, none if it is the same to the byte.

    ``name`` is the file's. ``total`` counts its files. ``note`` tells of a difference that is in no file: the package is in
    one build only, or differs in its compression.
    """

    name: str
    total: int
    files: tuple[Different, ...] = ()
    note: str = ""

    @property
    def identical(self) -> bool:
        """Whether control and data parts are the same to the byte."""
        return not self.files and not self.note


@dataclass(frozen=True, slots=True)
class Failed:
    """A build that failed where another did not: the message, where its log lies, and which variations alone do that."""

    message: str
    log: Path
    varied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A file that holds the path it was built in, by package; ``where`` and ``text`` are of the first place."""

    package: str
    path: str
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency whose version is not the one recorded; empty where it is not installed."""

    name: str
    recorded: str
    installed: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole answer.

    ``against`` is the package that a rebuild was compared with, None where the recipe was built twice. ``paths`` are the files
    that hold the path, None unless that was varied; it does not count for ``result``. ``builds`` is how many were made, in
    ``seconds``. ``notes`` are remarks for people.
    """

    recipe: str
    version: str
    against: Path | None
    result: Result
    variations: tuple[Applied, ...]
    pairs: tuple[Pair, ...]
    failed: Failed | None = None
    paths: tuple[Held, ...] | None = None
    dependencies: tuple[Dependency, ...] = ()
    notes: tuple[str, ...] = ()
    builds: int = 0
    seconds: float = 0.0
    searched: bool = False
    """Whether it was looked for which variation makes the differences."""
    kept: Path | None = None
    """Where packages and logs of the builds were left."""

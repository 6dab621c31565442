# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked for each recipe, what an edit would change, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

Status = Literal["bumped", "planned", "unchanged", "failed", "held-back", "not-reached"]
"""``planned``: only shown (``--dry-run``). ``unchanged``: it has the newest version already. ``held-back``: what it needs in
this command failed. ``not-reached``: the command was interrupted before."""

BAD: Final[frozenset[Status]] = frozenset(("failed", "held-back", "not-reached"))
"""Statuses after which the recipe is as it was before."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for one recipe.

    ``name`` is ``main/foo``, ``folder`` absolute. ``version`` is the pkgver wanted; None: the newest one there is, or with
    ``rebuild`` the same one, with pkgrel raised.
    """

    name: str
    folder: Path
    version: str | None = None
    rebuild: bool = False
    word: str = ""

    @property
    def section(self) -> str:
        """``main`` of ``main/foo``."""
        return self.name.partition("/")[0]

    @property
    def pkgname(self) -> str:
        """``foo`` of ``main/foo``."""
        return self.name.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Edit:
    """The change to one recipe's folder: versions (``1.0-r2``), and the files that are written (None: deleted).

    ``refreshed`` has for each patch what was moved in it. ``why`` is the reason of a rebuild, as in ``against foo-2.0``.
    """

    wish: Wish
    old: str
    new: str
    files: Mapping[str, bytes | None] = field(repr=False)
    dropped: tuple[str, ...] = ()
    refreshed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixes: tuple[str, ...] = ()
    downgrade: bool = False
    why: str = ""

    @property
    def pkgver(self) -> str:
        """The new version without pkgrel."""
        return self.new.rpartition("-r")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a recipe.

    ``reason`` is one of the batch's for a build that failed, else ``version``, ``upstream``, ``edit``, ``fetch``, ``patch``,
    ``git``, ``commit``. ``held_by`` are the recipes that hold it back. ``differences`` are documents of what differs in each
    package from the one published before; ``lost`` what those provided and the new ones do not, ``changed``
    that and what they provide in another version or with another ABI.
    """

    name: str
    status: Status
    old: str = ""
    new: str = ""
    reason: str = ""
    error: str = ""
    hint: str = ""
    log: str = ""
    held_by: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    refreshed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    commit: str = ""
    subject: str = ""
    apks: tuple[str, ...] = ()
    differences: tuple[Any, ...] = ()
    lost: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    diff: str = field(default="", repr=False)
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Follower:
    """A recipe that has to be rebuilt, and what for."""

    name: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run. ``followers`` have still to be rebuilt; ``trouble`` is what kept packages from being published."""

    results: tuple[Result, ...]
    followers: tuple[Follower, ...] = ()
    trouble: str = ""
    branch: str = ""
    pushed: str = ""
    interrupted: bool = False

    @property
    def exit_status(self) -> int:
        """0 all done, 1 some failed or are held back, or nothing could be published or pushed; 130 interrupted."""
        if self.interrupted:
            return 130
        return int(bool(self.trouble) or any(result.status in BAD for result in self.results))

# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a change: the recipes to rebuild when packages provide something no more, or something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from abuildpy.batch.existing import Existing
from abuildpy.batch.recipes import Recipes
from abuildpy.maintain.diff.model import Provided

ReasonKind = Literal["lost", "abi", "build"]
"""``lost``: a package of it depends at run time on what is gone, so it cannot be installed. ``abi``: a package of it depends
on what is still there and has another ABI. ``build``: its build takes packages that the change concerns, but nothing of it
depends on them at run time; only what is linked statically, or generated, makes a rebuild necessary."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a recipe follows.

    ``wanted`` is the dependency as it is written (``so:libfoo.so.1``, ``foo-dev>=1.2``); ``by`` who has it: a package with its
    version, or the variable of the recipe (``makedepends``).
    """

    kind: ReasonKind
    wanted: str
    by: str


@dataclass(frozen=True, slots=True)
class Follower:
    """A recipe that follows. ``folder`` is empty where the tree has no recipe that makes the packages.

    ``named`` are dependencies that the recipe itself spells out (``depends="cmd:foo"``): a rebuild alone does not mend them.
    """

    name: str
    pkgname: str
    folder: str
    reasons: tuple[Reason, ...]
    named: tuple[str, ...] = ()

    @property
    def must(self) -> bool:
        """Whether its packages are broken until it is rebuilt, or may be."""
        return any(reason.kind != "build" for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Following:
    """Those that follow, in build order: ``rebuild`` those that must be, ``perhaps`` those that only build with it.

    ``circles`` are groups of names that wait for each other; ``absent`` are followers that the tree has no recipe for, or
    none for this architecture.
    """

    changes: tuple[Provided, ...]
    rebuild: tuple[Follower, ...] = ()
    perhaps: tuple[Follower, ...] = ()
    circles: tuple[tuple[str, ...], ...] = ()
    absent: tuple[Follower, ...] = ()


def what_follows(
    changes: Iterable[Provided],
    existing: Existing,
    recipes: Recipes,
    variables: Mapping[str, str],
    *,
    own: Iterable[str] = (),
) -> Following:
    """The recipes of a tree that have to be rebuilt after some changes (:attr:`Difference.provided`), and why.

    ``existing`` has the indexes that tell what packages depend on; ``variables`` are the configuration's, CARCH among them;
    ``own`` are the recipes (``pkgname``) that the changes come from: they do not follow.
    """
    raise NotImplementedError

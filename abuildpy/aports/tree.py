# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the recipes of repositories, the folders that hold aports: main, community, testing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from abuildpy.errors import RecipeError


class Place(NamedTuple):
    """Where an aport lies: its folder, spelled as the repository was, and its APKBUILD, absolute."""

    folder: str
    apkbuild: str


def repository_around(folder: str) -> str:
    """The repository that a folder means: the one above where it is an aport's, else the folder itself."""
    return os.path.dirname(folder) if os.path.exists(os.path.join(folder, "APKBUILD")) else folder


def find_recipes(repository: str) -> list[Place]:
    """The aports of a repository in the order in which a shell finds ``*/APKBUILD``.

    Raises RecipeError if there is no such folder or not one recipe in it.
    """
    try:
        with os.scandir(repository) as entries:
            linked = {entry.name: entry.is_symlink() for entry in entries if entry.name[0] != "."}
    except OSError as error:
        raise RecipeError(f"{repository}: {error.strerror}", hint=_HINT) from None
    top = os.path.realpath(repository)
    places = list(_places(repository, top, linked))
    if not places:
        inside = [name for name in sorted(linked) if _holds_recipes(os.path.join(repository, name))]
        named = " ".join(f"-d {os.path.join(repository, name)}" for name in inside[:3])
        raise RecipeError(f"{repository}: no recipes in it", hint=f"but there are with {named}" if inside else _HINT)
    return places


_HINT = "name the folder that holds the aports, as main in Alpine's tree"


def _places(repository: str, top: str, linked: dict[str, bool]) -> Iterator[Place]:
    # A shell sorts whole paths, so that lib-extra/APKBUILD comes before lib/APKBUILD.
    for name in sorted(linked, key="{}/".format):
        apkbuild = f"{top}/{name}/APKBUILD"
        if os.access(apkbuild, os.F_OK) or _is_shut(f"{top}/{name}"):
            yield Place(f"{repository}/{name}", os.path.realpath(apkbuild) if linked[name] else apkbuild)


def _is_shut(folder: str) -> bool:
    """Whether nobody here can see what is in a folder. It counts as an aport, so that who reads it says why that fails."""
    return os.path.isdir(folder) and not os.access(folder, os.X_OK)


def _holds_recipes(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(os.path.exists(os.path.join(entry, "APKBUILD")) for entry in entries)
    except OSError:
        return False

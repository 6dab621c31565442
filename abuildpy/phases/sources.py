# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a build, with the folders and the mirror that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abuildpy.config import Config
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console


def fetch_sources(
    recipe: Recipe, config: Config, workspace: Workspace, console: Console, shown: Callable[[Path], Path] = Path
) -> None:
    """Downloads what is missing, verifies all and links it into src, by the paths that stages know (``shown``).

    Raises FetchError, ChecksumError.
    """
    if not recipe.source:  # nothing of what follows is worth its import then
        workspace.src.mkdir(parents=True, exist_ok=True)
        return
    from abuildpy.source.acquire import acquire
    from abuildpy.source.transfer import FetchOptions
    from abuildpy.ui.progress import download_bar

    acquire(
        recipe,
        srcdest=source_folder(recipe, config),
        srcdir=workspace.src,
        mirror=_mirror(config),
        log=console,
        options=FetchOptions(progress=download_bar()),
        shown=shown,
    )


def unpack_sources(recipe: Recipe, config: Config, workspace: Workspace, console: Console) -> None:
    """Extracts the archives among the sources into src. Raises UnpackError."""
    if not recipe.source:
        return
    from abuildpy.source.acquire import unpack_all

    unpack_all(recipe, srcdest=source_folder(recipe, config), srcdir=workspace.src, log=console)


def link_sources(
    recipe: Recipe, config: Config, workspace: Workspace, console: Console, shown: Callable[[Path], Path]
) -> None:
    """``symlinksrc``: links the sources into src as they are, by the paths that stages know (``shown``). Raises FetchError."""
    from abuildpy.source.acquire import link

    link(recipe, srcdest=source_folder(recipe, config), srcdir=workspace.src, log=console, shown=shown)


def fetch_entry(entry: str, recipe: Recipe, config: Config, console: Console) -> None:
    """Downloads one word of ``source`` form, as a recipe's own function may ask for. Raises FetchError."""
    from abuildpy.source.fetch import fetch

    fetch(entry, source_folder(recipe, config), log=console, mirror=_mirror(config))


def write_source_checksums(recipe: Recipe, config: Config, console: Console) -> None:
    """``checksum``: fetches all sources unverified and writes their SHA-512 into the APKBUILD; without sources, none.

    Raises RecipeError for two sources of one file name, FetchError for one that cannot be had.
    """
    from abuildpy.recipe.edit import write_checksums
    from abuildpy.source.acquire import compute_checksums

    sums = compute_checksums(recipe, srcdest=source_folder(recipe, config), log=console, mirror=_mirror(config))
    if recipe.source:
        console.msg(f"Updating the sha512sums in {recipe.path}...")
    elif recipe.checksums:
        console.msg(f"Removing checksums from {recipe.path}")
    write_checksums(recipe.path, sums)


def _mirror(config: Config) -> str | None:
    return config.get("DISTFILES_MIRROR") or None

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a build, with the folders and the mirror that the configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import LimitError
from abuildpy.phases.limits import Limits, option, show_size
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


def unpack_sources(recipe: Recipe, config: Config, workspace: Workspace, console: Console, limits: Limits) -> None:
    """Extracts the archives among the sources into src.

    Raises UnpackError, also for an archive that holds more than ``limits`` or what is usual allow, and LimitError where it
    was the limit on the disk.
    """
    if not recipe.source:
        return
    from abuildpy.source.acquire import unpack_all
    from abuildpy.source.unpack import TooLarge, usual_most

    disk = limits.max_disk

    def most(archive: Path) -> int | None:
        said = limits.max_unpacked
        allowed = usual_most(archive) if said is None and disk is None else said or None
        if disk is None:
            return allowed
        from abuildpy.sandbox.disk import used_by

        left = max(0, disk - used_by(workspace.writable))
        return left if allowed is None else min(allowed, left)

    try:
        unpack_all(recipe, srcdest=source_folder(recipe, config), srcdir=workspace.src, log=console, most=most)
    except TooLarge as error:
        if disk is None or limits.max_unpacked:
            raise
        text = f"its work folders would hold more than {show_size(disk)} ({option('max_disk')}): {error.message}"
        raise LimitError(
            "unpack was ended: disk", reason="disk", phase="unpack", status=error.exit_status, details=(text,)
        ) from error


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

# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of a build: where they are kept, where they go."""

from __future__ import annotations

from abuildpy.config import Config
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console


def fetch_sources(recipe: Recipe, config: Config, workspace: Workspace, console: Console) -> None:
    """Downloads what is missing, verifies all and links it into src. Raises FetchError, ChecksumError."""
    workspace.create()
    if not recipe.source:
        return
    from abuildpy.source.acquire import acquire

    acquire(
        recipe,
        srcdest=source_folder(recipe, config),
        srcdir=workspace.src,
        mirror=config.get("DISTFILES_MIRROR") or None,
        log=console,
    )


def unpack_sources(recipe: Recipe, workspace: Workspace, console: Console) -> None:
    """Extracts the archives among the sources into src. Raises UnpackError."""
    if not recipe.source:
        return
    from abuildpy.source.acquire import unpack_all

    unpack_all(recipe, srcdir=workspace.src, log=console)

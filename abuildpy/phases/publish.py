# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates the indexes of the repositories that a recipe's packages went to."""

from __future__ import annotations

from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import RepositoryError
from abuildpy.messages import Messages
from abuildpy.package.sign import Signer
from abuildpy.phases.upkeep import repository_folder
from abuildpy.recipe.history import describe
from abuildpy.recipe.model import Recipe
from abuildpy.repository.indexing import LOCK_NAME, update_index
from abuildpy.repository.lock import locked
from abuildpy.repository.trust import trusted_keys
from abuildpy.ui.console import Console


def update_indexes(recipe: Recipe, config: Config, signer: Signer, description: str | None, console: Console) -> None:
    """Writes APKINDEX.tar.gz, signed, for every architecture of the recipe's packages; with ABUILD_V3_INDEX, Packages.adb too.

    ``description`` defaults to DESCRIPTION, then to the repository's name and ``git describe``. Raises RepositoryError
    where there is no folder of packages, or apk fails to write its index. Packages that nobody trusted has signed are left out
    with a warning: our signature under the index would vouch for them.
    """
    text = description or config.get("DESCRIPTION") or f"{recipe.repo} {describe(recipe.startdir)}"
    arches = dict.fromkeys(
        config.carch if recipe.arch_of(name) == "noarch" else recipe.arch_of(name) for name in recipe.package_names
    )
    for arch in arches:
        folder = repository_folder(recipe, config, arch)
        if not folder.is_dir():
            raise RepositoryError(f"{folder}: no such folder", hint="build a package first")
        write_index(folder, arch, config, signer, text, console)


def write_index(folder: Path, arch: str, config: Config, signer: Signer, description: str, log: Messages) -> None:
    """The same for one folder of packages, as it is now."""
    mtime = int(config.source_date_epoch) if config.source_date_epoch.isdigit() else None
    keys = trusted_keys(config, {signer.name: signer.public_pem})
    update_index(folder, arch=arch, description=description, sign=signer.sign_index, log=log, mtime=mtime, keys=keys)
    if config.get("ABUILD_V3_INDEX"):
        from abuildpy.repository.apkclient import ApkClient, make_v3_index

        log.msg("Creating v3 index...")
        with locked(folder / LOCK_NAME):
            make_v3_index(
                ApkClient(config.apk, (), config.environ),
                folder,
                arch=arch,
                description=description,
                private_key=config.packager_privkey,
            )

# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done for each verb that is no function of the recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.phases import upkeep
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.build import Build


def actions_of(build: Build) -> dict[str, Callable[[], None]]:
    """By the verb's name: parts of a build, and what keeps a repository and its recipes in order."""
    from abuildpy.phases.rules import license_rule, maintainer_rule

    def kept_up(
        action: Callable[[Recipe, Config, Console], None], then: Callable[[], None] | None = None
    ) -> Callable[[], None]:
        def run() -> None:
            action(build.recipe, build.config, build.console)
            if then is not None:
                then()

        return run

    return {
        "all": build.all,
        "build_abuildrepo": build.build_repository,
        "builddeps": build.check_dependencies,
        "check_fakeroot": build.check_in_fakeroot,
        "check_license": kept_up(license_rule),
        "check_maintainer": kept_up(maintainer_rule),
        "checksum": build.checksum,
        "clean": build.clean,
        "cleancache": kept_up(upkeep.clean_cache),
        "cleanoldpkg": kept_up(upkeep.clean_old_packages, then=build.index),
        "cleanpkg": kept_up(upkeep.clean_packages, then=build.index),
        "deps": build.install_dependencies,
        "fetch": build.fetch,
        "index": build.index,
        "installdeps": build.install_dependencies,
        "listpkg": kept_up(upkeep.list_packages),
        "rootbld": build.root_build,
        "rootpkg": build.root_package,
        "sanitycheck": kept_up(upkeep.old_name_of_validate),
        "snapshot": build.snapshot,
        "sourcecheck": kept_up(upkeep.check_sources),
        "srcpkg": build.pack_recipe,
        "symlinksrc": build.link_sources,
        "targz": build.pack_tree,
        "undeps": build.remove_dependencies,
        "uninstalldeps": build.remove_dependencies,
        "unpack": build.unpack,
        "up2date": build.require_up_to_date,
        "update_abuildrepo_index": build.index,
        "validate": build.validate,
        "verify": build.fetch,
    }

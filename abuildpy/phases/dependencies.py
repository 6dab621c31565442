# SPDX-License-Identifier: GPL-3.0-or-later
"""Build dependencies of a recipe: are they there, install them, remove them again."""

from __future__ import annotations

from abuildpy.config import Config
from abuildpy.errors import DependencyError
from abuildpy.phases.upkeep import built_earlier
from abuildpy.recipe.model import Recipe
from abuildpy.repository import apkclient
from abuildpy.shell import find_program
from abuildpy.ui.console import Console

_NO_APK = "use -d to build without looking at dependencies, or install apk-tools"


def require(recipe: Recipe, config: Config) -> None:
    """Raises DependencyError that lists what is missing, or says that nobody can tell."""
    deps = apkclient.calc_deps(recipe, config.variables)
    apkclient.require(_client(config), deps, cbuildroot=config.get("CBUILDROOT"))


def install(recipe: Recipe, config: Config, console: Console) -> None:
    """Installs the build dependencies as one virtual package. Raises DependencyError."""
    template = recipe.startdir.parent / ".rootbld-repositories"
    repositories = dict.fromkeys(
        repository
        for place in built_earlier(config)
        for repository in apkclient.repositories(place, recipe.repo, template)
    )
    _client(config).install(
        recipe.pkgname,
        apkclient.calc_deps(recipe, config.variables),
        tuple(repositories),
        cbuildroot=config.get("CBUILDROOT"),
        log=console,
    )


def uninstall(recipe: Recipe, config: Config, console: Console) -> None:
    """Removes that virtual package; a failure is no reason to fail a build, so it is only told."""
    try:
        client = _client(config)
    except DependencyError:  # no apk, so nothing was installed either
        return
    if not client.uninstall(recipe.pkgname, cbuildroot=config.get("CBUILDROOT")):
        console.warning("The build dependencies could not be removed")


def _client(config: Config) -> apkclient.ApkClient:
    apk = config.get("APK", "apk")
    path = config.environ.get("PATH")
    if find_program(apk.split()[0] if apk.split() else "apk", path) is None:
        raise DependencyError(
            f"{apk}: not found, so build dependencies can be neither seen nor installed", hint=_NO_APK
        )
    return apkclient.ApkClient.of(apk, config.get("SUDO_APK", "abuild-apk --no-interactive"), config.environ)

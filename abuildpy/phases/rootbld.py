# SPDX-License-Identifier: GPL-3.0-or-later
"""``rootbld``: builds a recipe in a clean root. Sources are fetched, and packages signed, outside it."""

from __future__ import annotations

import os
from pathlib import Path

from abuildpy.config import Config, load_config
from abuildpy.errors import DependencyError
from abuildpy.phases.cleanroot import CleanRoot, what_to_build
from abuildpy.phases.readers import readers_of
from abuildpy.phases.rootfolder import RootFolder, new_root_folder
from abuildpy.phases.settings import Settings
from abuildpy.phases.upkeep import built_earlier
from abuildpy.phases.walls import Stages
from abuildpy.recipe import history
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.history import Provenance
from abuildpy.recipe.model import Recipe
from abuildpy.record import replace
from abuildpy.repository import apkclient
from abuildpy.repository.cleanroot import (
    TEMPLATE,
    RootMaker,
    announce,
    release_of,
    repository_lines,
    template_variables,
)
from abuildpy.sandbox.bwrap import BwrapWall
from abuildpy.sandbox.foreign import native_arch, require_runnable
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.probe import clean_root_wall
from abuildpy.sandbox.view import require_inside
from abuildpy.shell import find_program
from abuildpy.ui.console import Console

_PLACE = Path("/var/tmp")  # noqa: S108 - mkdtemp's name cannot be guessed
_ALWAYS = ("abuild", "alpine-base")
"""Packages of every clean root (abuild 3.18): recipes may call abuild's helpers, and fakeroot comes with them."""

_LOCATIONS = (
    "HOME",
    "PATH",
    "TMPDIR",
    "ABUILD_SHAREDIR",
    "ABUILD_DEFCONF",
    "ABUILD_CONF",
    "ABUILD_USERDIR",
    "ABUILD_USERCONF",
)


def require_walls(startdir: Path, console: Console) -> None:
    """Raises SandboxError where the recipe in that folder could not be built in a clean root, for want of walls."""
    clean_root_wall(startdir, _PLACE, console)


class CleanRoots:
    """What making a clean root for a recipe takes. Everything that can be known before is checked when it is made."""

    def __init__(self, recipe: Recipe, config: Config, settings: Settings, console: Console) -> None:
        """Raises SandboxError without walls for it, or for a machine that cannot run it; DependencyError."""
        self._recipe = recipe
        self._config = config
        self._settings = settings
        self._console = console
        self._wall: BwrapWall = clean_root_wall(recipe.startdir, _PLACE, console)
        warning = require_runnable(config.get("CBUILD_ARCH"), native_arch())
        if warning is not None:
            console.warning(f"rootbld: {warning}")
        self._branch = history.branch(recipe.startdir)
        self._repositories = repository_lines(
            recipe.startdir.parent / TEMPLATE,
            template_variables(history.git_settings(recipe.startdir, "abuild"), self._branch),
            config.environ,
            built=built_earlier(config),
            repo=recipe.repo,
        )
        self._command = _apk(config)

    def make(self, folder: RootFolder, *, network: bool) -> None:
        """Has apk install what the recipe needs; with ``network`` names can be resolved inside.

        Raises DependencyError if apk fails.
        """
        config, recipe = self._config, self._recipe
        (config.repodest / recipe.repo).mkdir(parents=True, exist_ok=True)
        announce(self._repositories, self._console)
        deps = apkclient.calc_deps(recipe, config.variables)
        maker = RootMaker(
            self._command, config.environ, self._repositories, keys=_keys(config), cache=_package_cache(config)
        )
        merged = config.get("BOOTSTRAP_USR_MERGED") == "1"
        exact = config.get("ABUILDPY_ROOT_PACKAGES").split()  # the versions of an earlier build, to make it again
        packages = (*_ALWAYS, *deps.builddeps, *exact)
        maker.make(folder.root, arch=config.get("CBUILD_ARCH"), packages=packages, merged=merged)
        if config.get("CBUILD") != config.get("CHOST") or config.get("CHOST") != config.get("CTARGET"):
            arch = config.get("CTARGET_ARCH")
            maker.make_sysroot(folder.sysroot, arch=arch, packages=deps.hostdeps, base=folder.root)
        _complete(folder, network=network)

    def enter(self, folder: RootFolder, known: Provenance) -> tuple[Recipe, Stages]:
        """The recipe as it is in that root, where the caller's environment means nothing, and what runs its stages there.

        ``known`` is where the recipe comes from: sources linked into its folder since may look like changes.
        """
        config = _clean_config(self._config)
        runner = readers_of(config, self._settings, self._console).runner()
        recipe = evaluate(self._recipe.path, config, runner)
        hand_over((folder.workspace(recipe.startdir).create()), self._wall.user)
        release = release_of(self._branch) or "edge"
        hostname = f"build-{release.replace('.', '-', 1)}-{self._config.carch}"
        around = CleanRoot(folder, recipe, self._config, self._wall, hostname)
        disguise = self._settings.errand.root
        seen = disguise(around) if disguise else around
        return recipe, Stages(self._config, self._settings, self._console, seen, {recipe.path: known})

    def make_folder(self) -> RootFolder:
        """A new folder for one root, which nobody else can enter: there may be programs in it that are setuid root.

        Only root's is open to those who run recipes for root, by their group.
        """
        folder = new_root_folder(_PLACE)
        if self._wall.user.drops:
            os.chown(folder.path, -1, self._wall.user.host_gid)
            folder.path.chmod(0o710)
        return folder


def _complete(folder: RootFolder, *, network: bool) -> None:
    """Makes what stages need and packages may not bring: mount points, accounts, the name resolver's configuration.

    Raises SandboxError where packages put something else there.
    """
    for name in ("proc", "dev", "run", "tmp", "var/tmp", "home/user"):
        require_inside(folder.root, Path("/", name), make=True)
    etc = require_inside(folder.root, Path("/etc"), make=True)
    for name in ("passwd", "group"):
        if not os.path.lexists(etc / name):
            (etc / name).touch()
    if network and os.path.isfile("/etc/resolv.conf"):
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").write_bytes(Path("/etc/resolv.conf").read_bytes())


def _clean_config(config: Config) -> Config:
    """The configuration as the files alone give it."""
    environ = {name: config.environ[name] for name in _LOCATIONS if name in config.environ}
    clean = load_config({**environ, **what_to_build(config)})
    passed = config.get("ABUILD_PASS_ENV")
    return replace(clean, variables={**clean.variables, "ABUILD_PASS_ENV": passed}) if passed else clean


def _apk(config: Config) -> tuple[str, ...]:
    """The command that makes roots: ROOTBLD_APK, else apk in the way that an ordinary user, or root, can."""
    own = tuple(config.get("ROOTBLD_APK").split())
    usermode = ("--usermode",) if os.geteuid() != 0 else ()
    command = own or (*config.apk, "--no-interactive", *usermode)
    if find_program(command[0], config.environ.get("PATH")) is None:
        raise DependencyError(
            f"rootbld: {command[0]}, which makes clean roots, was not found", hint="install apk-tools"
        )
    return command


def _keys(config: Config) -> tuple[Path, ...]:
    """Public keys that a root trusts: of both machines, this system's, and the packager's own."""
    known = [Path("/usr/share/apk/keys") / config.get(name) for name in ("CBUILD_ARCH", "CTARGET_ARCH")]
    own = config.packager_pubkey
    return (*known, Path("/etc/apk/keys"), *((Path(own),) if own else ()))


def _package_cache(config: Config) -> Path | None:
    """Where apk keeps what it downloads; nowhere if the variable is set and empty."""
    if "ABUILD_PACKAGE_CACHE" in config.variables:
        named = config.get("ABUILD_PACKAGE_CACHE")
        return Path(named) if named else None
    return Path(config.get("XDG_CACHE_HOME") or f"{config.home}/.cache") / "apk"

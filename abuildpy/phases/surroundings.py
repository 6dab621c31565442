# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage finds around it: which wall, which files, which programs and accounts, which environment.

:class:`Host` is this machine as every ordinary build sees it; a clean root (``cleanroot.py``) is the other one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

from abuildpy.config import PACKAGE_DIR, Config
from abuildpy.errors import ConfigError, WallError
from abuildpy.phases.key import Key
from abuildpy.phases.ownership import Accounts, HostAccounts
from abuildpy.phases.settings import Settings
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.workspace import private_folder
from abuildpy.recipe.environment import recipe_environment
from abuildpy.recipe.model import Recipe
from abuildpy.sandbox.base import BuildUser, Request, Wall
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.identity import Identity
from abuildpy.sandbox.probe import choose, likely
from abuildpy.sandbox.process import is_inside
from abuildpy.shell import find_ash
from abuildpy.ui.console import Console

_CACHES = ("GOCACHE", "GOMODCACHE", "CARGO_HOME", "HARECACHE")

T = TypeVar("T")


class Surroundings(Protocol):
    """What a stage finds around it. Paths are this machine's unless they say otherwise."""

    @property
    def private(self) -> Path:
        """A folder that recipes can at most read."""

    @property
    def ash(self) -> tuple[str, ...]:
        """The words that start BusyBox ash inside."""

    @property
    def fakeroot(self) -> Mapping[str, str]:
        """What ``fakeroot.sh`` wants to find in its environment."""

    def inside(self, path: Path) -> Path:
        """The path by which a stage knows a file or folder of this machine."""

    def wall(self, startdir: Path) -> Wall:
        """The wall around builds of the recipe in ``startdir``. Raises SandboxError."""

    def behind(self, startdir: Path, run: Callable[[Wall], T]) -> T:
        """Calls ``run`` with the wall, which may turn out not to hold (WallError); then with one that does."""

    def out_of_sight(self, startdir: Path) -> tuple[str, ...]:
        """Folders of PATH that a stage cannot see."""

    def environment(self, recipe: Recipe, *, colors: bool, network: bool) -> dict[str, str]:
        """The environment that the first stage of a build starts from; ``network``: whether it has one."""

    def accounts(self, recipe: Recipe, wall: Wall) -> Accounts:
        """What the ids are called that a stage gave to files."""

    def furnish(self, request: Request, recipe: Recipe, user: BuildUser) -> Request:
        """The request with all that is to be seen besides the work folders."""


class Host:
    """This machine: system folders, the recipe's tree and the user's caches, at their own paths."""

    def __init__(self, config: Config, sandbox: str, console: Console, key: Key, require: str = "") -> None:
        """``sandbox`` is what the user wants (probe.MODES), ``require`` the least that will do (empty: anything)."""
        self._config = config
        self._sandbox = sandbox
        self._require = require
        self._console = console
        self._key = key
        self._walls: dict[Path, Wall] = {}

    @cached_property
    def private(self) -> Path:
        """A folder that recipes can at most read; gone when the program ends."""
        return private_folder()

    @cached_property
    def ash(self) -> tuple[str, ...]:
        """This machine's BusyBox."""
        return find_ash(self._config.environ.get("PATH"))

    @property
    def fakeroot(self) -> Mapping[str, str]:
        """This machine's fakeroot."""
        from abuildpy.sandbox.fakeroot import find_fakeroot

        return find_fakeroot().environment

    def inside(self, path: Path) -> Path:
        """The same path: nothing is moved."""
        return path

    def wall(self, startdir: Path) -> Wall:
        """The best wall that works here, found by trying."""
        if startdir not in self._walls:
            self._walls[startdir] = choose(self._sandbox, self._console, startdir=startdir, require=self._require)
        return self._walls[startdir]

    def behind(self, startdir: Path, run: Callable[[Wall], T]) -> T:
        """Tries the wall that nearly every machine can build first, as trying costs more than many a stage."""
        known = self._walls.get(startdir)
        wall = known or likely(self._sandbox, startdir=startdir) or self.wall(startdir)
        try:
            result = run(wall)
        except WallError:
            if known is not None:
                raise
            return run(self.wall(startdir))
        self._walls[startdir] = wall
        return result

    def out_of_sight(self, startdir: Path) -> tuple[str, ...]:
        """Folders of PATH below homes and in other places that the walls leave empty, unless the recipe's tree is there."""
        if self.wall(startdir).name == "none":
            return ()
        seen = [path.resolve() for path in self._readable(startdir)]
        hidden = [Path(place).resolve() for place in ("/home", "/root", "/tmp", "/var/tmp", "/run", self._config.home)]  # noqa: S108
        return tuple(
            name
            for name in self._config.environ.get("PATH", "").split(":")
            if os.path.isdir(name)
            and any(is_inside(Path(name).resolve(), place) for place in hidden if place != Path("/"))
            and not any(is_inside(Path(name).resolve(), place) for place in seen)
        )

    def environment(self, recipe: Recipe, *, colors: bool, network: bool) -> dict[str, str]:
        """The caller's, without secrets."""
        return recipe_environment(self._config, str(recipe.path), colors=colors, network=network)

    def accounts(self, recipe: Recipe, wall: Wall) -> Accounts:
        """Alpine's base accounts and the recipe's; where those are not laid over the machine's, names stood for its own."""
        return _identity(recipe, wall.user) if wall.overlays else HostAccounts()

    def furnish(self, request: Request, recipe: Recipe, user: BuildUser) -> Request:
        """Adds the recipe's tree, its sources, the sysroot and caches, and the accounts; hides keys."""
        from abuildpy.phases.concealed import cleaned_git, named_files

        root = self._config.get("CBUILDROOT")  # what is built for another machine is built against that
        return replace(
            request,
            cleaned=cleaned_git(self._readable(recipe.startdir), self.private),
            readable=_existing(
                *self._readable(recipe.startdir),
                source_folder(recipe, self._config),
                *self._config_files(),
                *((Path(root),) if root else ()),
            ),
            caches=self._caches(user),
            hidden=(*self._key.hidden(), *named_files(self._config)),
            files=_identity(recipe, user).write(self.private),
        )

    def furnish_evaluation(self, request: Request, *startdirs: Path) -> Request:
        """Adds the trees of recipes (of one in each repository folder) and the configuration; hides keys."""
        from abuildpy.phases.concealed import cleaned_git, named_files

        trees = tuple(dict.fromkeys(path for startdir in startdirs for path in self._readable(startdir)))
        return replace(
            request,
            readable=_existing(*trees, *self._config_files()),
            hidden=(*self._key.hidden(), *named_files(self._config)),
            cleaned=cleaned_git(trees, self.private),
        )

    def _config_files(self) -> tuple[Path, ...]:
        return (*self._config.files(), self._config.sharedir, Path(PACKAGE_DIR))

    def _readable(self, startdir: Path) -> tuple[Path, ...]:
        """The recipe's folder and, as recipes read their siblings, the tree around it, unless the home is in that."""
        home = Path(self._config.home).resolve()
        tree = startdir
        for parent in startdir.parents:
            if home == parent or parent in home.parents:
                break
            if parent == startdir.parent or (parent / ".git").exists():
                tree = parent
            if (parent / ".git").exists():
                break
        return (startdir, tree, self.private)

    def _caches(self, user: BuildUser) -> tuple[Path, ...]:
        names = [self._config.get(name) for name in _CACHES]
        if self._config.get("USE_CCACHE"):
            names.append(self._config.get("CCACHE_DIR") or f"{self._config.home}/.ccache")
        folders = tuple(Path(name) for name in names if name)
        for folder in folders:
            if not folder.is_dir():
                folder.mkdir(parents=True)
                hand_over((folder,), user)
        return folders


def _existing(*paths: Path) -> tuple[Path, ...]:
    """Paths without those that are not there and without repetitions."""
    return tuple(path for path in dict.fromkeys(paths) if path.exists())


def _identity(recipe: Recipe, user: BuildUser) -> Identity:
    return Identity.build(recipe.pkgusers, recipe.pkggroups, user.uid, user.gid)


def host_of(config: Config, settings: Settings, console: Console, key: Key) -> Host:
    """This machine, with the wall that the settings and the configuration want. Raises ConfigError for one that there is not."""
    required = settings.require_sandbox or _configured(config, "ABUILD_REQUIRE_SANDBOX", ("", "bwrap", "landlock"))
    return Host(config, settings.sandbox, console, key, required)


def sockets_of(config: Config, settings: Settings) -> str:
    """Which sockets stages may have. Raises ConfigError for what nobody knows."""
    return settings.sockets or _configured(config, "ABUILD_SOCKETS", ("", "tests", "none", "any")) or "tests"


def _configured(config: Config, name: str, values: tuple[str, ...]) -> str:
    """What abuild.conf or the environment say. Raises ConfigError for something else: a misspelt wall would be none."""
    value = config.get(name)
    if value not in values:
        raise ConfigError(f"{name} is '{value}'", hint=f"it takes one of {', '.join(filter(None, values))}")
    return value
